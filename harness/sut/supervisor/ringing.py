"""What rings at a time: once or again and again, by a clock that may be set.

Models: a time by CLOCK_REALTIME that comes earlier or later when the device's clock is set, as timers and sleeps until an
absolute time do; all other times are lengths, and a set clock changes nothing about them.
Source: timer_settime(2), timerfd_create(2), clock_nanosleep(2), NOTES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.sut.supervisor.abi import TIMESPEC

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_SECOND_NS = 10**9


class Ringing:
    """A timer. ``due_ns`` is CLOCK_MONOTONIC when it rings next; 0 when it does not."""

    def __init__(self, scheduler: Scheduler, *, realtime: bool) -> None:
        self.scheduler = scheduler
        self.realtime = realtime
        self.due_ns = 0
        self.interval_ns = 0
        self.wall_ns: int | None = None
        """CLOCK_REALTIME when it rings next, of one that was set to a time of day."""
        self._generation = 0

    @property
    def wanted(self) -> bool:
        """Whether anybody would still hear it."""
        raise NotImplementedError

    def ring(self) -> None:
        """It is time."""
        raise NotImplementedError

    def set(self, value_ns: int, interval_ns: int, *, absolute: bool) -> None:
        """Ring after or at ``value_ns``, and then every ``interval_ns``; 0 for both is never."""
        self._generation += 1
        self.interval_ns = interval_ns
        self.wall_ns = value_ns if value_ns and absolute and self.realtime else None
        scheduler = self.scheduler
        if not value_ns:
            self.due_ns = 0
        elif self.wall_ns is not None:
            self.due_ns = max(1, scheduler.time.monotonic_ns() + self.wall_ns - scheduler.time.realtime_ns())
        else:
            self.due_ns = value_ns if absolute else scheduler.time.monotonic_ns() + value_ns
        self._arm()

    def clock_was_set(self) -> None:
        """The device's clock has been set."""
        if self.wall_ns is not None and self.due_ns and self.wanted:
            self._generation += 1
            self.due_ns = max(1, self.scheduler.time.monotonic_ns() + self.wall_ns - self.scheduler.time.realtime_ns())
            self._arm()

    def setting(self) -> bytes:
        """struct itimerspec: the interval, and what is left."""
        left_ns = max(0, self.due_ns - self.scheduler.time.monotonic_ns()) if self.due_ns else 0
        return b"".join(TIMESPEC.pack(*divmod(each, _SECOND_NS)) for each in (self.interval_ns, left_ns))

    def _arm(self) -> None:
        if not self.due_ns:
            return
        generation = self._generation
        if self.wall_ns is not None:
            self.scheduler.time.by_wall_clock[self] = None

        def due() -> None:
            if self._generation == generation and self.wanted:
                if self.interval_ns:
                    self.due_ns += self.interval_ns
                    if self.wall_ns is not None:
                        self.wall_ns += self.interval_ns
                    self._arm()
                else:
                    self.due_ns = 0
                self.ring()

        self.scheduler.time.call_at(self.due_ns, due)

"""Virtual time as programs see it: clocks, deadlines, timers, and the moments in which the world has its turn.

Models: CLOCK_MONOTONIC from the boot of the device's kernel, CLOCK_REALTIME by its battery clock, also when somebody sets that.
Does not model: clocks that run at another rate.
Source: clock_gettime(2), timer_settime(2).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

from simpy.events import URGENT

from harness.sut.process import Process
from harness.sut.supervisor.clock import ClockPage
from harness.sut.supervisor.ringing import Ringing
from harness.sut.supervisor.tasks import Wait

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

UPTIME_NS = 10 * 10**9
"""CLOCK_MONOTONIC at the boot of the software: the device's kernel has been up for a while."""
_RING_WEIGHS = 8
"""System calls that a timer weighs."""


class Timekeeper:
    """One boot's clocks and what waits for them. ``page`` is what the programs read without a system call."""

    def __init__(self, scheduler: Scheduler, process: Process, page: ClockPage) -> None:
        self._scheduler = scheduler
        self._process = process
        self.page = page
        self.by_wall_clock: dict[Ringing, None] = {}
        """Timers that have been set to a time of day."""
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._shown_at_us = -1
        self._alarm = process.env.event()
        process.on_clock_set = self._was_set

    def notify(self, *_: object) -> None:
        """Something happened in the world that a thread may be waiting for: it goes on before anything else happens."""
        alarm = self._alarm
        if not alarm.triggered:
            alarm._ok, alarm._value = True, None
            self._process.env.schedule(alarm, URGENT)

    def call_at(self, due_ns: int, then: Callable[[], None]) -> None:
        """Call ``then`` when CLOCK_MONOTONIC shows ``due_ns``; it looks itself whether it is still wanted."""
        self._timer_count += 1
        heapq.heappush(self._timers, (due_ns, self._timer_count, then))

    def _was_set(self) -> None:
        """The device's clock shows another time: what waits for a time of day waits shorter or longer."""
        self._shown_at_us = -1
        ahead_ns = self.realtime_ns() - self.monotonic_ns()
        for task in self._scheduler.blocked:
            if task.wait is not None and task.wait.wall_ns is not None:
                task.wait.deadline_ns = task.wait.wall_ns - ahead_ns
        for each in list(self.by_wall_clock):
            each.clock_was_set()
        self.notify()

    def pass_on(self) -> None:
        """Nobody can go on: wait in virtual time for the world or for the first deadline."""
        deadlines = [
            task.wait.deadline_ns for task in self._scheduler.blocked if task.wait and task.wait.deadline_ns is not None
        ]
        if self._timers:
            deadlines.append(self._timers[0][0])
        process = self._process
        began_us = int(process.env._now)
        if self._scheduler.is_answered_now():
            # Whoever answers goes first: what the program owes is paid by what it asked for, not beside it.
            process.running_fiber.step_aside()
        elif deadlines:
            left_us = -(-(min(deadlines) - self.monotonic_ns()) // 1000)
            if left_us > 0:
                process.wait(self._alarm, left_us)
            else:
                process.sleep(0)
        else:
            process.wait(self._alarm, None)
        waited_us = int(process.env._now) - began_us
        self._scheduler.allowance.earn(waited_us)
        if self._alarm.triggered:
            self._alarm = process.env.event()
        self._ring(self.monotonic_ns())
        self._shown_at_us = -1

    def _ring(self, now_ns: int) -> None:
        """Timers and deadlines that are due."""
        while self._timers and self._timers[0][0] <= now_ns:
            self._scheduler.allowance.spend(_RING_WEIGHS)
            heapq.heappop(self._timers)[2]()
        due = [
            (task.wait.deadline_ns, task.order, task)
            for task in self._scheduler.blocked
            if task.wait is not None and task.wait.deadline_ns is not None and task.wait.deadline_ns <= now_ns
        ]
        for _, _, task in sorted(due, key=lambda each: each[:2]):
            if task.wait is not None:
                self._scheduler.wake(task, _finishing(task.wait))

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC as the programs read it, with what they owe for storage already passed."""
        process = self._process
        return UPTIME_NS + 1000 * (process.now_us() - process.boot_us)

    def realtime_ns(self) -> int:
        """CLOCK_REALTIME by the device's battery clock."""
        return 1000 * self._process.shown_us()

    def show(self) -> None:
        """Show the programs what time it is; nothing to be done while it has not moved and the world has not had its turn."""
        process = self._process
        if process.dead:
            process.refuse()
        clock = self.page
        if clock.was_read:
            process.looked_at_the_clock()
        if process.now_us() == self._shown_at_us and clock.is_untouched():
            return
        self._show_time()
        self._shown_at_us = process.now_us()

    def _show_time(self) -> None:
        monotonic_ns = self.monotonic_ns()
        clock = self.page
        ahead_us = (clock.monotonic_ns - monotonic_ns) // 1000
        if ahead_us > 0:
            # The program read its clock so often that it moved: that time is owed.
            self._process.spend(ahead_us)
            monotonic_ns = self.monotonic_ns()
        clock.set(monotonic_ns, self.realtime_ns() - monotonic_ns)


def _finishing(wait: Wait) -> Callable[[], None]:
    return lambda: wait.finish(True)

"""One run of terminal software on a device, from boot to death: its fibers, clock, chance, environment and open ports.

Models: a Linux process that has the device to itself. Everything of it ends at once, at power loss, at a crash or at a
restart; what outlives it is the device's.
Does not model: other processes, signals, CPU time. A loop that only reads the clock, or polls without waiting, is charged
a growing cost after a thousand rounds, so that it ends in virtual time as it would in real time.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import simpy

from harness.sut import current
from harness.sut.console import Console
from harness.sut.deaths import ProcessEnded
from harness.sut.fiber import Fiber
from harness.sut.modules import settle
from harness.sut.wordlist import words

if TYPE_CHECKING:
    from harness.storage.disk import Disk
    from harness.sut.modules import ModuleTable
    from harness.sut.ports import NetworkPort, WallClock

ExitCall: TypeAlias = tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]

REFUSALS_MAX = 50
FREE_SPINS = 1_000
SPIN_COST_US_MAX = 1_000
THREADS_MAX = 256

# What of a disk must not answer the dead: every public call, and the check behind the hooks.
_DISK_CALLS = words(
    """
    open close closerange dup dup2 read readinto readv pread preadv write writev pwrite pwritev lseek fsync
    fdatasync sync ftruncate truncate posix_fallocate sendfile copy_file_range stat lstat fstat statvfs fstatvfs
    access chmod fchmod chown lchown fchown utime getcwd getcwdb chdir fchdir mkdir rmdir unlink remove rename
    replace link symlink readlink listdir scandir isatty umask flock lockf fopen file_io _check_alive
    """
)


def _nothing() -> None:
    """Nobody minds."""


class Process:
    """``death`` makes the exception that unwinds the software once the process is dead."""

    def __init__(
        self,
        env: simpy.Environment,
        *,
        name: str,
        pid: int,
        disk: Disk,
        network: NetworkPort | None,
        wall_clock: WallClock,
        entropy: random.Random,
        console: Console,
        environ: dict[str, str],
        shown_clock: WallClock | None = None,
    ) -> None:
        self.env = env
        self.name = name
        self.pid = pid
        self.disk = disk
        self.network = network
        self.entropy = entropy
        self.console = console
        self.environ = environ
        self.table: ModuleTable | None = None
        self.boot_us = int(env.now)
        self.owed_us = 0
        self.dead = False
        self.guarded = True
        """Whether the guard looks at what its fibers do: not when the software is a program of its own, fenced elsewhere."""
        self.death: Callable[[], ProcessEnded] = ProcessEnded
        self.fiber: Fiber | None = None
        self.fibers: list[Fiber] = []
        self.exit_calls: list[ExitCall] = []
        self.sockets: dict[int, Any] = {}
        self.socket_timeout: float | None = None
        self.switches = 0
        """How often a fiber has been entered: the watchdog's sign of life."""
        self.number = -1
        """The station's index, for the watchdog's notes."""
        self.on_refused: Callable[[str], None] | None = None
        self.on_clock_set: Callable[[], None] = _nothing
        """Called when the device's clock has been set, by whoever set it."""
        self._wall_clock = wall_clock
        self._shown_clock = shown_clock if shown_clock is not None else wall_clock
        self._spins = 0
        self._refusals = 0
        self._idents = 0

    # ------------------------------------------------------------ fibers

    def spawn(self, body: Callable[[], None], *, at_once: bool = False) -> Fiber:
        """A new fiber, which starts at this instant, after what is already due, or before it."""
        if self.dead:
            self.refuse()
        if len(self.fibers) >= THREADS_MAX:
            raise RuntimeError("can't start new thread")
        self._idents += 1
        fiber = Fiber(self, self._idents, body)
        self.fibers.append(fiber)
        fiber.start(at_once=at_once)
        return fiber

    def fiber_finished(self, fiber: Fiber) -> None:
        """A fiber's body is over."""
        if not self.dead:
            self.fibers.remove(fiber)

    @property
    def running_fiber(self) -> Fiber:
        """The fiber whose software runs now."""
        if self.dead:
            self.refuse()
        if self.fiber is None or current.process is not self:
            raise RuntimeError("terminal software cannot wait outside its own process")
        return self.fiber

    # ------------------------------------------------------------ time

    def take_owed(self) -> int:
        """What the software owes for storage and peripherals; it owes nothing afterwards."""
        disk = self.disk
        owed_us = self.owed_us + disk.accrued_us
        if owed_us:
            self.owed_us = 0
            disk.accrued_us = 0
        return owed_us

    def now_us(self) -> int:
        """Virtual time as the software sees it: with what it owes already passed."""
        return int(self.env._now) + self.owed_us + self.disk.accrued_us

    def uptime_us(self) -> int:
        """What CLOCK_MONOTONIC reads: time since this boot."""
        if self.dead:
            self.refuse()
        self._spins += 1
        if self._spins > FREE_SPINS:
            self._pay_for_spinning()
        return self.now_us() - self.boot_us

    def wall_us(self) -> int:
        """What CLOCK_REALTIME reads: microseconds since 1970 by the device's battery clock."""
        if self.dead:
            self.refuse()
        self._spins += 1
        if self._spins > FREE_SPINS:
            self._pay_for_spinning()
        return self._wall_clock(self.now_us())

    def shown_us(self) -> int:
        """As ``wall_us``, for whoever keeps a clock that the software reads by itself: that is no reading yet."""
        if self.dead:
            self.refuse()
        return self._shown_clock(self.now_us())

    def looked_at_the_clock(self) -> None:
        """The software has read the clock that somebody keeps for it."""
        self._wall_clock(self.now_us())

    def poll_cost_us(self) -> int:
        """What one more poll that does not wait costs: nothing for the first thousand in a row."""
        self._spins += 1
        return 0 if self._spins <= FREE_SPINS else self._spin_cost_us()

    def waited(self) -> None:
        """The software waited for something in earnest: it does not spin."""
        self._spins = 0

    def _spin_cost_us(self) -> int:
        return min(SPIN_COST_US_MAX, 10 * (self._spins // FREE_SPINS))

    def _pay_for_spinning(self) -> None:
        self.owed_us += self._spin_cost_us()
        if self.owed_us >= 10 * SPIN_COST_US_MAX and self.fiber is not None and current.process is self:
            self.settle_debt()

    # ------------------------------------------------------------ Cpu, for whichever fiber calls

    def spend(self, duration_us: int) -> None:
        """Add to what the software owes."""
        self.owed_us += duration_us

    def settle_debt(self) -> None:
        """Let the time pass that the software owes for storage and peripherals."""
        fiber = self.fiber
        if fiber is None or self.dead or current.process is not self:
            fiber = self.running_fiber  # which says what is wrong
        disk = self.disk
        owed_us = self.owed_us + disk.accrued_us
        if owed_us:
            self.owed_us = disk.accrued_us = 0
            fiber.pause(owed_us)

    def sleep(self, duration_us: int) -> None:
        """Block the calling fiber."""
        if duration_us > 0:
            self._spins = 0
        else:
            duration_us = self.poll_cost_us()
        fiber = self.fiber
        if fiber is None or self.dead or current.process is not self:
            fiber = self.running_fiber  # which says what is wrong
        disk = self.disk
        owed_us = self.owed_us + disk.accrued_us
        self.owed_us = disk.accrued_us = 0
        fiber.pause(duration_us + owed_us)

    def wait(self, event: simpy.Event, timeout_us: int | None = None) -> bool:
        """Block the calling fiber until ``event`` or the timeout."""
        if timeout_us is None or timeout_us > 0:
            self._spins = 0
        fiber = self.fiber
        if fiber is None or self.dead or current.process is not self:
            fiber = self.running_fiber  # which says what is wrong
        return fiber.wait(event, timeout_us)

    # ------------------------------------------------------------ death

    def die(self, death: Callable[[], ProcessEnded], *, power: bool) -> None:
        """All ports die now, whoever calls; fibers are unwound by ``reap`` from the hub."""
        if self.dead:
            return
        self.dead = True
        self.death = death
        disk = self.disk
        if power:
            disk.kill()
        else:
            disk.abandon_process()
        for name in _DISK_CALLS:
            setattr(disk, name, self.refuse)
        self.exit_calls.clear()
        self.sockets.clear()

    def reap(self) -> None:
        """Unwind every fiber, oldest first. Only from the hub, only after ``die``."""
        for fiber in self.fibers:
            fiber.unwind(self.death())
        self.fibers.clear()
        self.fiber = None
        self.network = None
        settle()

    def refuse(self, *_args: object, **_keywords: object) -> NoReturn:
        """What every port of a dead process does: raise the death again, and past a limit never return at all."""
        if current.process is not self or self.fiber is None:
            # A finaliser, or another device's hands on an object of the dead: an error that goes nowhere.
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._refusals += 1
        if self._refusals > REFUSALS_MAX:
            self.fiber.park()
        raise self.death()

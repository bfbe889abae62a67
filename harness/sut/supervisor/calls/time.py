"""Clocks read by a system call, sleeps, and the timers that ring by a descriptor or a signal.

Models: every clock but CPU time, which stands still; sleeps that end exactly on time, those until a time of day by a clock that
may be set meanwhile; alarm, setitimer(ITIMER_REAL), timerfd. POSIX timers: ``timers``.
Does not model: CPU-time clocks and timers: CPU time inside software is not modelled.
Source: clock_gettime(2), clock_nanosleep(2), timerfd_create(2), setitimer(2).
"""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING

from harness.sut.supervisor.abi import TIMESPEC
from harness.sut.supervisor.objects import Timer
from harness.sut.supervisor.registry import LATER, Reply, answers
from harness.sut.supervisor.ringing import Ringing
from harness.sut.supervisor.tasks import Program, Task, Wait

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

REALTIME = {0, 5, 8, 11}
CPU_TIME = {2, 3}
_MONOTONIC = {1, 4, 6, 7, 9}
"""CLOCK_MONOTONIC, its raw and coarse kin, CLOCK_BOOTTIME and its alarm."""
CLOCKS = frozenset(REALTIME | _MONOTONIC)
"""Every clock that can be waited for."""
ABSTIME = 1
_NONBLOCK = os.O_NONBLOCK
_SECOND_NS = 10**9


def timespec_ns(task: Task, address: int) -> int:
    """A struct timespec in nanoseconds; EINVAL when it is none."""
    seconds, nanoseconds = TIMESPEC.unpack(task.program.read(address, TIMESPEC.size))
    if seconds < 0 or not 0 <= nanoseconds < _SECOND_NS:
        raise OSError(errno.EINVAL, "not a time")
    return int(seconds * _SECOND_NS + nanoseconds)


def write_timespec(task: Task, address: int, value_ns: int) -> None:
    """A struct timespec."""
    task.program.write(address, TIMESPEC.pack(*divmod(value_ns, _SECOND_NS)))


def deadline_of(scheduler: Scheduler, clock: int, at_ns: int) -> int:
    """CLOCK_MONOTONIC when that clock will show ``at_ns``."""
    if clock in REALTIME:
        return scheduler.time.monotonic_ns() + at_ns - scheduler.time.realtime_ns()
    return at_ns


@answers("clock_gettime")
def clock_gettime(scheduler: Scheduler, task: Task) -> Reply:
    clock, address = task.signed(0), task.arguments[1]
    if clock in REALTIME:
        scheduler.process.looked_at_the_clock()
        value_ns = scheduler.time.realtime_ns()
    elif clock in CPU_TIME or clock < 0:
        value_ns = 0
    elif clock <= 11:
        scheduler.process.uptime_us()  # counted, so that a loop that reads nothing else ends
        value_ns = scheduler.time.monotonic_ns()
    else:
        raise OSError(errno.EINVAL, "no such clock")
    write_timespec(task, address, value_ns)
    return 0


@answers("clock_getres")
def clock_getres(scheduler: Scheduler, task: Task) -> Reply:
    if task.arguments[1]:
        write_timespec(task, task.arguments[1], 1)
    return 0


@answers("gettimeofday")
def gettimeofday(scheduler: Scheduler, task: Task) -> Reply:
    if task.arguments[0]:
        now_us = scheduler.process.wall_us()
        task.program.write(task.arguments[0], TIMESPEC.pack(*divmod(now_us, 1_000_000)))
    return 0


@answers("time")
def seconds(scheduler: Scheduler, task: Task) -> Reply:
    now_s = scheduler.process.wall_us() // 1_000_000
    if task.arguments[0]:
        task.program.write(task.arguments[0], now_s.to_bytes(8, "little"))
    return now_s


@answers("times")
def times(scheduler: Scheduler, task: Task) -> Reply:
    if task.arguments[0]:
        task.program.write(task.arguments[0], bytes(32))
    return scheduler.time.monotonic_ns() // 10_000_000


@answers("getrusage")
def getrusage(scheduler: Scheduler, task: Task) -> Reply:
    task.program.write(task.arguments[1], bytes(144))
    return 0


def _sleep(scheduler: Scheduler, task: Task, deadline_ns: int, rest_at: int = 0, wall_ns: int | None = None) -> Reply:
    if deadline_ns <= scheduler.time.monotonic_ns():
        scheduler.process.sleep(0)
        return 0

    def tell_rest() -> None:
        if rest_at:
            write_timespec(task, rest_at, max(0, deadline_ns - scheduler.time.monotonic_ns()))

    wait = Wait(lambda _: scheduler.reply(task), None, deadline_ns, on_signal=tell_rest, wall_ns=wall_ns)
    return scheduler.block(task, wait)


@answers("nanosleep")
def nanosleep(scheduler: Scheduler, task: Task) -> Reply:
    return _sleep(
        scheduler, task, scheduler.time.monotonic_ns() + timespec_ns(task, task.arguments[0]), task.arguments[1]
    )


@answers("clock_nanosleep")
def clock_nanosleep(scheduler: Scheduler, task: Task) -> Reply:
    clock, flags = task.signed(0), task.arguments[1]
    if clock not in CLOCKS:
        raise OSError(errno.EINVAL, "no such clock")
    at_ns = timespec_ns(task, task.arguments[2])
    if flags & ABSTIME:
        wall_ns = at_ns if clock in REALTIME else None
        return _sleep(scheduler, task, deadline_of(scheduler, clock, at_ns), wall_ns=wall_ns)
    return _sleep(scheduler, task, scheduler.time.monotonic_ns() + at_ns, task.arguments[3])


@answers("pause")
def pause(scheduler: Scheduler, task: Task) -> Reply:
    return scheduler.block(task, Wait(lambda _: scheduler.reply(task, error=errno.EINTR)))


@answers("rt_sigsuspend")
def sigsuspend(scheduler: Scheduler, task: Task) -> Reply:
    mask = int.from_bytes(task.program.read(task.arguments[0], 8), "little")
    return scheduler.block(task, Wait(lambda _: scheduler.reply(task, error=errno.EINTR), mask=mask))


# ---------------------------------------------------------------- timers that ring


@answers("timerfd_create")
def timerfd_create(scheduler: Scheduler, task: Task) -> Reply:
    clock, flags = task.signed(0), task.arguments[1]
    if clock not in CLOCKS or flags & ~(os.O_CLOEXEC | os.O_NONBLOCK):
        raise OSError(errno.EINVAL, "no such timer")
    scheduler.check_descriptors()
    end = os.eventfd(0, (os.EFD_NONBLOCK if flags & _NONBLOCK else 0) | os.EFD_CLOEXEC)
    times = TimerTimes(scheduler, end, realtime=clock in REALTIME)
    timer = times.holder = Timer(end, times)
    close_on_exec = bool(flags & os.O_CLOEXEC)
    task.program.install(scheduler.give(task, end, close_on_exec=close_on_exec), timer, close_on_exec=close_on_exec)
    return LATER


def _timer(task: Task) -> Timer:
    timer = task.program.opened(task.descriptor())
    if not isinstance(timer, Timer):
        raise OSError(errno.EINVAL, "no timer")
    return timer


_CANCEL_ON_SET = 2


@answers("timerfd_settime")
def timerfd_settime(scheduler: Scheduler, task: Task) -> Reply:
    timer, flags, new, old = _timer(task), task.arguments[1], task.arguments[2], task.arguments[3]
    if flags & ~(ABSTIME | _CANCEL_ON_SET):
        raise OSError(errno.EINVAL, "flags")
    interval_ns, value_ns = timespec_ns(task, new), timespec_ns(task, new + 16)
    before = timer.times.setting()
    if timer.ready(1):
        os.read(timer.kernel_end, 8)
    timer.times.cancelled = False
    timer.times.cancels = bool(flags & _CANCEL_ON_SET and flags & ABSTIME)
    timer.times.set(value_ns, interval_ns, absolute=bool(flags & ABSTIME))
    if old:
        task.program.write(old, before)
    return 0


@answers("timerfd_gettime")
def timerfd_gettime(scheduler: Scheduler, task: Task) -> Reply:
    task.program.write(task.arguments[1], _timer(task).times.setting())
    return 0


class TimerTimes(Ringing):
    """When a timerfd rings."""

    def __init__(self, scheduler: Scheduler, descriptor: int, *, realtime: bool) -> None:
        super().__init__(scheduler, realtime=realtime)
        self.cancels = self.cancelled = False
        self.holder: Timer | None = None
        self._descriptor = descriptor

    @property
    def wanted(self) -> bool:
        return self.holder is not None and self.holder.holders > 0

    def ring(self) -> None:
        os.write(self._descriptor, (1).to_bytes(8, "little"))

    def clock_was_set(self) -> None:
        super().clock_was_set()
        if self.cancels and self.wanted:
            self.cancelled = True
            self.ring()


@answers("alarm")
def alarm(scheduler: Scheduler, task: Task) -> Reply:
    program = task.program
    left_ns = _left_ns(scheduler, program)
    _set_alarm(scheduler, program, task.arguments[0] * _SECOND_NS, 0)
    return -(-left_ns // _SECOND_NS)


@answers("setitimer")
def setitimer(scheduler: Scheduler, task: Task) -> Reply:
    which, new, old = task.arguments[:3]
    if which != 0:
        scheduler.refuse("setitimer of CPU time is not modelled")
        raise OSError(errno.ENOSYS, "CPU time")
    program = task.program
    if old:
        program.write(old, _itimerval(program.alarm_interval_ns, _left_ns(scheduler, program)))
    if new:
        interval_s, interval_us = TIMESPEC.unpack(program.read(new, 16))
        value_s, value_us = TIMESPEC.unpack(program.read(new + 16, 16))
        if min(interval_s, value_s) < 0 or not (0 <= interval_us < 1_000_000 and 0 <= value_us < 1_000_000):
            raise OSError(errno.EINVAL, "not a time")
        interval_ns = interval_s * _SECOND_NS + interval_us * 1000
        _set_alarm(scheduler, program, value_s * _SECOND_NS + value_us * 1000, interval_ns)
    return 0


@answers("getitimer")
def getitimer(scheduler: Scheduler, task: Task) -> Reply:
    program = task.program
    program.write(task.arguments[1], _itimerval(program.alarm_interval_ns, _left_ns(scheduler, program)))
    return 0


def _itimerval(interval_ns: int, left_ns: int) -> bytes:
    parts = [divmod(each // 1000, 1_000_000) for each in (interval_ns, left_ns)]
    return b"".join(TIMESPEC.pack(*each) for each in parts)


def _left_ns(scheduler: Scheduler, program: Program) -> int:
    return max(0, program.alarm_due_ns - scheduler.time.monotonic_ns()) if program.alarm_due_ns else 0


def _set_alarm(scheduler: Scheduler, program: Program, value_ns: int, interval_ns: int) -> None:
    program.alarm_generation += 1
    program.alarm_interval_ns = interval_ns
    program.alarm_due_ns = scheduler.time.monotonic_ns() + value_ns if value_ns else 0
    if value_ns:
        _alarm_later(scheduler, program, program.alarm_generation)


def _alarm_later(scheduler: Scheduler, program: Program, generation: int) -> None:
    def ring() -> None:
        if program.alarm_generation != generation or not program.alive:
            return
        interval_ns = program.alarm_interval_ns
        program.alarm_due_ns = program.alarm_due_ns + interval_ns if interval_ns else 0
        if interval_ns:
            _alarm_later(scheduler, program, generation)
        scheduler.signals.send(program, signal.SIGALRM)

    scheduler.time.call_at(program.alarm_due_ns, ring)

"""POSIX timers: they send a signal, or only count. Source: timer_create(2), timer_settime(2), timer_getoverrun(2), sigevent(7).

Models: one-shot and repeated ones, relative and absolute, to the program or to one thread, with their value in the siginfo and
what ran over while a signal was pending. Does not model: timers of CPU time.
"""

from __future__ import annotations

import errno
import signal
import struct
from typing import TYPE_CHECKING

from harness.sut.supervisor.calls.time import ABSTIME, CLOCKS, CPU_TIME, REALTIME, timespec_ns
from harness.sut.supervisor.procfs import pending_signals
from harness.sut.supervisor.registry import Reply, answers
from harness.sut.supervisor.ringing import Ringing
from harness.sut.supervisor.tasks import Program, Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_SIGEVENT = struct.Struct("<qiii")
_SIGNAL, _NONE, _THREAD_ID = 0, 1, 4
_SIGINFO = struct.Struct("<iii4xiiq")
_SIGINFO_BYTES = 128
_SI_TIMER = -2
_TIMERS_MAX = 1024


class SignalTimer(Ringing):
    """A timer of a program. ``thread`` is whom it signals; None for any."""

    def __init__(self, scheduler: Scheduler, program: Program, number: int, *, realtime: bool) -> None:
        super().__init__(scheduler, realtime=realtime)
        self.program = program
        self.number = number
        self.signal = int(signal.SIGALRM)
        self.value = number
        self.thread: Task | None = None
        self.silent = False
        self.overrun = 0

    @property
    def wanted(self) -> bool:
        return self.program.alive and self.program.timers.get(self.number) is self

    def ring(self) -> None:
        if self.silent or not self.program.tasks:
            return
        holder = self.thread if self.thread is not None else self.program.tasks[0]
        if pending_signals(self.program.pid, holder.tid) >> (self.signal - 1) & 1:
            self.overrun += 1
            return
        self.overrun = 0
        told = _SIGINFO.pack(self.signal, 0, _SI_TIMER, self.number, 0, self.value).ljust(_SIGINFO_BYTES, b"\0")
        self.scheduler.signals.send(self.program, self.signal, self.thread, told=told)


@answers("timer_create")
def timer_create(scheduler: Scheduler, task: Task) -> Reply:
    clock, event, where = task.signed(0), task.arguments[1], task.arguments[2]
    program = task.program
    if clock in CPU_TIME or clock < 0:
        scheduler.refuse("a timer of CPU time is not modelled")
        raise OSError(errno.EOPNOTSUPP, "CPU time")
    if clock not in CLOCKS:
        raise OSError(errno.EINVAL, "no such clock")
    number = next(each for each in range(_TIMERS_MAX + 1) if each not in program.timers)
    if number == _TIMERS_MAX:
        raise OSError(errno.EAGAIN, "too many")
    timer = SignalTimer(scheduler, program, number, realtime=clock in REALTIME)
    if event:
        timer.value, timer.signal, how, tid = _SIGEVENT.unpack(program.read(event, _SIGEVENT.size))
        timer.silent = how == _NONE
        if how == _THREAD_ID:
            timer.thread = scheduler.lives.tasks.get(program.pid if tid == program.number else tid)
        if how not in (_SIGNAL, _NONE, _THREAD_ID) or (how == _THREAD_ID and timer.thread is None):
            raise OSError(errno.EINVAL, "no such way to tell")
        if not timer.silent and not 0 < timer.signal <= 64:
            raise OSError(errno.EINVAL, "no such signal")
    program.write(where, struct.pack("<i", number))
    program.timers[number] = timer
    return 0


def _timer(task: Task) -> SignalTimer:
    timer = task.program.timers.get(task.signed(0))
    if not isinstance(timer, SignalTimer):
        raise OSError(errno.EINVAL, "no such timer")
    return timer


@answers("timer_settime")
def timer_settime(scheduler: Scheduler, task: Task) -> Reply:
    timer, flags, new, old = _timer(task), task.arguments[1], task.arguments[2], task.arguments[3]
    if not new:
        raise OSError(errno.EINVAL, "no setting")
    interval_ns, value_ns = timespec_ns(task, new), timespec_ns(task, new + 16)
    before = timer.setting()
    timer.set(value_ns, interval_ns, absolute=bool(flags & ABSTIME))
    if old:
        task.program.write(old, before)
    return 0


@answers("timer_gettime")
def timer_gettime(scheduler: Scheduler, task: Task) -> Reply:
    task.program.write(task.arguments[1], _timer(task).setting())
    return 0


@answers("timer_getoverrun")
def timer_getoverrun(scheduler: Scheduler, task: Task) -> Reply:
    return _timer(task).overrun


@answers("timer_delete")
def timer_delete(scheduler: Scheduler, task: Task) -> Reply:
    del task.program.timers[_timer(task).number]
    return 0

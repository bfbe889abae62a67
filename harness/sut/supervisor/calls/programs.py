"""Programs and threads: made, executed, ended, waited for, signalled, and what they are called.

Models: threads, fork, vfork, exec, exit and wait; process ids that are the same in every run (getpid, getppid).
Does not model: the ids that fork and wait return, and thread ids, which are the kernel's own; process groups and sessions.
Source: clone(2), execve(2), exit_group(2), wait4(2), tgkill(2).
"""

from __future__ import annotations

import errno
import os
import resource
import struct
from typing import TYPE_CHECKING

from harness.sut.supervisor import images, kernel
from harness.sut.supervisor.abi import NUMBERS
from harness.sut.supervisor.calls.places import AT_FDCWD, place_of
from harness.sut.supervisor.calls.time import timespec_ns
from harness.sut.supervisor.ending import NotStarted
from harness.sut.supervisor.fence import normal
from harness.sut.supervisor.filter import CLOCK_DESCRIPTOR
from harness.sut.supervisor.procfs import is_gone, pending_signals, thread_state
from harness.sut.supervisor.registry import LATER, NATIVE, Reply, answers
from harness.sut.supervisor.tasks import Program, Task, Wait, known_as

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_CLONE_VFORK, _CLONE_THREAD, _CLONE_CHILD_CLEARTID = 0x4000, 0x10000, 0x200000
_CLONE_NAMESPACES = 0x7E020000 | 0x80
_WNOHANG = 1
_SIGNAL_MAX = 64
_OF_THE_LIBRARY = (32, 33)
"""The C library ends threads by these, and takes them from its own process alone."""
_P_PID = 1
_CLONE_WEIGHS = 50
TASKS_MAX = 256
"""Threads and programs at a time; RLIMIT_NPROC does not bind root."""
ZOMBIES_MAX = 512
"""Programs that have ended and that nobody has waited for."""
PROGRAMS_MAX = 20_000
"""Programs in one boot."""


# ---------------------------------------------------------------- beginning


def _clone(scheduler: Scheduler, task: Task, flags: int, clear_tid: int) -> Reply:
    if flags & _CLONE_NAMESPACES:
        raise OSError(errno.EPERM, "namespaces")
    scheduler.allowance.spend(_CLONE_WEIGHS)
    if len(scheduler.lives.tasks) >= TASKS_MAX or scheduler.lives.programs_made >= PROGRAMS_MAX:
        scheduler.refuse(f"more than {TASKS_MAX} threads, or {PROGRAMS_MAX:,} programs in one boot, were refused")
        raise OSError(errno.EAGAIN, "too many")
    if not flags & _CLONE_THREAD:
        scheduler.check_descriptors()
        if (
            len(scheduler.lives.programs) >= TASKS_MAX + ZOMBIES_MAX
            and scheduler.lives.forget_the_reaped() >= ZOMBIES_MAX
        ):
            scheduler.refuse(f"more than {ZOMBIES_MAX} programs that nobody waited for were refused")
            raise OSError(errno.EAGAIN, "too many")
    if flags & _CLONE_THREAD:
        task.program.unborn.append(clear_tid if flags & _CLONE_CHILD_CLEARTID else 0)
    scheduler.pass_on(task)
    scheduler.lives.expect_thread(task, bool(flags & _CLONE_VFORK))
    return LATER


@answers("clone")
def clone(scheduler: Scheduler, task: Task) -> Reply:
    return _clone(scheduler, task, task.arguments[0], task.arguments[3])


@answers("clone3")
def clone3(scheduler: Scheduler, task: Task) -> Reply:
    size = min(task.arguments[1], 88)
    if size < 64:
        raise OSError(errno.EINVAL, "size")
    flags, _, clear_tid = struct.unpack_from("<QQQ", task.program.read(task.arguments[0], size))
    return _clone(scheduler, task, flags, clear_tid)


@answers("fork")
def fork(scheduler: Scheduler, task: Task) -> Reply:
    return _clone(scheduler, task, 0, 0)


@answers("vfork")
def vfork(scheduler: Scheduler, task: Task) -> Reply:
    return _clone(scheduler, task, _CLONE_VFORK, 0)


@answers("execve")
def execve(scheduler: Scheduler, task: Task) -> Reply:
    try:
        reply = _execute(scheduler, task)
    except OSError as error:
        if scheduler.started:
            raise
        raise NotStarted(f"it could not be started: {error.strerror or error}") from None
    scheduler.started = True
    return reply


def _execute(scheduler: Scheduler, task: Task) -> Reply:
    program = task.program
    place = place_of(scheduler, task, AT_FDCWD, task.arguments[0])
    if place.own:
        scheduler.disk.stat(place.path)  # which says what is wrong with the path
        scheduler.refuse(f"running {place.path}, which is on a volume, was refused")
        raise OSError(errno.EACCES, "not from a volume")
    images.check_program(place.path)
    if not scheduler.fence.is_machine(os.path.realpath(place.path)):
        raise OSError(errno.EACCES, "a link out of the fence")
    if normal(program.kernel_directory, program.text(task.arguments[0])) != place.path:
        scheduler.refuse("running a program by a path relative to a directory of a volume is not modelled")
        raise OSError(errno.EACCES, "relative path")
    scheduler.give(task, scheduler.clock.descriptor, number=CLOCK_DESCRIPTOR, close_on_exec=False, returns=False)
    kernel.trace_exec(task.tid)
    scheduler.pass_on(task)
    if not images.wait_for_exec(task.tid):
        scheduler.lives.await_death(program)
        return LATER
    for other in list(program.tasks):
        if other is not task:
            scheduler.lives.drop(other)
    scheduler.lives.executed(program)
    images.prepare(program, task.tid, scheduler.process.entropy)
    scheduler.lives.child_went_on(program)
    return LATER


@answers("execveat")
def execveat(scheduler: Scheduler, task: Task) -> Reply:
    raise OSError(errno.ENOSYS, "execveat")


# ---------------------------------------------------------------- ending


@answers("exit")
def exit_(scheduler: Scheduler, task: Task) -> Reply:
    program, tid, clear_tid = task.program, task.tid, task.clear_tid
    last = len(program.tasks) == 1
    scheduler.pass_on(task)
    scheduler.lives.vanishes(task)
    if last:
        scheduler.lives.await_death(program)
        return LATER
    if tid == program.pid:
        return LATER  # its first thread stays as a zombie until the others have ended
    while not is_gone(program.pid, tid):
        pass
    if clear_tid:
        scheduler.futexes.wake((program.pid, clear_tid), 1 << 30)
    scheduler.futexes.somebody_died()
    return LATER


@answers("exit_group")
def exit_group(scheduler: Scheduler, task: Task) -> Reply:
    scheduler.pass_on(task)
    scheduler.lives.await_death(task.program)
    return LATER


@answers("wait4")
def wait4(scheduler: Scheduler, task: Task) -> Reply:
    return _wait(scheduler, task, task.signed(0), task.arguments[2])


@answers("waitid")
def waitid(scheduler: Scheduler, task: Task) -> Reply:
    kind, number = task.signed(0), task.signed(1)
    return _wait(scheduler, task, number if kind == _P_PID else -1, task.arguments[3])


def _wait(scheduler: Scheduler, task: Task, wanted: int, options: int) -> Reply:
    """The kernel does it as soon as that will not make it wait."""
    children = [each for each in task.program.children if wanted <= 0 or each.pid == wanted]

    def ended() -> bool:
        return any(not each.alive and thread_state(each.pid, each.pid) == "Z" for each in children)

    if options & _WNOHANG or ended() or not any(each.alive for each in children):
        return NATIVE
    return scheduler.block(task, Wait(lambda _: scheduler.pass_on(task), ended))


# ---------------------------------------------------------------- signals


def _program(scheduler: Scheduler, number: int) -> Program:
    """The program of that id, by the number it is told or by the kernel's own."""
    for program in scheduler.lives.programs.values():
        if number in (program.number, program.pid) and program.alive:
            return program
    scheduler.refuse("a signal to a process that is not its own was refused")
    raise OSError(errno.ESRCH, "no such process")


@answers("kill")
def kill(scheduler: Scheduler, task: Task) -> Reply:
    number, signal = task.signed(0), task.signed(1)
    if number in (0, -1):
        # -1 means all that it may signal, but for itself (kill(2), NOTES).
        targets = [
            each
            for each in scheduler.lives.programs.values()
            if each.alive and (number == 0 or each is not task.program)
        ]
        if not targets:
            raise OSError(errno.ESRCH, "nobody else")
    else:
        targets = [_program(scheduler, abs(number))]
    if not 0 <= signal <= _SIGNAL_MAX:
        raise OSError(errno.EINVAL, "no such signal")
    for target in targets:
        if signal:
            scheduler.signals.send(target, signal, sender=known_as(task.program, target))
    return 0


@answers("tgkill", "tkill")
def tgkill(scheduler: Scheduler, task: Task) -> Reply:
    if task.number == 200:
        tid, signal = task.signed(0), task.signed(1)
    else:
        tid, signal = task.signed(1), task.signed(2)
    if not 0 <= signal <= _SIGNAL_MAX:
        raise OSError(errno.EINVAL, "no such signal")
    if tid == task.program.number:
        tid = task.program.pid
    target = scheduler.lives.tasks.get(tid)
    if target is None:
        raise OSError(errno.ESRCH, "no such thread")
    if signal:
        if signal in _OF_THE_LIBRARY and target is not task:
            scheduler.signals.send_of_the_library(target, signal)
        else:
            scheduler.signals.send(target.program, signal, target, sender=known_as(task.program, target.program))
    return 0


@answers("rt_sigqueueinfo")
def rt_sigqueueinfo(scheduler: Scheduler, task: Task) -> Reply:
    target, number = _program(scheduler, task.signed(0)), task.signed(1)
    return _queue(scheduler, task, target, None, number, task.arguments[2])


@answers("rt_tgsigqueueinfo")
def rt_tgsigqueueinfo(scheduler: Scheduler, task: Task) -> Reply:
    tid = task.signed(1)
    thread = scheduler.lives.tasks.get(task.program.pid if tid == task.program.number else tid)
    if thread is None:
        raise OSError(errno.ESRCH, "no such thread")
    return _queue(scheduler, task, thread.program, thread, task.signed(2), task.arguments[3])


def _queue(scheduler: Scheduler, task: Task, target: Program, thread: Task | None, number: int, address: int) -> Reply:
    told = task.program.read(address, 128)
    if not 0 <= number <= _SIGNAL_MAX:
        raise OSError(errno.EINVAL, "no such signal")
    (code,) = struct.unpack_from("<i", told, 8)
    if code >= 0 or code == kernel.SI_TKILL:
        raise OSError(errno.EPERM, "only the kernel says so")
    if number:
        scheduler.signals.send(target, number, thread, told=struct.pack("<i", number) + told[4:])
    return 0


@answers("rt_sigtimedwait")
def rt_sigtimedwait(scheduler: Scheduler, task: Task) -> Reply:
    """The kernel takes the signal out, once there is one."""
    pid, tid = task.program.pid, task.tid
    wanted = int.from_bytes(task.program.read(task.arguments[0], 8), "little")
    deadline_ns = None
    if task.arguments[2]:
        deadline_ns = scheduler.time.monotonic_ns() + timespec_ns(task, task.arguments[2])

    def there() -> bool:
        return bool(pending_signals(pid, tid) & wanted)

    def finish(timed_out: bool) -> None:
        if timed_out and not there():
            raise OSError(errno.EAGAIN, "none came")
        scheduler.pass_on(task)

    return NATIVE if there() else scheduler.block(task, Wait(finish, there, deadline_ns))


# ---------------------------------------------------------------- names and limits


@answers("getpid")
def getpid(scheduler: Scheduler, task: Task) -> Reply:
    return task.program.number


@answers("getppid")
def getppid(scheduler: Scheduler, task: Task) -> Reply:
    parent = task.program.parent
    return parent.number if parent is not None and parent.alive else 1


@answers("gettid")
def gettid(scheduler: Scheduler, task: Task) -> Reply:
    """The kernel's own, as the C library keeps it for locks and signals."""
    return NATIVE


@answers("set_tid_address")
def set_tid_address(scheduler: Scheduler, task: Task) -> Reply:
    task.clear_tid = task.arguments[0]
    return NATIVE


@answers("sched_setscheduler", "sched_setparam", "sched_setaffinity")
def of_another(scheduler: Scheduler, task: Task) -> Reply:
    """The filter lets those through that mean the caller. Threads take turns as they do, whatever their priorities."""
    number = task.signed(0)
    if number == task.program.number or scheduler.lives.tasks.get(number) is not None:
        return 0
    raise OSError(errno.ESRCH, "no such process")


@answers("prlimit64")
def prlimit64(scheduler: Scheduler, task: Task) -> Reply:
    which, new, old = task.signed(1), task.arguments[2], task.arguments[3]
    if task.signed(0) not in (0, task.program.number):
        _program(scheduler, task.signed(0))
        raise OSError(errno.EPERM, "only its own limits")
    if old:
        task.program.write(old, _LIMIT.pack(*_limits(task, which)))
    if new:
        _set_limit(task, which, new)
    return 0


@answers("setrlimit")
def setrlimit(scheduler: Scheduler, task: Task) -> Reply:
    _set_limit(task, task.signed(0), task.arguments[1])
    return 0


_LIMIT = struct.Struct("<QQ")
_NO_LIMIT = (1 << 64) - 1
_HUGE = 1 << 63
"""From here on Python's limits are none; nothing is as large."""


def _limits(task: Task, which: int) -> tuple[int, int]:
    try:
        soft, hard = resource.prlimit(task.program.pid, which)
    except ValueError:
        raise OSError(errno.EINVAL, "no such limit") from None
    return (soft & _NO_LIMIT, hard & _NO_LIMIT)


def _set_limit(task: Task, which: int, address: int) -> None:
    """Limits are what the harness set, and may be lowered. That of open files stays: the supervisor's own are among them."""
    soft, hard = _LIMIT.unpack(task.program.read(address, _LIMIT.size))
    _, most = _limits(task, which)
    if soft > hard:
        raise OSError(errno.EINVAL, "above its own maximum")
    if hard > most:
        raise OSError(errno.EPERM, "above the maximum")
    if which != resource.RLIMIT_NOFILE:
        wanted = tuple(resource.RLIM_INFINITY if each >= _HUGE else each for each in (soft, hard))
        resource.prlimit(task.program.pid, which, (wanted[0], wanted[1]))


@answers("setpriority")
def setpriority(scheduler: Scheduler, task: Task) -> Reply:
    return 0


@answers("getpgrp", "getpgid", "getsid", "setsid")
def group(scheduler: Scheduler, task: Task) -> Reply:
    """All programs of a device are one group and one session; setsid is accepted and forgotten."""
    if task.number == NUMBERS["setsid"]:
        return task.program.number
    if task.number != NUMBERS["getpgrp"] and task.signed(0):
        _program(scheduler, task.signed(0))
    assert scheduler.lives.root is not None
    return scheduler.lives.root.number


@answers("setpgid")
def setpgid(scheduler: Scheduler, task: Task) -> Reply:
    return 0


_PRCTL_REFUSED = {1: 0, 4: 0, 22: errno.EINVAL, 35: errno.EPERM, 36: errno.EPERM, 0x59616D61: errno.EINVAL}
"""PDEATHSIG and DUMPABLE are accepted and forgotten; a filter of its own, memory maps and subreapers are refused."""


@answers("prctl")
def prctl(scheduler: Scheduler, task: Task) -> Reply:
    refused = _PRCTL_REFUSED.get(task.signed(0))
    if refused is None:
        return NATIVE
    if refused:
        raise OSError(refused, "refused")
    return 0


@answers("seccomp", "personality")
def not_again(scheduler: Scheduler, task: Task) -> Reply:
    if task.number == 135 and task.arguments[0] == 0xFFFFFFFF:
        return 0x0040000
    raise OSError(errno.EINVAL, "not from inside")


@answers("sysinfo")
def sysinfo(scheduler: Scheduler, task: Task) -> Reply:
    total = scheduler.memory_bytes
    uptime_s = scheduler.time.monotonic_ns() // 10**9
    task.program.write(
        task.arguments[0],
        struct.pack("<q3QQQQQQQHxxxxxxQQI4x", uptime_s, 0, 0, 0, total, total // 2, 0, 0, 0, 0, 1, 0, 0, 1),
    )
    return 0

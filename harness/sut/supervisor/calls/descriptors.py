"""Descriptors made, copied, closed and asked about. Source: dup(2), fcntl(2), pipe(2), eventfd(2), ioctl(2)."""

from __future__ import annotations

import errno
import fcntl as real
import os
import struct
from typing import TYPE_CHECKING

from harness.sut.supervisor import kernel
from harness.sut.supervisor.abi import NUMBERS
from harness.sut.supervisor.calls.data import is_regular, volume_file
from harness.sut.supervisor.datagrams import Datagrams
from harness.sut.supervisor.locks import READ, UNLOCK, WRITE, described, range_of
from harness.sut.supervisor.objects import Epoll, Opened, Output, Pollable, RandomDevice, Signals, VolumeFile
from harness.sut.supervisor.registry import LATER, NATIVE, Reply, answers
from harness.sut.supervisor.sockets import Socket
from harness.sut.supervisor.tasks import Program, Task, Wait, known_as

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_F_DUPFD_CLOEXEC = 1030
_LOCKS = {5, 6, 7, 36, 37, 38}
"""F_GETLK, F_SETLK, F_SETLKW, and their kin by open file description."""
_GET_LOCK, _WAIT_LOCK, _OF_DESCRIPTION = {5, 36}, {7, 38}, {36, 37, 38}
_FIOCLEX, _FIONCLEX, _FIONBIO, _FIONREAD, _TCGETS = 0x5451, 0x5450, 0x5421, 0x541B, 0x5401
_CLOSE_RANGE_CLOEXEC = 4
_SAFE_COMMANDS = {real.F_DUPFD, _F_DUPFD_CLOEXEC, real.F_GETFD, real.F_SETFD, real.F_GETFL, real.F_SETFL}
_SAFE_REQUESTS = {_FIOCLEX, _FIONCLEX, _FIONBIO, _FIONREAD, _TCGETS}
_SETTABLE = os.O_APPEND | os.O_NONBLOCK


# ---------------------------------------------------------------- closing


def forget(scheduler: Scheduler, program: Program, number: int) -> None:
    """A descriptor's end: record locks on its file go with it."""
    opened = program.opened(number)
    if isinstance(opened, VolumeFile):
        inode = scheduler.disk.inode_of(opened.descriptor)
        scheduler.locks.drop(program, inode)
        if opened.holders == 1:
            scheduler.locks.drop(opened, inode)
    program.release(number)


@answers("close")
def close(scheduler: Scheduler, task: Task) -> Reply:
    forget(scheduler, task.program, task.descriptor())
    return NATIVE


@answers("close_range")
def close_range(scheduler: Scheduler, task: Task) -> Reply:
    first, last, flags = task.arguments[0] & 0xFFFFFFFF, task.arguments[1] & 0xFFFFFFFF, task.arguments[2]
    for number in [each for each in task.program.slots if first <= each <= last]:
        if flags & _CLOSE_RANGE_CLOEXEC:
            task.program.slots[number].close_on_exec = True
        else:
            forget(scheduler, task.program, number)
    return NATIVE


# ---------------------------------------------------------------- copying


def _copy(scheduler: Scheduler, task: Task, opened: Opened, number: int | None, close_on_exec: bool) -> Reply:
    if number is not None and number in task.program.slots:
        forget(scheduler, task.program, number)
    given = scheduler.give(task, opened.kernel_end, number=number, close_on_exec=close_on_exec)
    task.program.install(given, opened, close_on_exec=close_on_exec)
    return LATER


@answers("dup")
def dup(scheduler: Scheduler, task: Task) -> Reply:
    opened = task.program.opened(task.descriptor())
    return NATIVE if opened is None else _copy(scheduler, task, opened, None, False)


@answers("dup2", "dup3")
def dup2(scheduler: Scheduler, task: Task) -> Reply:
    old, new = task.descriptor(), task.descriptor(1)
    opened = task.program.opened(old)
    flags = task.signed(2) if task.number == NUMBERS["dup3"] else 0
    if old == new or flags & ~os.O_CLOEXEC:
        return NATIVE
    if opened is None:
        if not os.path.lexists(f"/proc/{task.program.pid}/fd/{old}"):
            raise OSError(errno.EBADF, "no such descriptor")  # and the other stays open
        forget(scheduler, task.program, new)
        return NATIVE
    if not 0 <= new < 1 << 20:
        raise OSError(errno.EBADF, "no such descriptor")
    close_on_exec = bool(flags & os.O_CLOEXEC)
    return _copy(scheduler, task, opened, new, close_on_exec)


def _lowest_from(program: Program, least: int) -> int:
    """The lowest free descriptor that is not below ``least``."""
    taken = {int(name) for name in os.listdir(f"/proc/{program.pid}/fd")}
    number = least
    while number in taken:
        number += 1
    return number


@answers("fcntl")
def fcntl(scheduler: Scheduler, task: Task) -> Reply:
    number, command, value = task.descriptor(), task.signed(1), task.arguments[2]
    program = task.program
    opened = program.opened(number)
    if opened is None:
        return _of_the_machine(task, command, value)
    if command in (real.F_DUPFD, _F_DUPFD_CLOEXEC):
        least = None if value == 0 else _lowest_from(program, value & 0xFFFFFFFF)
        try:
            return _copy(scheduler, task, opened, least, command == _F_DUPFD_CLOEXEC)
        except OSError as error:
            raise OSError(errno.EINVAL if error.errno == errno.EBADF else error.errno, "too high") from None
    if command == real.F_SETFD:
        program.slots[number].close_on_exec = bool(value & real.FD_CLOEXEC)
        return NATIVE
    if command == real.F_GETFL:
        return _flags(scheduler, opened)
    if command == real.F_SETFL:
        return _set_flags(scheduler, opened, value)
    if command in _LOCKS:
        return _lock(scheduler, task, opened, command, value)
    return NATIVE


def _of_the_machine(task: Task, command: int, value: int) -> Reply:
    """Locks on the machine's files are accepted and forgotten: they would meet other programs of the machine."""
    if command in _LOCKS:
        if command in _GET_LOCK:
            task.program.write(value, struct.pack("<h", UNLOCK))
        return 0
    if command in _SAFE_COMMANDS or not os.path.lexists(f"/proc/{task.program.pid}/fd/{task.descriptor()}"):
        return NATIVE
    raise OSError(errno.EINVAL, "not of the machine's files")


def _flags(scheduler: Scheduler, opened: Opened) -> Reply:
    if isinstance(opened, VolumeFile):
        return scheduler.disk.flags_of(opened.descriptor)
    if isinstance(opened, RandomDevice):
        return os.O_RDONLY
    if isinstance(opened, Socket | Datagrams):
        return os.O_RDWR | (0 if opened.blocking else os.O_NONBLOCK)
    return NATIVE


def _set_flags(scheduler: Scheduler, opened: Opened, flags: int) -> Reply:
    if isinstance(opened, VolumeFile):
        scheduler.disk.set_flags(opened.descriptor, flags & _SETTABLE)
        return 0
    if isinstance(opened, Socket | Datagrams):
        opened.blocking = not flags & os.O_NONBLOCK
    return NATIVE


def _lock(scheduler: Scheduler, task: Task, opened: Opened, command: int, address: int) -> Reply:
    if not isinstance(opened, VolumeFile):
        return NATIVE
    disk = scheduler.disk
    inode = disk.inode_of(opened.descriptor)
    raw = task.program.read(address, 32)
    try:
        position = disk.lseek(opened.descriptor, 0, os.SEEK_CUR)
        wanted = range_of(raw, position, inode, opened if command in _OF_DESCRIPTION else task.program)
    except (ValueError, KeyError):
        raise OSError(errno.EINVAL, "no such range") from None
    locks = scheduler.locks
    if command in _GET_LOCK:
        found = locks.conflict(inode, wanted)
        if found is None:
            task.program.write(address, struct.pack("<h", UNLOCK))
        else:
            owner = found.owner
            task.program.write(
                address, described(found, known_as(owner, task.program) if isinstance(owner, Program) else -1)
            )
        return 0
    needed = {READ: os.O_WRONLY, WRITE: os.O_RDONLY}.get(wanted.kind)
    if disk.flags_of(opened.descriptor) & os.O_ACCMODE == needed:
        raise OSError(errno.EBADF, "not opened for that")
    if wanted.kind == UNLOCK or locks.conflict(inode, wanted) is None:
        locks.set(inode, wanted)
        return 0
    if command not in _WAIT_LOCK:
        raise OSError(errno.EAGAIN, "locked")

    def finish(_timed_out: bool) -> None:
        locks.set(inode, wanted)
        scheduler.reply(task)

    return scheduler.block(task, Wait(finish, lambda: locks.conflict(inode, wanted) is None))


@answers("flock")
def flock(scheduler: Scheduler, task: Task) -> Reply:
    file, operation = volume_file(task), task.signed(1)
    if file is None:
        # As with record locks, those on the machine's files are accepted and forgotten.
        return 0 if os.path.lexists(f"/proc/{task.program.pid}/fd/{task.descriptor()}") else NATIVE
    disk = scheduler.disk

    def take() -> bool:
        try:
            disk.flock(file.descriptor, operation | real.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if take():
        return 0
    if operation & real.LOCK_NB:
        raise OSError(errno.EAGAIN, "locked")
    return scheduler.block(task, Wait(lambda _: scheduler.reply(task), take))


# ---------------------------------------------------------------- what the kernel can poll


@answers("pipe", "pipe2")
def pipe(scheduler: Scheduler, task: Task) -> Reply:
    flags = task.signed(1) if task.number == 293 else 0
    if flags & ~(os.O_CLOEXEC | os.O_NONBLOCK):
        raise OSError(errno.EINVAL, "flags")
    scheduler.check_descriptors()
    close_on_exec = bool(flags & os.O_CLOEXEC)
    numbers = []
    for end in os.pipe2(os.O_CLOEXEC | flags):
        number = scheduler.give(task, end, close_on_exec=close_on_exec, returns=False)
        task.program.install(number, Pollable(end), close_on_exec=close_on_exec)
        numbers.append(number)
    task.program.write(task.arguments[0], struct.pack("<ii", *numbers))
    return 0


def _made(scheduler: Scheduler, task: Task, opened: Opened, flags: int) -> Reply:
    close_on_exec = bool(flags & os.O_CLOEXEC)
    number = scheduler.give(task, opened.kernel_end, close_on_exec=close_on_exec)
    task.program.install(number, opened, close_on_exec=close_on_exec)
    return LATER


@answers("eventfd", "eventfd2")
def eventfd(scheduler: Scheduler, task: Task) -> Reply:
    scheduler.check_descriptors()
    flags = task.signed(1) if task.number == 290 else 0
    end = os.eventfd(task.arguments[0] & 0xFFFFFFFF, flags | os.EFD_CLOEXEC)
    return _made(scheduler, task, Pollable(end), flags)


@answers("epoll_create", "epoll_create1")
def epoll_create(scheduler: Scheduler, task: Task) -> Reply:
    scheduler.check_descriptors()
    flags = task.signed(0) if task.number == 291 else 0
    return _made(scheduler, task, Epoll(kernel.new_epoll()), flags)


@answers("signalfd", "signalfd4")
def signalfd(scheduler: Scheduler, task: Task) -> Reply:
    number, flags = task.descriptor(), task.signed(3) if task.number == NUMBERS["signalfd4"] else 0
    if task.arguments[2] != 8 or flags & ~(os.O_CLOEXEC | os.O_NONBLOCK):
        raise OSError(errno.EINVAL, "mask or flags")
    mask = int.from_bytes(task.program.read(task.arguments[1], 8), "little")
    if number == -1:
        return _made(scheduler, task, Signals(kernel.new_signalfd(mask, flags), mask), flags)
    opened = task.program.opened(number)
    if not isinstance(opened, Signals):
        raise OSError(errno.EBADF if opened is None else errno.EINVAL, "no signalfd")
    opened.mask = mask
    return NATIVE


@answers("inotify_init", "inotify_init1", "pidfd_open")
def not_made(scheduler: Scheduler, task: Task) -> Reply:
    raise OSError(errno.ENOSYS, "not modelled")


# ---------------------------------------------------------------- ioctl


@answers("ioctl")
def ioctl(scheduler: Scheduler, task: Task) -> Reply:
    number, request = task.descriptor(), task.arguments[1] & 0xFFFFFFFF
    opened = task.program.opened(number)
    if opened is None or isinstance(opened, Pollable | Epoll):
        if request in _SAFE_REQUESTS or not os.path.lexists(f"/proc/{task.program.pid}/fd/{number}"):
            return NATIVE
        raise OSError(errno.ENOTTY, "no such request")
    if request in (_FIOCLEX, _FIONCLEX):
        task.program.slots[number].close_on_exec = request == _FIOCLEX
        return NATIVE
    if isinstance(opened, Socket | Datagrams):
        return _socket_ioctl(scheduler, task, opened, request)
    if isinstance(opened, Output):
        if request == _TCGETS and scheduler.console_is_terminal:
            task.program.write(task.arguments[2], bytes(36))
            return 0
        return NATIVE
    if request == _FIONREAD and isinstance(opened, VolumeFile) and is_regular(scheduler, opened):
        disk = scheduler.disk
        left = disk.fstat(opened.descriptor).st_size - disk.lseek(opened.descriptor, 0, os.SEEK_CUR)
        task.program.write(task.arguments[2], struct.pack("<i", max(0, left)))
        return 0
    raise OSError(errno.ENOTTY, "no such request")


def _socket_ioctl(scheduler: Scheduler, task: Task, opened: Socket | Datagrams, request: int) -> Reply:
    if request == _FIONBIO:
        (value,) = struct.unpack("<i", task.program.read(task.arguments[2], 4))
        opened.blocking = not value
        return NATIVE
    if request == _FIONREAD:
        waiting = opened.waiting(scheduler) if isinstance(opened, Socket) else opened.waiting()
        task.program.write(task.arguments[2], struct.pack("<i", waiting))
        return 0
    raise OSError(errno.ENOTTY, "no such request")

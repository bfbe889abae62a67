"""Calls that open or look at what a path names: volumes are the virtual disk's, the machine's own files may be read and no more.

Models: opening, stat and its kin, links, the working directory, with the virtual disk's semantics and errors.
Does not model: inotify.
Source: path_resolution(7) and the calls' own pages.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.storage.inode import Directory, path_of
from harness.sut.supervisor.abi import stat_bytes, statfs_bytes, statx_bytes
from harness.sut.supervisor.calls import machine
from harness.sut.supervisor.calls.places import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    Place,
    descriptor_path,
    outside,
    place_of,
)
from harness.sut.supervisor.fence import RANDOM_DEVICES, WRITABLE_DEVICES, normal, within
from harness.sut.supervisor.objects import VolumeFile
from harness.sut.supervisor.registry import LATER, NATIVE, Reply, answers
from harness.sut.supervisor.tasks import Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_LOOK_FLAGS = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | 0x800 | 0x6000
"""Besides these two what says how to mount and to synchronise on the way, which means nothing here."""


# ---------------------------------------------------------------- opening


def _open(scheduler: Scheduler, task: Task, directory: int, address: int, flags: int, mode: int) -> Reply:
    place = place_of(scheduler, task, directory, address)
    if not place.own:
        return _open_machine(scheduler, task, place, flags)
    return _open_own(scheduler, task, place.path, flags, mode)


def _open_own(scheduler: Scheduler, task: Task, path: str, flags: int, mode: int) -> Reply:
    disk = scheduler.disk
    path_only = bool(flags & os.O_PATH)
    if path_only:
        flags &= os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = disk.open(path, flags & ~os.O_CLOEXEC, mode & 0o7777)
    is_directory = isinstance(disk.inode_of(descriptor), Directory)
    opened = VolumeFile(scheduler.placeholder, descriptor, disk.close, directory=is_directory, path_only=path_only)
    close_on_exec = bool(flags & os.O_CLOEXEC)
    try:
        number = scheduler.give(task, scheduler.placeholder, close_on_exec=close_on_exec)
    except OSError:
        disk.close(descriptor)
        raise
    task.program.install(number, opened, close_on_exec=close_on_exec)
    return LATER


def _open_machine(scheduler: Scheduler, task: Task, place: Place, flags: int) -> Reply:
    content = scheduler.text(place.path)
    if content is not None and not flags & _WRITES:
        text = os.memfd_create("text", os.MFD_CLOEXEC)
        try:
            os.write(text, content)
            os.lseek(text, 0, os.SEEK_SET)
            scheduler.give(task, text, close_on_exec=bool(flags & os.O_CLOEXEC))
        finally:
            os.close(text)
        return LATER
    named = machine.descriptor_meant(task, place.path)
    opened = task.program.opened(named) if named is not None else None
    if isinstance(opened, VolumeFile):
        # A new description of the same file, as Linux makes it.
        path = path_of(scheduler.disk.inode_of(opened.descriptor))
        return _open_own(scheduler, task, path, flags & ~(os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW), 0)
    if flags & _WRITES and place.path not in (*WRITABLE_DEVICES, *RANDOM_DEVICES) and opened is None:
        raise outside(scheduler, place, "opening for writing")
    return machine.open_file(scheduler, task, place.path, flags)


@answers("open")
def open_(scheduler: Scheduler, task: Task) -> Reply:
    return _open(scheduler, task, AT_FDCWD, task.arguments[0], task.signed(1), task.arguments[2])


@answers("openat")
def openat(scheduler: Scheduler, task: Task) -> Reply:
    return _open(scheduler, task, task.descriptor(), task.arguments[1], task.signed(2), task.arguments[3])


@answers("creat")
def creat(scheduler: Scheduler, task: Task) -> Reply:
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    return _open(scheduler, task, AT_FDCWD, task.arguments[0], flags, task.arguments[1])


# ---------------------------------------------------------------- looking


def _look(scheduler: Scheduler, task: Task, directory: int, address: int, flags: int) -> os.stat_result | None:
    """Attributes of what a path, or with AT_EMPTY_PATH a descriptor, leads to; None: a descriptor of the kernel's own."""
    if flags & ~_LOOK_FLAGS:
        raise OSError(errno.EINVAL, "flags")
    if flags & AT_EMPTY_PATH and (not address or not task.program.text(address)):
        if directory == AT_FDCWD:
            own = task.program.directory
            return os.stat(task.program.machine_directory) if own is None else scheduler.disk.stat(path_of(own))
        return look_at(scheduler, task, directory)
    place = place_of(scheduler, task, directory, address)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    if not place.own:
        return machine.look(scheduler, task, place.path, follow=follow)
    return scheduler.disk.stat(place.path, follow_symlinks=follow)


def look_at(scheduler: Scheduler, task: Task, number: int) -> os.stat_result | None:
    """Attributes of an open file of a volume; None for any other descriptor."""
    opened = task.program.opened(number)
    return scheduler.disk.fstat(opened.descriptor) if isinstance(opened, VolumeFile) else None


def _told(task: Task, address: int, found: os.stat_result | None, write: Callable[[os.stat_result], bytes]) -> Reply:
    if found is None:
        return NATIVE
    task.program.write(address, write(found))
    return 0


@answers("stat")
def stat(scheduler: Scheduler, task: Task) -> Reply:
    return _told(task, task.arguments[1], _look(scheduler, task, AT_FDCWD, task.arguments[0], 0), stat_bytes)


@answers("lstat")
def lstat(scheduler: Scheduler, task: Task) -> Reply:
    found = _look(scheduler, task, AT_FDCWD, task.arguments[0], AT_SYMLINK_NOFOLLOW)
    return _told(task, task.arguments[1], found, stat_bytes)


@answers("fstat")
def fstat(scheduler: Scheduler, task: Task) -> Reply:
    return _told(task, task.arguments[1], look_at(scheduler, task, task.descriptor()), stat_bytes)


@answers("newfstatat")
def newfstatat(scheduler: Scheduler, task: Task) -> Reply:
    found = _look(scheduler, task, task.descriptor(), task.arguments[1], task.signed(3))
    return _told(task, task.arguments[2], found, stat_bytes)


@answers("statx")
def statx(scheduler: Scheduler, task: Task) -> Reply:
    found = _look(scheduler, task, task.descriptor(), task.arguments[1], task.signed(2))
    return _told(task, task.arguments[4], found, statx_bytes)


def _access(scheduler: Scheduler, task: Task, directory: int, address: int, mode: int, flags: int) -> Reply:
    if mode & ~7:
        raise OSError(errno.EINVAL, "mode")
    place = place_of(scheduler, task, directory, address)
    follow = not flags & AT_SYMLINK_NOFOLLOW
    if not place.own:
        machine.may(scheduler, task, place.path, mode, follow=follow)
        return 0
    scheduler.disk.stat(place.path, follow_symlinks=follow)  # which says what is wrong with the path
    if not scheduler.disk.access(place.path, mode, follow_symlinks=follow):
        raise OSError(errno.EACCES if mode & os.X_OK else errno.EROFS, "no access")
    return 0


@answers("access")
def access(scheduler: Scheduler, task: Task) -> Reply:
    return _access(scheduler, task, AT_FDCWD, task.arguments[0], task.signed(1), 0)


@answers("faccessat", "faccessat2")
def faccessat(scheduler: Scheduler, task: Task) -> Reply:
    flags = task.signed(3) if task.number == 439 else 0
    return _access(scheduler, task, task.descriptor(), task.arguments[1], task.signed(2), flags)


def _read_link(scheduler: Scheduler, task: Task, directory: int, address: int, room: int, size: int) -> Reply:
    size = size & 0xFFFFFFFF
    if not 0 < size < 1 << 31:
        raise OSError(errno.EINVAL, "size")
    place = place_of(scheduler, task, directory, address)
    if place.own:
        target = scheduler.disk.readlink(place.path)
    else:
        own = _own_link(scheduler, task, place.path)
        target = own if own is not None else os.readlink(machine.real_path(scheduler, task, place.path))
    data = os.fsencode(target)[:size]
    task.program.write(room, data)
    return len(data)


def _own_link(scheduler: Scheduler, task: Task, path: str) -> str | None:
    """What /proc/self/fd/N, /proc/self/cwd and the links to a process's own directory say."""
    program = task.program
    if path == "/proc/self":
        return str(program.number)
    if path in ("/proc/self/cwd", f"/proc/{program.number}/cwd"):
        return program.machine_directory if program.directory is None else path_of(program.directory)
    number = machine.descriptor_meant(task, path)
    if number is None:
        return None
    opened = program.opened(number)
    if isinstance(opened, VolumeFile):
        return path_of(scheduler.disk.inode_of(opened.descriptor))
    return os.readlink(f"/proc/{program.pid}/fd/{number}")


@answers("readlink")
def readlink(scheduler: Scheduler, task: Task) -> Reply:
    return _read_link(scheduler, task, AT_FDCWD, *task.arguments[:3])


@answers("readlinkat")
def readlinkat(scheduler: Scheduler, task: Task) -> Reply:
    return _read_link(scheduler, task, task.descriptor(), *task.arguments[1:4])


@answers("statfs")
def statfs(scheduler: Scheduler, task: Task) -> Reply:
    place = place_of(scheduler, task, AT_FDCWD, task.arguments[0])
    if not place.own:
        where = machine.real_path(scheduler, task, place.path)
        task.program.write(task.arguments[1], statfs_bytes(os.statvfs(where), 0))
        return 0
    scheduler.mappings.take_room()
    device = scheduler.disk.stat(place.path).st_dev
    task.program.write(task.arguments[1], statfs_bytes(scheduler.disk.statvfs(place.path), device))
    return 0


# ---------------------------------------------------------------- the working directory


@answers("chdir")
def chdir(scheduler: Scheduler, task: Task) -> Reply:
    place = place_of(scheduler, task, AT_FDCWD, task.arguments[0])
    if not place.own:
        program, text = task.program, task.program.text(task.arguments[0])
        known = normal(program.kernel_directory, text) == place.path
        program.machine_directory = machine.working_directory(scheduler, task, place.path)
        program.directory = None
        if not known or within(place.path, "/proc"):
            return 0
        program.kernel_directory = place.path
        return NATIVE
    inode = scheduler.disk.locate(place.path)
    if not isinstance(inode, Directory):
        raise OSError(errno.ENOTDIR, "no directory")
    task.program.directory = inode
    return 0


@answers("fchdir")
def fchdir(scheduler: Scheduler, task: Task) -> Reply:
    opened = task.program.opened(task.descriptor())
    if not isinstance(opened, VolumeFile):
        where = descriptor_path(task, task.descriptor())
        task.program.machine_directory = machine.working_directory(scheduler, task, where)
        task.program.directory = None
        return 0
    inode = scheduler.disk.inode_of(opened.descriptor)
    if not isinstance(inode, Directory):
        raise OSError(errno.ENOTDIR, "no directory")
    task.program.directory = inode
    return 0


@answers("getcwd")
def getcwd(scheduler: Scheduler, task: Task) -> Reply:
    directory = task.program.directory
    if directory is not None and not directory.links:
        raise OSError(errno.ENOENT, "removed")
    path = task.program.machine_directory if directory is None else path_of(directory)
    data = os.fsencode(path) + b"\0"
    if len(data) > task.arguments[1]:
        raise OSError(errno.ERANGE, "too small a buffer")
    task.program.write(task.arguments[0], data)
    return len(data)


@answers("umask")
def umask(scheduler: Scheduler, task: Task) -> Reply:
    return scheduler.disk.umask(task.signed(0))

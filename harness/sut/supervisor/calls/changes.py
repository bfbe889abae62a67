"""Calls that change what a path names: directories made and removed, names given and taken, sizes, modes and times.

Models: every such call of a Linux file system on the volumes, with the virtual disk's semantics and errors; two paths of which
one is the machine's are on two file systems.
Does not model: extended attributes, device nodes, owners (accepted and forgotten).
Source: the calls' own pages.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.sut.supervisor.abi import TIMESPEC
from harness.sut.supervisor.calls.places import (
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    AT_SYMLINK_NOFOLLOW,
    descriptor_path,
    outside,
    place_of,
)
from harness.sut.supervisor.objects import VolumeFile
from harness.sut.supervisor.registry import Reply, answers
from harness.sut.supervisor.tasks import Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_UTIME_NOW, _UTIME_OMIT = 0x3FFFFFFF, 0x3FFFFFFE
_RENAME_NOREPLACE = 1


def _one(
    scheduler: Scheduler, task: Task, directory: int, address: int, what: str, act: Callable[[str], None]
) -> Reply:
    place = place_of(scheduler, task, directory, address)
    if not place.own:
        raise outside(scheduler, place, what)
    act(place.path)
    return 0


def _two(
    scheduler: Scheduler,
    task: Task,
    first: tuple[int, int],
    second: tuple[int, int],
    what: str,
    act: Callable[[str, str], None],
) -> Reply:
    old, new = place_of(scheduler, task, *first), place_of(scheduler, task, *second)
    if not old.own and not new.own:
        raise outside(scheduler, new, what)
    if old.own != new.own:
        raise OSError(errno.EXDEV, "one of two is not on a volume")
    act(old.path, new.path)
    return 0


@answers("mkdir")
def mkdir(scheduler: Scheduler, task: Task) -> Reply:
    mode = task.arguments[1] & 0o7777
    return _one(scheduler, task, AT_FDCWD, task.arguments[0], "mkdir", lambda path: scheduler.disk.mkdir(path, mode))


@answers("mkdirat")
def mkdirat(scheduler: Scheduler, task: Task) -> Reply:
    mode = task.arguments[2] & 0o7777
    act = lambda path: scheduler.disk.mkdir(path, mode)  # noqa: E731
    return _one(scheduler, task, task.descriptor(), task.arguments[1], "mkdir", act)


@answers("rmdir")
def rmdir(scheduler: Scheduler, task: Task) -> Reply:
    return _one(scheduler, task, AT_FDCWD, task.arguments[0], "rmdir", scheduler.disk.rmdir)


@answers("unlink")
def unlink(scheduler: Scheduler, task: Task) -> Reply:
    return _one(scheduler, task, AT_FDCWD, task.arguments[0], "unlink", scheduler.disk.unlink)


@answers("unlinkat")
def unlinkat(scheduler: Scheduler, task: Task) -> Reply:
    disk = scheduler.disk
    act = disk.rmdir if task.arguments[2] & AT_REMOVEDIR else disk.unlink
    return _one(scheduler, task, task.descriptor(), task.arguments[1], "unlink", act)


def _rename(scheduler: Scheduler, task: Task, first: tuple[int, int], second: tuple[int, int], flags: int) -> Reply:
    disk = scheduler.disk

    def act(old: str, new: str) -> None:
        if flags & _RENAME_NOREPLACE and _exists(scheduler, new):
            raise OSError(errno.EEXIST, "it exists")
        disk.rename(old, new)

    if flags & ~_RENAME_NOREPLACE:
        scheduler.refuse("renameat2 that exchanges two names is not modelled")
        raise OSError(errno.EINVAL, "exchange")
    return _two(scheduler, task, first, second, "rename", act)


def _exists(scheduler: Scheduler, path: str) -> bool:
    try:
        scheduler.disk.lstat(path)
    except OSError:
        return False
    return True


@answers("rename")
def rename(scheduler: Scheduler, task: Task) -> Reply:
    old, new = task.arguments[:2]
    return _rename(scheduler, task, (AT_FDCWD, old), (AT_FDCWD, new), 0)


@answers("renameat", "renameat2")
def renameat(scheduler: Scheduler, task: Task) -> Reply:
    flags = task.arguments[4] if task.number == 316 else 0
    first, second = (task.descriptor(), task.arguments[1]), (task.descriptor(2), task.arguments[3])
    return _rename(scheduler, task, first, second, flags)


def _link(scheduler: Scheduler, task: Task, first: tuple[int, int], second: tuple[int, int], follow: bool) -> Reply:
    def act(old: str, new: str) -> None:
        scheduler.disk.link(old, new, follow_symlinks=follow)

    return _two(scheduler, task, first, second, "link", act)


@answers("link")
def link(scheduler: Scheduler, task: Task) -> Reply:
    return _link(scheduler, task, (AT_FDCWD, task.arguments[0]), (AT_FDCWD, task.arguments[1]), False)


@answers("linkat")
def linkat(scheduler: Scheduler, task: Task) -> Reply:
    follow = bool(task.arguments[4] & AT_SYMLINK_FOLLOW)
    return _link(
        scheduler, task, (task.descriptor(), task.arguments[1]), (task.descriptor(2), task.arguments[3]), follow
    )


@answers("symlink")
def symlink(scheduler: Scheduler, task: Task) -> Reply:
    target = task.program.text(task.arguments[0])
    act = lambda path: scheduler.disk.symlink(target, path)  # noqa: E731
    return _one(scheduler, task, AT_FDCWD, task.arguments[1], "symlink", act)


@answers("symlinkat")
def symlinkat(scheduler: Scheduler, task: Task) -> Reply:
    target = task.program.text(task.arguments[0])
    act = lambda path: scheduler.disk.symlink(target, path)  # noqa: E731
    return _one(scheduler, task, task.descriptor(1), task.arguments[2], "symlink", act)


@answers("truncate")
def truncate(scheduler: Scheduler, task: Task) -> Reply:
    length = _offset(task.arguments[1])

    def act(path: str) -> None:
        scheduler.disk.truncate(path, length)
        scheduler.mappings.changed(scheduler.disk.locate(path))

    return _one(scheduler, task, AT_FDCWD, task.arguments[0], "truncate", act)


@answers("chmod")
def chmod(scheduler: Scheduler, task: Task) -> Reply:
    mode = task.arguments[1] & 0o7777
    act = lambda path: scheduler.disk.chmod(path, mode)  # noqa: E731
    return _one(scheduler, task, AT_FDCWD, task.arguments[0], "chmod", act)


@answers("fchmodat")
def fchmodat(scheduler: Scheduler, task: Task) -> Reply:
    mode = task.arguments[2] & 0o7777
    act = lambda path: scheduler.disk.chmod(path, mode)  # noqa: E731
    return _one(scheduler, task, task.descriptor(), task.arguments[1], "chmod", act)


@answers("chown", "lchown")
def chown(scheduler: Scheduler, task: Task) -> Reply:
    act = lambda path: scheduler.disk.chown(path, 0, 0)  # noqa: E731
    return _one(scheduler, task, AT_FDCWD, task.arguments[0], "chown", act)


@answers("fchownat")
def fchownat(scheduler: Scheduler, task: Task) -> Reply:
    act = lambda path: scheduler.disk.chown(path, 0, 0)  # noqa: E731
    return _one(scheduler, task, task.descriptor(), task.arguments[1], "chown", act)


@answers("utimensat")
def utimensat(scheduler: Scheduler, task: Task) -> Reply:
    directory, address, times, flags = task.descriptor(), *task.arguments[1:4]
    wanted = [(0, _UTIME_NOW)] * 2
    if times:
        raw = task.program.read(times, 32)
        wanted = [TIMESPEC.unpack_from(raw, 0), TIMESPEC.unpack_from(raw, 16)]
    return _set_times(scheduler, task, directory, address, wanted, flags)


@answers("utime")
def utime(scheduler: Scheduler, task: Task) -> Reply:
    wanted = [(0, _UTIME_NOW)] * 2
    if task.arguments[1]:
        wanted = [(whole, 0) for whole in TIMESPEC.unpack(task.program.read(task.arguments[1], 16))]
    return _set_times(scheduler, task, AT_FDCWD, task.arguments[0], wanted, 0)


@answers("utimes", "futimesat")
def utimes(scheduler: Scheduler, task: Task) -> Reply:
    directory, address, times = (
        (AT_FDCWD, *task.arguments[:2]) if task.number == 235 else (task.descriptor(), *task.arguments[1:3])
    )
    wanted = [(0, _UTIME_NOW)] * 2
    if times:
        raw = task.program.read(times, 32)
        pairs = [TIMESPEC.unpack_from(raw, 0), TIMESPEC.unpack_from(raw, 16)]
        if any(not 0 <= microseconds < 1_000_000 for _, microseconds in pairs):
            raise OSError(errno.EINVAL, "not a time")
        wanted = [(whole, 1000 * microseconds) for whole, microseconds in pairs]
    return _set_times(scheduler, task, directory, address, wanted, 0)


def _set_times(
    scheduler: Scheduler, task: Task, directory: int, address: int, wanted: list[tuple[int, int]], flags: int
) -> Reply:
    if any(part not in (_UTIME_NOW, _UTIME_OMIT) and not 0 <= part < 10**9 for _, part in wanted):
        raise OSError(errno.EINVAL, "not a time")
    disk = scheduler.disk
    if not address:
        opened = task.program.opened(directory)
        if not isinstance(opened, VolumeFile):
            descriptor_path(task, directory)
            raise OSError(errno.EROFS, "not on a volume")
        target: str | int = opened.descriptor
        found = disk.fstat(opened.descriptor)
    else:
        place = place_of(scheduler, task, directory, address)
        if not place.own:
            raise outside(scheduler, place, "setting the times of")
        target = place.path
        found = disk.stat(place.path, follow_symlinks=not flags & AT_SYMLINK_NOFOLLOW)
    now_ns = scheduler.time.realtime_ns()
    kept = (found.st_atime_ns, found.st_mtime_ns)
    new = [
        now_ns if part == _UTIME_NOW else old if part == _UTIME_OMIT else whole * 10**9 + part
        for (whole, part), old in zip(wanted, kept, strict=True)
    ]
    disk.utime(target, ns=(new[0], new[1]))
    return 0


@answers("getxattr", "lgetxattr", "listxattr", "llistxattr", "setxattr", "lsetxattr", "removexattr", "lremovexattr")
def extended_attribute(scheduler: Scheduler, task: Task) -> Reply:
    raise OSError(errno.EOPNOTSUPP, "no extended attributes")


@answers("fgetxattr", "flistxattr", "fsetxattr", "fremovexattr")
def open_extended_attribute(scheduler: Scheduler, task: Task) -> Reply:
    raise OSError(errno.EOPNOTSUPP, "no extended attributes")


def _offset(value: int) -> int:
    """A signed 64-bit argument."""
    return value - (1 << 64) if value & 1 << 63 else value

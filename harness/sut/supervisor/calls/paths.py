"""Calls that take a path: files of the device's volumes are the virtual disk's, the machine's own may be read and no more.

Models: every path call of a Linux file system on the volumes, with the virtual disk's semantics and errors.
Does not model: extended attributes, device nodes, owners (accepted and forgotten), inotify.
Source: path_resolution(7) and the calls' own pages.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.storage.inode import Directory, path_of
from harness.sut.supervisor.abi import TIMESPEC, stat_bytes, statfs_bytes, statx_bytes
from harness.sut.supervisor.calls import machine
from harness.sut.supervisor.fence import RANDOM_DEVICES, WRITABLE_DEVICES, normal, within
from harness.sut.supervisor.objects import VolumeFile
from harness.sut.supervisor.registry import LATER, NATIVE, Reply, answers
from harness.sut.supervisor.tasks import Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_SYMLINK_FOLLOW = -100, 0x1000, 0x100, 0x200, 0x400
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_UTIME_NOW, _UTIME_OMIT = 0x3FFFFFFF, 0x3FFFFFFE
_RENAME_NOREPLACE = 1
_LOOK_FLAGS = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | 0x800 | 0x6000
"""Besides these two what says how to mount and to synchronise on the way, which means nothing here."""


class Place:
    """Where a path leads. ``path`` is absolute; ``own`` says whether it is the device's."""

    __slots__ = ("own", "path")

    def __init__(self, path: str, own: bool) -> None:
        self.path = path
        self.own = own


def place_of(scheduler: Scheduler, task: Task, directory: int, address: int) -> Place:
    """The path at ``address``, looked up from a directory's descriptor or the working directory."""
    text = task.program.text(address)
    if not text:
        raise OSError(errno.ENOENT, "empty path")
    base = "/"
    if not text.startswith("/"):
        base, text = _base(scheduler, task, directory, text)
    plain = normal(base, text)
    if scheduler.fence.is_machine(plain):
        return Place(plain, False)
    # The disk gets it as it was written: dots behind symbolic links and slashes at the end mean something.
    return Place(text if text.startswith("/") else f"{base.rstrip('/')}/{text}", True)


def _base(scheduler: Scheduler, task: Task, directory: int, text: str) -> tuple[str, str]:
    """From where a relative path is looked up, and the path from there."""
    program = task.program
    if directory == AT_FDCWD:
        if program.directory is not None:
            return _from(program.directory, text)
        return program.machine_directory, text
    opened = program.opened(directory)
    if isinstance(opened, VolumeFile):
        inode = scheduler.disk.inode_of(opened.descriptor)
        if not isinstance(inode, Directory):
            raise OSError(errno.ENOTDIR, "no directory")
        return _from(inode, text)
    return _descriptor_path(task, directory), text


def _descriptor_path(task: Task, number: int) -> str:
    """Where a descriptor of the kernel's own leads."""
    try:
        return os.readlink(f"/proc/{task.program.pid}/fd/{number}")
    except FileNotFoundError:
        raise OSError(errno.EBADF, "no such descriptor") from None


def _from(directory: Directory, text: str) -> tuple[str, str]:
    """A removed directory has no names in it but that of the one above."""
    if directory.links:
        return path_of(directory), text
    first, _, rest = text.partition("/")
    if first != ".." or directory.directory is None:
        raise OSError(errno.ENOENT, "removed")
    return path_of(directory.directory), rest or "."


def _outside(scheduler: Scheduler, place: Place, what: str) -> OSError:
    directory = os.path.dirname(place.path)
    # Whether Python finds its bytecode there, and tries to keep it, is the machine's affair and no fault of the program.
    if "__pycache__" not in place.path:
        # The directory alone: names made up at random would tell two runs apart.
        scheduler.refuse(f"{what} in {directory}, which is on none of the device's volumes, was refused")
    return OSError(errno.EROFS, "not on a volume")


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
        raise _outside(scheduler, place, "opening for writing")
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


# ---------------------------------------------------------------- changing


def _one(
    scheduler: Scheduler, task: Task, directory: int, address: int, what: str, act: Callable[[str], None]
) -> Reply:
    place = place_of(scheduler, task, directory, address)
    if not place.own:
        raise _outside(scheduler, place, what)
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
        raise _outside(scheduler, new, what)
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
            _descriptor_path(task, directory)
            raise OSError(errno.EROFS, "not on a volume")
        target: str | int = opened.descriptor
        found = disk.fstat(opened.descriptor)
    else:
        place = place_of(scheduler, task, directory, address)
        if not place.own:
            raise _outside(scheduler, place, "setting the times of")
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
        where = _descriptor_path(task, task.descriptor())
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


def _offset(value: int) -> int:
    """A signed 64-bit argument."""
    return value - (1 << 64) if value & 1 << 63 else value

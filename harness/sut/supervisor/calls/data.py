"""Bytes read and written through a descriptor: the virtual disk's, the link's, a pipe's, or the console's.

Models: read, write and their vector and positioned kin on files of the volumes, with the position in the open file
description; barriers; directory listings. What is written to the console goes to whoever runs the software.
Does not model: splice, tee, asynchronous I/O of the kernel (io_setup), which are refused by name.
Source: read(2), write(2), pread(2), preadv2(2), fsync(2), getdents64(2).
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from harness.storage.inode import Directory, Inode, RegularFile
from harness.sut.supervisor.abi import dirent64, statfs_bytes
from harness.sut.supervisor.calls import streams
from harness.sut.supervisor.datagrams import Datagrams
from harness.sut.supervisor.objects import Epoll, Opened, Output, Pollable, RandomDevice, Signals, Timer, VolumeFile
from harness.sut.supervisor.registry import NATIVE, Reply, answers
from harness.sut.supervisor.sockets import Socket
from harness.sut.supervisor.tasks import Task, Wait
from harness.sut.supervisor.vectors import gather, scatter, vector

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_TRANSFER_MAX = 1 << 26
"""What one read or write moves at most: less than Linux (read(2), NOTES), which has the memory for more."""
_PAGE_BYTES = 4096
_OUTPUT_MAX = 2 << 20
"""Of the same for standard output: twice what a line of the contract may have."""
_RWF_KNOWN = 0x1F
POLL_IN = 1


def offset_of(value: int) -> int:
    """A signed 64-bit offset."""
    return value - (1 << 64) if value & 1 << 63 else value


# ---------------------------------------------------------------- reading


def _read(scheduler: Scheduler, task: Task, parts: list[tuple[int, int]], offset: int | None) -> Reply:
    opened = usable(task.program.opened(task.descriptor()))
    size = min(sum(length for _, length in parts), _TRANSFER_MAX)
    if isinstance(opened, VolumeFile):
        scheduler.mappings.settle(opened.descriptor)
        disk = scheduler.disk
        data = disk.read(opened.descriptor, size) if offset is None else disk.pread(opened.descriptor, size, offset)
        return scatter(task, parts, data)
    if isinstance(opened, Socket):
        return opened.receive(scheduler, task, parts, 0) if size else 0
    if isinstance(opened, Datagrams):
        return opened.receive(scheduler, task, parts, 0, lambda sender, cut: None)
    if isinstance(opened, RandomDevice):
        return scatter(task, parts, scheduler.process.entropy.randbytes(min(size, 1 << 16)))
    if isinstance(opened, Pollable):
        return _read_pollable(scheduler, task, opened)
    if isinstance(opened, Epoll):
        raise OSError(errno.EINVAL, "an epoll is not read")
    if isinstance(opened, Output):
        return 0
    return NATIVE


def _read_pollable(scheduler: Scheduler, task: Task, opened: Pollable) -> Reply:
    """The kernel reads, once that will not make it wait."""
    if isinstance(opened, Signals):
        return _read_signals(scheduler, task, opened)
    _check_not_cancelled(opened)
    if not opened.blocking or opened.ready(POLL_IN):
        return NATIVE

    def finish(_timed_out: bool) -> None:
        _check_not_cancelled(opened)
        scheduler.pass_on(task)

    return scheduler.block(task, Wait(finish, lambda: bool(opened.ready(POLL_IN))))


def _check_not_cancelled(opened: Pollable) -> None:
    """A timer that minds (TFD_TIMER_CANCEL_ON_SET) tells once that the clock was set."""
    if isinstance(opened, Timer) and opened.times.cancelled:
        opened.times.cancelled = False
        os.read(opened.kernel_end, 8)
        raise OSError(errno.ECANCELED, "the clock was set")


def _read_signals(scheduler: Scheduler, task: Task, opened: Signals) -> Reply:
    pid, tid = task.program.pid, task.tid
    if not opened.blocking or opened.has_any(pid, tid):
        return NATIVE
    return scheduler.block(task, Wait(lambda _: scheduler.pass_on(task), lambda: opened.has_any(pid, tid)))


@answers("read")
def read(scheduler: Scheduler, task: Task) -> Reply:
    return _read(scheduler, task, [task.arguments[1:3]], None)  # type: ignore[list-item]


@answers("readv")
def readv(scheduler: Scheduler, task: Task) -> Reply:
    return _read(scheduler, task, vector(task, task.arguments[1], task.signed(2)), None)


@answers("pread64")
def pread64(scheduler: Scheduler, task: Task) -> Reply:
    offset = offset_of(task.arguments[3])
    if offset < 0:
        raise OSError(errno.EINVAL, "negative offset")
    return _read(scheduler, task, [task.arguments[1:3]], offset)  # type: ignore[list-item]


@answers("preadv", "preadv2")
def preadv(scheduler: Scheduler, task: Task) -> Reply:
    offset = offset_of(task.arguments[3])
    if task.number == 327 and task.arguments[5] & ~_RWF_KNOWN:
        raise OSError(errno.EOPNOTSUPP, "flags")
    if offset < -1 or (offset == -1 and task.number != 327):
        raise OSError(errno.EINVAL, "negative offset")
    return _read(scheduler, task, vector(task, task.arguments[1], task.signed(2)), None if offset == -1 else offset)


# ---------------------------------------------------------------- writing


def _write(scheduler: Scheduler, task: Task, parts: list[tuple[int, int]], offset: int | None) -> Reply:
    opened = usable(task.program.opened(task.descriptor()))
    if isinstance(opened, VolumeFile):
        scheduler.mappings.take_room()
        scheduler.mappings.settle(opened.descriptor)
        data = gather(task, parts, _TRANSFER_MAX)
        disk = scheduler.disk
        written = (
            disk.write(opened.descriptor, data) if offset is None else disk.pwrite(opened.descriptor, data, offset)
        )
        scheduler.mappings.written(opened.descriptor)
        return written
    if isinstance(opened, Output):
        data = gather(task, parts, _OUTPUT_MAX)
        scheduler.allowance.spend(len(data) / _PAGE_BYTES)
        scheduler.on_output(opened.stream, data)
        return len(data)
    if isinstance(opened, Socket):
        return opened.send(scheduler, task, gather(task, parts), 0)
    if isinstance(opened, Datagrams):
        return opened.send(scheduler, gather(task, parts), None)
    if isinstance(opened, RandomDevice):
        return min(sum(length for _, length in parts), _TRANSFER_MAX)
    if isinstance(opened, Timer):
        raise OSError(errno.EINVAL, "a timer is not written to")
    if isinstance(opened, Pollable):
        return streams.write(scheduler, task, opened, parts)
    return NATIVE


@answers("write")
def write(scheduler: Scheduler, task: Task) -> Reply:
    return _write(scheduler, task, [task.arguments[1:3]], None)  # type: ignore[list-item]


@answers("writev")
def writev(scheduler: Scheduler, task: Task) -> Reply:
    return _write(scheduler, task, vector(task, task.arguments[1], task.signed(2)), None)


@answers("pwrite64")
def pwrite64(scheduler: Scheduler, task: Task) -> Reply:
    offset = offset_of(task.arguments[3])
    if offset < 0:
        raise OSError(errno.EINVAL, "negative offset")
    return _write(scheduler, task, [task.arguments[1:3]], offset)  # type: ignore[list-item]


@answers("pwritev", "pwritev2")
def pwritev(scheduler: Scheduler, task: Task) -> Reply:
    offset = offset_of(task.arguments[3])
    if task.number == 328 and task.arguments[5]:
        raise OSError(errno.EOPNOTSUPP, "flags")
    if offset < -1 or (offset == -1 and task.number != 328):
        raise OSError(errno.EINVAL, "negative offset")
    return _write(scheduler, task, vector(task, task.arguments[1], task.signed(2)), None if offset == -1 else offset)


# ---------------------------------------------------------------- position, size, barriers


def usable(opened: Opened | None) -> Opened | None:
    """The same; EBADF for what O_PATH opened."""
    if isinstance(opened, VolumeFile) and opened.path_only:
        raise OSError(errno.EBADF, "opened as a path")
    return opened


def volume_file(task: Task, place: int = 0) -> VolumeFile | None:
    """The file of a volume that a descriptor argument leads to; None for anything else."""
    opened = usable(task.program.opened(task.descriptor(place)))
    return opened if isinstance(opened, VolumeFile) else None


@answers("lseek")
def lseek(scheduler: Scheduler, task: Task) -> Reply:
    file = volume_file(task)
    if file is None:
        return NATIVE
    offset, how = offset_of(task.arguments[1]), task.signed(2)
    if file.directory:
        return _seek_listing(file, offset, how)
    return scheduler.disk.lseek(file.descriptor, offset, how)


def _seek_listing(file: VolumeFile, offset: int, how: int) -> int:
    """Places in a directory are those that getdents64 told; going back to the first looks at it anew."""
    if how == os.SEEK_CUR:
        offset += file.told
    elif how != os.SEEK_SET:
        raise OSError(errno.EINVAL, "a directory")
    if offset < 0:
        raise OSError(errno.EINVAL, "before the beginning")
    if offset == 0:
        file.listing = None
    file.told = offset
    return offset


@answers("ftruncate")
def ftruncate(scheduler: Scheduler, task: Task) -> Reply:
    file = volume_file(task)
    if file is None:
        return NATIVE
    scheduler.mappings.settle(file.descriptor)
    scheduler.disk.ftruncate(file.descriptor, offset_of(task.arguments[1]))
    scheduler.mappings.written(file.descriptor)
    return 0


@answers("fallocate")
def fallocate(scheduler: Scheduler, task: Task) -> Reply:
    file = volume_file(task)
    if file is None:
        return NATIVE
    if task.signed(1):
        raise OSError(errno.EOPNOTSUPP, "only plain allocation is modelled")
    scheduler.mappings.take_room()
    scheduler.disk.posix_fallocate(file.descriptor, offset_of(task.arguments[2]), offset_of(task.arguments[3]))
    scheduler.mappings.written(file.descriptor)
    return 0


@answers("fsync")
def fsync(scheduler: Scheduler, task: Task) -> Reply:
    file = volume_file(task)
    if file is None:
        return NATIVE
    scheduler.mappings.settle(file.descriptor)
    scheduler.disk.fsync(file.descriptor)
    return 0


@answers("fdatasync")
def fdatasync(scheduler: Scheduler, task: Task) -> Reply:
    file = volume_file(task)
    if file is None:
        return NATIVE
    scheduler.mappings.settle(file.descriptor)
    scheduler.disk.fdatasync(file.descriptor)
    return 0


@answers("sync", "syncfs")
def sync(scheduler: Scheduler, task: Task) -> Reply:
    scheduler.mappings.settle_all()
    scheduler.disk.sync()
    return 0


@answers("sync_file_range", "readahead", "fadvise64")
def advice(scheduler: Scheduler, task: Task) -> Reply:
    """Promises nothing (sync_file_range(2), NOTES), so nothing is done for a volume's file."""
    return NATIVE if volume_file(task) is None else 0


def _changeable(scheduler: Scheduler, task: Task) -> VolumeFile:
    """A file whose attributes may change: on a volume. The machine's stay as they are."""
    file = volume_file(task)
    if file is None:
        if not os.path.lexists(f"/proc/{task.program.pid}/fd/{task.descriptor()}"):
            raise OSError(errno.EBADF, "no such descriptor")
        scheduler.refuse("changing the mode or the owner of what is on none of the device's volumes was refused")
        raise OSError(errno.EROFS, "not on a volume")
    return file


@answers("fchmod")
def fchmod(scheduler: Scheduler, task: Task) -> Reply:
    file = _changeable(scheduler, task)
    scheduler.disk.fchmod(file.descriptor, task.arguments[1] & 0o7777)
    return 0


@answers("fchown")
def fchown(scheduler: Scheduler, task: Task) -> Reply:
    file = _changeable(scheduler, task)
    scheduler.disk.fchown(file.descriptor, 0, 0)
    return 0


@answers("fstatfs")
def fstatfs(scheduler: Scheduler, task: Task) -> Reply:
    file = task.program.opened(task.descriptor())
    if not isinstance(file, VolumeFile):
        return NATIVE
    scheduler.mappings.take_room()
    disk = scheduler.disk
    found = statfs_bytes(disk.fstatvfs(file.descriptor), disk.fstat(file.descriptor).st_dev)
    task.program.write(task.arguments[1], found)
    return 0


@answers("sendfile", "copy_file_range", "splice", "tee", "vmsplice")
def between_files(scheduler: Scheduler, task: Task) -> Reply:
    """Programs fall back to read and write when the kernel cannot."""
    if volume_file(task, 0) is None and volume_file(task, 1) is None and volume_file(task, 2) is None:
        held = [task.program.opened(task.descriptor(place)) for place in range(3)]
        if not any(isinstance(each, Socket | Datagrams | Output) for each in held):
            return NATIVE
    raise OSError(errno.EINVAL, "not between these")


# ---------------------------------------------------------------- directories


@answers("getdents64")
def getdents64(scheduler: Scheduler, task: Task) -> Reply:
    file = volume_file(task)
    if file is None:
        return NATIVE
    if not file.directory:
        raise OSError(errno.ENOTDIR, "no directory")
    disk = scheduler.disk
    directory = disk.inode_of(file.descriptor)
    assert isinstance(directory, Directory)
    if file.listing is None:
        file.listing = [".", "..", *disk.listdir(file.descriptor)]
    if not directory.links:
        raise OSError(errno.ENOENT, "removed")
    room, out = task.arguments[2], b""
    while file.told < len(file.listing):
        entry = _entry(directory, file.listing[file.told], file.told + 1)
        if len(out) + len(entry) > room:
            if not out:
                raise OSError(errno.EINVAL, "too small a buffer")
            break
        out += entry
        file.told += 1
    task.program.write(task.arguments[1], out)
    return len(out)


def _entry(directory: Directory, name: str, next_place: int) -> bytes:
    """One struct linux_dirent64; nothing for a name that has gone since the listing began."""
    child: Inode | None
    if name == ".":
        child = directory
    elif name == "..":
        child = directory.directory or directory
    else:
        child = directory.child(name)
    return b"" if child is None else dirent64(child.number, next_place, child.mode, os.fsencode(name))


def is_regular(scheduler: Scheduler, file: VolumeFile) -> bool:
    """Whether an open file of a volume is a regular one."""
    return isinstance(scheduler.disk.inode_of(file.descriptor), RegularFile)

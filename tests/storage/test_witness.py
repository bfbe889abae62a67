"""What the software is told by its disk reaches the witness: barriers that succeeded, errors of the medium, nothing else."""

import contextlib
import errno
import os

from harness.storage.conditions import FsyncDropsPages, InputOutputError, ReadOnlyRemount
from harness.storage.disk import Disk
from harness.storage.inode import Inode, path_of
from harness.storage.media import strike
from harness.storage.volume import Volume


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def made_durable(self, operation: str, inode: Inode) -> None:
        self.lines.append(f"{operation} {path_of(inode)}")

    def failed(self, operation: str, volume: Volume, inode: Inode | None, error: int) -> None:
        self.lines.append(f"{operation or 'call'} {errno.errorcode[error]}")


def told_disk(total_bytes: int = 1 << 20) -> tuple[Disk, Volume, Notes]:
    volume = Volume("data", "/", total_bytes)
    notes = Notes()
    volume.witness = notes
    return Disk([volume]), volume, notes


def test_barriers_that_succeed_are_told() -> None:
    disk, _, notes = told_disk()
    fd = disk.open("/a", os.O_CREAT | os.O_RDWR)
    disk.write(fd, b"x")
    disk.fsync(fd)
    disk.fdatasync(fd)
    directory = disk.open("/", os.O_RDONLY)
    disk.fsync(directory)
    disk.sync()
    assert notes.lines == ["fsync /a", "fdatasync /a", "fsync /", "sync /"]


def test_errors_of_the_medium_are_told_and_a_missing_file_is_not() -> None:
    disk, volume, notes = told_disk(8192)
    with contextlib.suppress(OSError):
        disk.open("/missing", os.O_RDONLY)
    fd = disk.open("/a", os.O_CREAT | os.O_RDWR)
    strike(volume, InputOutputError("write"))
    with contextlib.suppress(OSError):
        disk.write(fd, b"x")
    disk.write(fd, bytes(8192))
    with contextlib.suppress(OSError):
        disk.write(fd, b"x")
    strike(volume, FsyncDropsPages())
    with contextlib.suppress(OSError):
        disk.fsync(fd)
    strike(volume, ReadOnlyRemount())
    with contextlib.suppress(OSError):
        disk.unlink("/a")
    assert notes.lines == ["write EIO", "call ENOSPC", "fsync EIO", "call EROFS"]

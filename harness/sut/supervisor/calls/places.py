"""Where a path leads: to one of the device's volumes, or to the machine's own files.

Models: absolute and relative paths, from the working directory or an open one, and the empty path that means the descriptor
itself. Does not model: directories of the machine that move meanwhile.
Source: path_resolution(7), openat(2).
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from harness.storage.inode import Directory, path_of
from harness.sut.supervisor.fence import normal
from harness.sut.supervisor.objects import VolumeFile
from harness.sut.supervisor.tasks import Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, AT_REMOVEDIR, AT_SYMLINK_FOLLOW = -100, 0x1000, 0x100, 0x200, 0x400


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
    return descriptor_path(task, directory), text


def descriptor_path(task: Task, number: int) -> str:
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


def outside(scheduler: Scheduler, place: Place, what: str) -> OSError:
    directory = os.path.dirname(place.path)
    # Whether Python finds its bytecode there, and tries to keep it, is the machine's affair and no fault of the program.
    if "__pycache__" not in place.path:
        # The directory alone: names made up at random would tell two runs apart.
        scheduler.refuse(f"{what} in {directory}, which is on none of the device's volumes, was refused")
    return OSError(errno.EROFS, "not on a volume")

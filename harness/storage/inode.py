"""Inodes and open file descriptions: what a volume stores, and what a process holds open.

Models: regular files (with holes), directories, symbolic links; link counts; the state that duplicated descriptors share.
Does not model: device nodes, FIFOs, sockets, extended attributes, owners other than root (a terminal is one user).
Source: POSIX.1-2017 XBD 3.258 (open file description), Linux tmpfs for directory sizes and hole accounting.
"""

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.storage.volume import Volume


class Inode:
    """What every kind of inode has. ``directory`` and ``name`` say where it was last linked, for messages and getcwd."""

    __slots__ = (
        "atime_ns",
        "ctime_ns",
        "directory",
        "links",
        "mode",
        "mtime_ns",
        "name",
        "number",
        "open_descriptions",
        "volume",
    )

    def __init__(self, volume: "Volume", number: int, mode: int, now_ns: int) -> None:
        self.volume = volume
        self.number = number
        self.mode = mode
        self.links = 0
        self.open_descriptions = 0
        self.directory: Directory | None = None
        self.name = ""
        self.atime_ns = self.mtime_ns = self.ctime_ns = now_ns


class RegularFile(Inode):
    """Bytes. ``content`` may be shorter than ``size_bytes``: the rest is a hole that costs nothing.

    ``holes`` are the indices of unallocated blocks within ``content`` (None when there are none); the last block of
    ``content`` is always allocated. ``content`` is ``bytes`` until the first write after a mount, so that mounting one
    image many times shares it.
    """

    __slots__ = ("content", "dirty_bytes", "holes", "lock_holders", "size_bytes")

    def __init__(self, volume: "Volume", number: int, mode: int, now_ns: int) -> None:
        super().__init__(volume, number, mode, now_ns)
        self.content: bytearray | bytes = bytearray()
        self.size_bytes = 0
        self.dirty_bytes = 0
        self.holes: set[int] | None = None
        self.lock_holders: list[Description] | None = None


class Directory(Inode):
    """Names, in the order in which they were added. ``mounts`` are other volumes' roots that cover names here."""

    __slots__ = ("blocks", "entries", "mounts", "name_bytes", "subdirectories")

    def __init__(self, volume: "Volume", number: int, mode: int, now_ns: int) -> None:
        super().__init__(volume, number, mode, now_ns)
        self.entries: dict[str, Inode] = {}
        self.mounts: dict[str, Directory] | None = None
        self.subdirectories = 0
        self.blocks = 0
        self.name_bytes = 0

    def child(self, name: str) -> Inode | None:
        """What the name leads to from here, a mounted volume's root first."""
        if self.mounts is not None:
            covered = self.mounts.get(name)
            if covered is not None:
                return covered
        return self.entries.get(name)


class SymbolicLink(Inode):
    __slots__ = ("target",)

    def __init__(self, volume: "Volume", number: int, target: str, now_ns: int) -> None:
        super().__init__(volume, number, stat.S_IFLNK | 0o777, now_ns)
        self.target = target


class Description:
    """One open file description: position and access mode, shared by duplicated descriptors."""

    __slots__ = ("append", "flags", "inode", "lock", "position", "readable", "references", "sync_data", "writable")

    def __init__(self, inode: Inode, flags: int, *, readable: bool, writable: bool, append: bool) -> None:
        self.inode = inode
        self.flags = flags
        self.position = 0
        self.readable = readable
        self.writable = writable
        self.append = append
        self.references = 1
        self.sync_data = False
        self.lock = 0


def path_of(inode: Inode) -> str:
    """The absolute path by which the inode was last linked, as /proc/self/fd would show it."""
    names: list[str] = []
    node: Inode = inode
    while node.directory is not None and node.directory is not node:
        names.append(node.name)
        node = node.directory
    names.append("")
    names.reverse()
    path = "/".join(names) or "/"
    return path if inode.links else path + " (deleted)"

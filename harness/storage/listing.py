"""listdir and scandir: a directory's names, in the order in which they were added."""

import errno
import os
import stat
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from harness.storage.attributes import AttributeCalls
from harness.storage.inode import Directory, Inode
from harness.storage.namespace import checked_path
from harness.storage.oserrors import os_error


class ListingCalls(AttributeCalls):
    """Calls that list directories."""

    def _listed(self, path: Any, function: str) -> Directory:
        if isinstance(path, int):
            inode = self._description(path).inode
            if not isinstance(inode, Directory):
                raise os_error(errno.ENOTDIR, path)
        else:
            inode = self._lookup(checked_path(path, function))
            if not isinstance(inode, Directory):
                raise os_error(errno.ENOTDIR, path)
        if inode.volume.media is not None:
            inode.volume.media.listed(inode)
        return inode

    def listdir(self, path: Any = None) -> list[Any]:
        if path is None:
            path = "."
        names = _names(self._listed(path, "listdir"))
        if not isinstance(path, int) and isinstance(os.fspath(path), bytes):
            return [name.encode("utf-8", "surrogateescape") for name in names]
        return names

    def scandir(self, path: Any = None) -> "DirectoryIterator":
        if path is None:
            path = "."
        directory = self._listed(path, "scandir")
        shown = path if isinstance(path, int) else os.fspath(path)
        return DirectoryIterator(self, directory, shown)


def _names(directory: Directory) -> list[str]:
    names = list(directory.entries)
    if directory.mounts is not None:
        names.extend(name for name in directory.mounts if name not in directory.entries)
    return names


class DirectoryEntry:
    """What ``os.DirEntry`` gives. The type is as it was when listed; ``stat`` is asked for once and kept."""

    __slots__ = ("_disk", "_inode_number", "_kept", "_mode", "_stat_path", "name", "path")

    def __init__(self, disk: ListingCalls, name: Any, path: Any, stat_path: Any, inode: Inode) -> None:
        self._disk = disk
        self.name = name
        self.path = path
        self._stat_path = stat_path
        self._mode = inode.mode
        self._inode_number = inode.number
        self._kept: dict[bool, os.stat_result] = {}

    def inode(self) -> int:
        return self._inode_number

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self._mode)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISDIR(self._type(follow_symlinks))

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISREG(self._type(follow_symlinks))

    def _type(self, follow_symlinks: bool) -> int:
        if not follow_symlinks or not stat.S_ISLNK(self._mode):
            return self._mode
        try:
            return self.stat().st_mode
        except FileNotFoundError:
            return 0

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        follow = follow_symlinks and stat.S_ISLNK(self._mode)
        found = self._kept.get(follow)
        if found is None:
            found = self._kept[follow] = self._ask(follow)
        return found

    def _ask(self, follow: bool) -> os.stat_result:
        path = self._stat_path
        if isinstance(path, tuple):
            descriptor, name = path
            return self._disk.stat(name, dir_fd=descriptor, follow_symlinks=follow)
        return self._disk.stat(path, follow_symlinks=follow)

    def __fspath__(self) -> Any:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


class DirectoryIterator:
    """What ``os.scandir`` returns: an iterator over entries that is also a context manager."""

    __slots__ = ("_entries",)

    def __init__(self, disk: ListingCalls, directory: Directory, shown: Any) -> None:
        self._entries: Iterator[DirectoryEntry] = iter(
            [_entry(disk, directory, shown, name) for name in _names(directory)]
        )

    def __iter__(self) -> "DirectoryIterator":
        return self

    def __next__(self) -> DirectoryEntry:
        return next(self._entries)

    def __enter__(self) -> "DirectoryIterator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _entry(disk: ListingCalls, directory: Directory, shown: Any, name: str) -> DirectoryEntry:
    inode = directory.child(name)
    assert inode is not None
    if isinstance(shown, int):
        return DirectoryEntry(disk, name, name, (shown, name), inode)
    if isinstance(shown, bytes):
        raw = name.encode("utf-8", "surrogateescape")
        path: Any = os.path.join(shown, raw)
        return DirectoryEntry(disk, raw, path, path, inode)
    path = os.path.join(shown, name)
    return DirectoryEntry(disk, name, path, path, inode)

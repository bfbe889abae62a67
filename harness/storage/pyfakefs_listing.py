"""scandir on the pyfakefs disk, answered by the disk itself: pyfakefs's own entries carry the host's time.

Models: names in sorted order, kinds, stat as of the call. Does not model: the kernel's order, d_type without stat.
Source: os.scandir in CPython 3.11.
"""

import os
import stat
from collections.abc import Iterator
from typing import Any, Protocol


class Looks(Protocol):
    """What an entry asks of its disk."""

    def listdir(self, path: Any) -> list[Any]: ...
    def stat(self, path: Any, *, follow_symlinks: bool = True) -> os.stat_result: ...


class FakeEntry:
    """os.DirEntry."""

    def __init__(self, disk: Looks, directory: str, name: str) -> None:
        self._disk = disk
        self.name = name
        self.path = os.path.join(directory, name)

    def __fspath__(self) -> str:
        return self.path

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return self._disk.stat(self.path, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        return self.stat(follow_symlinks=False).st_ino

    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.stat(follow_symlinks=False).st_mode)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(stat.S_IFDIR, follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(stat.S_IFREG, follow_symlinks)

    def _is(self, kind: int, follow_symlinks: bool) -> bool:
        try:
            return stat.S_IFMT(self.stat(follow_symlinks=follow_symlinks).st_mode) == kind
        except FileNotFoundError:
            return False


class FakeListing:
    """What os.scandir returns: an iterator that can be closed."""

    def __init__(self, disk: Looks, path: Any) -> None:
        directory = os.fspath(path)
        self._entries = iter([FakeEntry(disk, directory, name) for name in disk.listdir(directory)])

    def __iter__(self) -> Iterator[FakeEntry]:
        return self

    def __next__(self) -> FakeEntry:
        return next(self._entries)

    def close(self) -> None:
        self._entries = iter(())

    def __enter__(self) -> "FakeListing":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

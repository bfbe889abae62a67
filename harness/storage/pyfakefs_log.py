"""An op log for the pyfakefs disk: what its calls changed, in the words of ``oplog``, so that a crash model can read it.

Models: names, modes, truncations, barriers and closes as they are called; a write through a descriptor as it was made.
Does not model: a write through a file object, which pyfakefs puts into the file at a flush as one new content: here that is
what differs from the old content, so that bytes rewritten as they were are not seen; a duplicated descriptor, each close of which
counts as the last.
Source: pyfakefs 6.3, fake_file.py (contents are replaced whole), fake_open.py; held against the first disk by
tests/storage/test_two_disks.py.
"""

import os
import stat
from typing import Any

from pyfakefs.fake_file import FakeDirectory, FakeFile

from harness.storage.oplog import (
    Close,
    Link,
    Op,
    Rename,
    SetMode,
    SyncDirectory,
    SyncFile,
    SyncVolume,
    Truncate,
    Unlink,
    Write,
)
from harness.storage.pyfakefs_disk import PyfakefsDisk
from harness.storage.pyfakefs_handle import FakeHandle

_ENTRY = tuple[int, str, FakeFile | None]


class LoggedPyfakefsDisk(PyfakefsDisk):
    """A pyfakefs disk that keeps an op log, from its making on."""

    def __init__(self, total_bytes: int, **options: Any) -> None:
        super().__init__(total_bytes, **options)
        self.log: list[Op] = []
        self._contents: dict[int, bytes] = {}
        self._writable: set[int] = set()
        # What the call under way says about the change that ``_touch`` is going to see.
        self._written: tuple[int, bytes] | None = None
        self._resized = False
        self._by_path = False
        self._data_only = False

    # ------------------------------------------------------------------ contents

    def _touch(self, each: FakeFile) -> None:
        super()._touch(each)
        inode, new = self._inode(each), each.byte_contents or b""
        old, self._contents[inode] = self._contents.get(inode, b""), new
        if self._written is not None:
            descriptor, data = self._written
            self.log.append(Write(inode, self._position(descriptor) - len(data), data, len(old)))
        elif self._resized:
            if len(new) != len(old):
                self.log.append(Truncate(inode, len(new), len(old), self._by_path))
        else:
            self.log.extend(_differences(inode, old, new))

    def _closed(self, each: FakeFile, writable: bool) -> None:
        super()._closed(each, writable)
        if writable:
            self._touch(each)
            self.log.append(Close(self._inode(each)))

    def write(self, fd: int, data: Any) -> int:
        if not len(data):
            return super().write(fd, data)
        self._written = (fd, bytes(data))
        try:
            return super().write(fd, data)
        finally:
            self._written = None

    def ftruncate(self, fd: int, length: int) -> None:
        self._resized = True
        try:
            super().ftruncate(fd, length)
        finally:
            self._resized = False

    def truncate(self, path: Any, length: int) -> None:
        self._by_path = not isinstance(path, int)
        try:
            super().truncate(path, length)
        finally:
            self._by_path = False

    # ------------------------------------------------------------------ descriptors

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        existed = self._fs.exists(path)
        descriptor = super().open(path, flags, mode)
        each = self._object(descriptor)
        if not existed:
            self._created(path, each)
        if flags & (os.O_WRONLY | os.O_RDWR):
            self._writable.add(descriptor)
        else:
            self._writable.discard(descriptor)
        return descriptor

    def close(self, fd: int) -> None:
        self._alive()
        each = self._object(fd) if fd in self._writable else None
        self._writable.discard(fd)
        super().close(fd)
        if each is not None:
            self.log.append(Close(self._inode(each)))

    def fopen(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> FakeHandle:
        existed = isinstance(file, int) or self._fs.exists(file)
        handle = super().fopen(file, mode, *args, **kwargs)
        each = handle.get_object()
        if not existed:
            self._created(file, each)
        elif mode[:1] == "w":
            self._touch(each)
        return handle

    def _created(self, path: Any, each: FakeFile) -> None:
        directory, name, _ = self._entry(path)
        self.log.append(Link(directory, name, self._inode(each), each.st_mode))

    # ------------------------------------------------------------------ barriers

    def fsync(self, fd: Any) -> None:
        super().fsync(fd)
        each = self._object(fd if isinstance(fd, int) else fd.fileno())
        inode = self._inode(each)
        if isinstance(each, FakeDirectory):
            self.log.append(SyncDirectory(inode))
        else:
            self.log.append(SyncFile(inode, self._data_only))

    def fdatasync(self, fd: Any) -> None:
        self._data_only = True
        try:
            super().fdatasync(fd)
        finally:
            self._data_only = False

    def sync(self) -> None:
        super().sync()
        self.log.append(SyncVolume())

    # ------------------------------------------------------------------ names

    def _entry(self, path: Any) -> _ENTRY:
        """The directory and name behind a path, and what the name holds."""
        parent, name = os.path.split(self._fs.absnormpath(os.fsdecode(path)))
        directory = self._fs.resolve(parent)
        entries = directory.entries if isinstance(directory, FakeDirectory) else {}
        return self._inode(directory), str(name), entries.get(str(name))

    def _change(self, function: str, *args: Any, **kwargs: Any) -> None:
        before = self._entry(args[0]) if function in ("unlink", "remove", "rmdir", "rename", "replace") else None
        replaced = self._entry(args[1])[2] if function in ("rename", "replace") else None
        super()._change(function, *args, **kwargs)
        if function in ("unlink", "remove", "rmdir"):
            assert before is not None and before[2] is not None
            self.log.append(Unlink(before[0], before[1], self._inode(before[2])))
        elif function in ("rename", "replace"):
            assert before is not None and before[2] is not None
            self._renamed(before, args[1], replaced)
        elif function in ("chmod", "fchmod"):
            each = self._object(args[0]) if function == "fchmod" else self._fs.resolve(args[0])
            self.log.append(SetMode(self._inode(each), each.st_mode))
        else:
            self._linked(function, args[0] if function == "mkdir" else args[1])

    def _renamed(self, before: _ENTRY, new_path: Any, replaced: FakeFile | None) -> None:
        moved = before[2]
        if moved is None or moved is replaced:
            return
        directory, name, _ = self._entry(new_path)
        gone = None if replaced is None else self._inode(replaced)
        self.log.append(Rename(before[0], before[1], directory, name, self._inode(moved), gone))

    def _linked(self, function: str, path: Any) -> None:
        directory, name, each = self._entry(path)
        assert each is not None
        target = os.fsdecode(each.byte_contents or b"") if stat.S_ISLNK(each.st_mode) else None
        self.log.append(
            Link(directory, name, self._inode(each), each.st_mode, target, created=function in ("mkdir", "symlink"))
        )


def _differences(inode: int, old: bytes, new: bytes) -> list[Op]:
    """What makes the new content of the old one: cut to length, then one write from the first byte changed to the last."""
    if new == old:
        return []
    ops: list[Op] = []
    if len(new) < len(old):
        ops.append(Truncate(inode, len(new), len(old)))
        old = old[: len(new)]
    start = _same(old, new)
    stop = len(new)
    if len(new) == len(old):
        stop -= _same(old[start:][::-1], new[start:][::-1])
    if start < stop:
        ops.append(Write(inode, start, new[start:stop], len(old)))
    return ops


def _same(first: bytes, second: bytes) -> int:
    """How many bytes the two begin with in common."""
    shorter = min(len(first), len(second))
    return next((place for place in range(shorter) if first[place] != second[place]), shorter)

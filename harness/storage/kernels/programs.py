"""Small programs of file operations: what is run on a kernel's file system and on the virtual disk alike.

Models: one process that creates, appends, overwrites, truncates, renames, links, removes and syncs, with files open for one
call or for several. Every write has bytes of its own, so that a block read back says which write it came from.
``NudgeFile`` is what a kernel does by itself at some time: it starts write-back and promises nothing, so the virtual disk
does not see it.
Does not model: several processes, mmap, direct I/O, extended attributes, running out of space.
"""

import os
from collections.abc import Callable
from typing import Protocol

import msgspec

from harness.storage.kernels import linux


class Create(msgspec.Struct, frozen=True, tag="create"):
    path: str


class Append(msgspec.Struct, frozen=True, tag="append"):
    path: str
    length_bytes: int


class Overwrite(msgspec.Struct, frozen=True, tag="overwrite"):
    path: str
    offset_bytes: int
    length_bytes: int


class Rewrite(msgspec.Struct, frozen=True, tag="rewrite"):
    """open(path, "w"), write, close: three operations, cut between them too."""

    path: str
    length_bytes: int


class Resize(msgspec.Struct, frozen=True, tag="resize"):
    path: str
    size_bytes: int


class Move(msgspec.Struct, frozen=True, tag="move"):
    old: str
    new: str


class Remove(msgspec.Struct, frozen=True, tag="remove"):
    path: str


class MakeDirectory(msgspec.Struct, frozen=True, tag="mkdir"):
    path: str


class RemoveDirectory(msgspec.Struct, frozen=True, tag="rmdir"):
    path: str


class HardLink(msgspec.Struct, frozen=True, tag="link"):
    old: str
    new: str


class SymbolicLink(msgspec.Struct, frozen=True, tag="symlink"):
    target: str
    path: str


class ChangeMode(msgspec.Struct, frozen=True, tag="chmod"):
    path: str
    mode: int


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Open and keep open: later operations on this path use the descriptor, whatever its name is by then."""

    path: str


class LetGo(msgspec.Struct, frozen=True, tag="let_go"):
    path: str


class SyncOne(msgspec.Struct, frozen=True, tag="fsync"):
    path: str
    data_only: bool = False


class SyncNames(msgspec.Struct, frozen=True, tag="fsync_directory"):
    path: str


class SyncAll(msgspec.Struct, frozen=True, tag="sync"):
    pass


class NudgeFile(msgspec.Struct, frozen=True, tag="nudge"):
    path: str
    wait: bool = True


Operation = (
    Create
    | Append
    | Overwrite
    | Rewrite
    | Resize
    | Move
    | Remove
    | MakeDirectory
    | RemoveDirectory
    | HardLink
    | SymbolicLink
    | ChangeMode
    | Hold
    | LetGo
    | SyncOne
    | SyncNames
    | SyncAll
    | NudgeFile
)
Program = tuple[Operation, ...]


class Calls(Protocol):
    """The os functions a program needs; the virtual disk has them as methods."""

    def open(self, path: str, flags: int, mode: int = ..., /) -> int: ...
    def close(self, fd: int, /) -> None: ...
    def write(self, fd: int, data: bytes, /) -> int: ...
    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int: ...
    def ftruncate(self, fd: int, length: int, /) -> None: ...
    def rename(self, old: str, new: str, /) -> None: ...
    def unlink(self, path: str, /) -> None: ...
    def mkdir(self, path: str, mode: int = ..., /) -> None: ...
    def rmdir(self, path: str, /) -> None: ...
    def link(self, old: str, new: str, /) -> None: ...
    def symlink(self, target: str, path: str, /) -> None: ...
    def chmod(self, path: str, mode: int, /) -> None: ...
    def fsync(self, fd: int, /) -> None: ...
    def fdatasync(self, fd: int, /) -> None: ...
    def sync(self) -> None: ...


class RealCalls:
    """The real machine's calls, below one directory."""

    def __init__(self, root: str) -> None:
        self._root = root

    def open(self, path: str, flags: int, mode: int = 0o600, /) -> int:
        return os.open(self._root + path, flags | os.O_CLOEXEC, mode)

    def close(self, fd: int, /) -> None:
        os.close(fd)

    def write(self, fd: int, data: bytes, /) -> int:
        return os.write(fd, data)

    def pwrite(self, fd: int, data: bytes, offset: int, /) -> int:
        return os.pwrite(fd, data, offset)

    def ftruncate(self, fd: int, length: int, /) -> None:
        os.ftruncate(fd, length)

    def rename(self, old: str, new: str, /) -> None:
        os.rename(self._root + old, self._root + new)

    def unlink(self, path: str, /) -> None:
        os.unlink(self._root + path)

    def mkdir(self, path: str, mode: int = 0o755, /) -> None:
        os.mkdir(self._root + path, mode)

    def rmdir(self, path: str, /) -> None:
        os.rmdir(self._root + path)

    def link(self, old: str, new: str, /) -> None:
        os.link(self._root + old, self._root + new, follow_symlinks=False)

    def symlink(self, target: str, path: str, /) -> None:
        os.symlink(target, self._root + path)

    def chmod(self, path: str, mode: int, /) -> None:
        os.chmod(self._root + path, mode)

    def fsync(self, fd: int, /) -> None:
        os.fsync(fd)

    def fdatasync(self, fd: int, /) -> None:
        os.fdatasync(fd)

    def sync(self) -> None:
        linux.sync_file_system(self._root)


def no_nudge(fd: int, wait: bool) -> None:
    """The virtual disk writes nothing back by itself."""


class Runner:
    """Runs operations one by one on either disk, with its table of held descriptors."""

    def __init__(self, calls: Calls, nudge: Callable[[int, bool], None]) -> None:
        self.calls = calls
        self._nudge = nudge
        self._held: dict[str, int] = {}

    def run(self, operation: Operation, letter: bytes) -> None:
        """``letter`` is the byte every write of this operation is made of."""
        calls = self.calls
        match operation:
            case Create(path):
                calls.close(calls.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            case Append(path, length):
                self._with(path, os.O_WRONLY | os.O_APPEND, lambda fd: calls.write(fd, letter * length))
            case Overwrite(path, offset, length):
                self._with(path, os.O_WRONLY, lambda fd: calls.pwrite(fd, letter * length, offset))
            case Rewrite(path, length):
                fd = calls.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
                calls.write(fd, letter * length)
                calls.close(fd)
            case Resize(path, size):
                self._with(path, os.O_WRONLY, lambda fd: calls.ftruncate(fd, size))
            case Hold(path):
                if path in self._held:
                    raise KeyError(path)
                self._held[path] = calls.open(path, os.O_WRONLY | os.O_APPEND)
            case LetGo(path):
                calls.close(self._held.pop(path))
            case SyncOne(path, data_only):
                self._with(path, os.O_RDONLY, calls.fdatasync if data_only else calls.fsync)
            case SyncNames(path):
                self._with(path, os.O_RDONLY | os.O_DIRECTORY, calls.fsync)
            case NudgeFile(path, wait):
                self._with(path, os.O_RDONLY, lambda fd: self._nudge(fd, wait))
            case _:
                self._name_operation(operation)

    def _name_operation(self, operation: Operation) -> None:
        calls = self.calls
        match operation:
            case Move(old, new):
                calls.rename(old, new)
            case Remove(path):
                calls.unlink(path)
            case MakeDirectory(path):
                calls.mkdir(path, 0o755)
            case RemoveDirectory(path):
                calls.rmdir(path)
            case HardLink(old, new):
                calls.link(old, new)
            case SymbolicLink(target, path):
                calls.symlink(target, path)
            case ChangeMode(path, mode):
                calls.chmod(path, mode)
            case SyncAll():
                calls.sync()

    def _with(self, path: str, flags: int, act: Callable[[int], object]) -> None:
        held = self._held.get(path)
        fd = self.calls.open(path, flags) if held is None else held
        try:
            act(fd)
        finally:
            if held is None:
                self.calls.close(fd)

    def close(self) -> None:
        """Lets go of all descriptors."""
        for fd in self._held.values():
            self.calls.close(fd)
        self._held = {}

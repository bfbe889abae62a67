"""builtins.open on a virtual disk: a raw file under CPython's own buffered and text layers.

Models: ``io.FileIO`` (modes, errors, messages, position) and ``builtins.open`` in CPython 3.11. Buffering, line endings,
flush on close and on collection are CPython's, as its own classes do them.
Does not model: the locale; without an encoding text is UTF-8. No ResourceWarning is given for a file left open.
Source: Modules/_io/fileio.c and _iomodule.c of CPython 3.11, held against builtins.open by tests/storage.
"""

import errno
import functools
import io
import os
import warnings
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from harness.storage.data import DataCalls
from harness.storage.inode import Directory, RegularFile
from harness.storage.listing import ListingCalls
from harness.storage.names import NameCalls
from harness.storage.oserrors import os_error

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

Opener: TypeAlias = Callable[[Any, int], int]

_CLOSED = "I/O operation on closed file"


class FileCalls(NameCalls, DataCalls, ListingCalls):
    """``fopen``, which is ``builtins.open``, and ``file_io``, which is ``io.FileIO``."""

    def file_io(self, file: Any, mode: str = "r", closefd: bool = True, opener: Opener | None = None) -> "RawFile":
        return RawFile(self, file, mode, closefd, opener)

    def fopen(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Opener | None = None,
    ) -> IO[Any]:
        if not isinstance(file, int):
            file = os.fspath(file)
        if not isinstance(mode, str):
            raise TypeError(f"open() argument 'mode' must be str, not {type(mode).__name__}")
        raw_mode, binary = _checked_mode(mode)
        if binary:
            if encoding is not None:
                raise ValueError("binary mode doesn't take an encoding argument")
            if errors is not None:
                raise ValueError("binary mode doesn't take an errors argument")
            if newline is not None:
                raise ValueError("binary mode doesn't take a newline argument")
            if buffering == 1:
                warnings.warn(
                    "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used",
                    RuntimeWarning,
                    stacklevel=2,
                )
        raw = RawFile(self, file, raw_mode, closefd, opener)
        try:
            return _layered(raw, mode, raw_mode, binary, buffering, encoding, errors, newline)
        except BaseException:
            raw.close()
            raise


def _layered(
    raw: "RawFile",
    mode: str,
    raw_mode: str,
    binary: bool,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> IO[Any]:
    line_buffering = buffering == 1 and not binary
    if buffering < 0 or buffering == 1:
        buffering = raw.block_size_bytes
    if buffering == 0:
        if not binary:
            raise ValueError("can't have unbuffered text I/O")
        return raw  # type: ignore[return-value]
    buffer: io.BufferedRandom | io.BufferedReader | io.BufferedWriter
    if "+" in raw_mode:
        buffer = io.BufferedRandom(raw, buffering)
    elif "r" in raw_mode:
        buffer = io.BufferedReader(raw, buffering)
    else:
        buffer = io.BufferedWriter(raw, buffering)
    if binary:
        return buffer
    if encoding is None or encoding == "locale":
        encoding = "utf-8"
    text = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering)
    text.mode = mode  # type: ignore[misc]
    return text


@functools.cache
def _checked_mode(mode: str) -> tuple[str, bool]:
    """The mode without its text or binary letter, and whether it was binary."""
    for index, letter in enumerate(mode):
        if letter not in "axrwb+t" or letter in mode[:index]:
            raise ValueError(f"invalid mode: '{mode}'")
    if "b" in mode and "t" in mode:
        raise ValueError("can't have text and binary mode at once")
    kinds = sum(mode.count(letter) for letter in "axrw")
    if kinds > 1:
        raise ValueError("must have exactly one of create/read/write/append mode")
    return mode.replace("b", "").replace("t", ""), "b" in mode


class _RawMode(NamedTuple):
    """What a raw file's mode means."""

    kind: str
    readable: bool
    writable: bool
    flags: int
    shown: str


@functools.cache
def _raw_mode(mode: str) -> _RawMode:
    kinds = [letter for letter in mode if letter in "axrw"]
    if any(letter not in "axrwb+" for letter in mode):
        raise ValueError(f"invalid mode: {mode}")
    if len(kinds) != 1 or mode.count("+") > 1:
        raise ValueError("Must have exactly one of create/read/write/append mode and at most one plus")
    kind, update = kinds[0], "+" in mode
    readable, writable = update or kind == "r", update or kind != "r"
    flags = os.O_CLOEXEC | (os.O_RDWR if update else os.O_WRONLY if writable else os.O_RDONLY)
    flags |= {"r": 0, "w": os.O_CREAT | os.O_TRUNC, "a": os.O_CREAT | os.O_APPEND, "x": os.O_CREAT | os.O_EXCL}[kind]
    # FileIO calls a file made with "w+" "rb+".
    letter = "r" if kind == "w" and update else kind
    shown = f"{letter}b+" if update else f"{letter}b"
    return _RawMode(kind, readable, writable, flags, shown)


class RawFile(io.RawIOBase):
    """``io.FileIO`` on a virtual disk. Once its process is dead, writes raise EIO and closing is silent."""

    def __init__(
        self, disk: FileCalls, file: Any, mode: str = "r", closefd: bool = True, opener: Opener | None = None
    ) -> None:
        self._disk = disk
        self._descriptor = -1
        self._finalizing = False
        # As FileIO's: settled by the first seek, so that a first seek which fails leaves it false for good.
        self._seeks: bool | None = None
        parsed = _raw_mode(mode)
        self._kind, self._readable, self._writable, self._flags, self.mode = parsed
        self.closefd = closefd
        if isinstance(file, int):
            if file < 0:
                raise ValueError("negative file descriptor")
            descriptor = int(file)
        else:
            if not closefd:
                raise ValueError("Cannot use closefd=False with file name")
            descriptor = self._opened(os.fspath(file), opener)
        self._adopt(descriptor, file)

    def _opened(self, file: str | bytes, opener: Opener | None) -> int:
        if opener is None:
            return self._disk.open(file, self._flags, 0o666)
        descriptor = opener(file, self._flags)
        if not isinstance(descriptor, int):
            raise TypeError("expected integer from opener")
        if descriptor < 0:
            raise ValueError(f"opener returned {descriptor}")
        return descriptor

    def _adopt(self, descriptor: int, file: Any) -> None:
        """Takes the descriptor over once it is known to be one of a file."""
        inode = self._disk.inode_of(descriptor)
        if isinstance(inode, Directory):
            if not isinstance(file, int):
                self._disk.close(descriptor)
            raise os_error(errno.EISDIR, file)
        self._descriptor = descriptor
        self.name = file
        self.block_size_bytes = inode.volume.block_size_bytes
        if self._kind == "a":
            self.seek(0, os.SEEK_END)

    def _open_descriptor(self) -> int:
        if self._descriptor < 0:
            raise ValueError(_CLOSED)
        return self._descriptor

    def fileno(self) -> int:
        return self._open_descriptor()

    def isatty(self) -> bool:
        self._open_descriptor()
        return False

    def readable(self) -> bool:
        self._open_descriptor()
        return self._readable

    def writable(self) -> bool:
        self._open_descriptor()
        return self._writable

    def seekable(self) -> bool:
        if self._seeks is None:
            self.tell()
        self._open_descriptor()
        return self._seeks is True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        descriptor = self._open_descriptor()
        if not self._readable:
            raise io.UnsupportedOperation("File not open for reading")
        return self._disk.readinto(descriptor, buffer)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return self.readall()
        descriptor = self._open_descriptor()
        if not self._readable:
            raise io.UnsupportedOperation("File not open for reading")
        return self._disk.read(descriptor, size)

    def readall(self) -> bytes:
        descriptor = self._open_descriptor()
        if not self._readable:
            raise io.UnsupportedOperation("File not open for reading")
        parts = []
        while part := self._disk.read(descriptor, self._remaining(descriptor)):
            parts.append(part)
        return b"".join(parts)

    def _remaining(self, descriptor: int) -> int:
        """What is left of the file, and one more so that the end is seen."""
        inode = self._disk.inode_of(descriptor)
        size = inode.size_bytes if isinstance(inode, RegularFile) else 0
        return max(0, size - self._disk.lseek(descriptor, 0, os.SEEK_CUR)) + 1

    def write(self, data: "ReadableBuffer", /) -> int:
        descriptor = self._descriptor
        if descriptor < 0:
            raise ValueError(_CLOSED)
        if not self._writable:
            raise io.UnsupportedOperation("File not open for writing")
        if self._finalizing and self._disk.dead:
            # The collector flushes what the dead had buffered: it goes nowhere, and nothing is printed about it.
            return memoryview(data).nbytes
        return self._disk.write(descriptor, data)

    def seek(self, position: int, whence: int = os.SEEK_SET, /) -> int:
        descriptor = self._open_descriptor()
        if self._finalizing and self._disk.dead:
            return 0
        try:
            reached = self._disk.lseek(descriptor, position, whence)
        except OSError:
            if self._seeks is None:
                self._seeks = False
            raise
        self._seeks = self._seeks is not False
        return reached

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def truncate(self, size: int | None = None, /) -> int:
        descriptor = self._open_descriptor()
        if not self._writable:
            raise io.UnsupportedOperation("File not open for writing")
        if size is None:
            size = self.tell()
        self._disk.ftruncate(descriptor, size)
        return size

    def close(self) -> None:
        if self.closed:
            return
        descriptor, self._descriptor = getattr(self, "_descriptor", -1), -1
        super().close()
        if descriptor >= 0 and self.closefd and not self._disk.dead:
            self._disk.close(descriptor)

    def _dealloc_warn(self, source: object) -> None:
        """Called by CPython's buffered layers as they are collected unclosed, before they flush."""
        self._finalizing = True

    def __getstate__(self) -> object:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    def __repr__(self) -> str:
        if self._descriptor < 0:
            return "<_io.FileIO [closed]>"
        return f"<_io.FileIO name={self.name!r} mode={self.mode!r} closefd={self.closefd}>"

"""``io``, ``_io``, ``fcntl``, ``builtins.open`` and ``print``: the device's disk below CPython's own buffered and text layers."""

from __future__ import annotations

import fcntl
import io
from types import ModuleType
from typing import Any

from harness.storage.files import RawFile
from harness.sut import current
from harness.sut.virtual.posix import refused


def device_open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """``builtins.open`` on the disk of the device whose software calls."""
    return current.running().disk.fopen(file, mode, buffering, encoding, errors, newline, closefd, opener)


device_open.__name__ = device_open.__qualname__ = "open"


def _open_code(path: str) -> Any:
    return current.running().disk.fopen(path, "rb")


class _FileIOType(type):
    """So that ``isinstance(raw, io.FileIO)`` holds for the device's files."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, RawFile)


class FileIO(metaclass=_FileIOType):
    """``io.FileIO`` on the device's disk."""

    def __new__(cls, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None) -> Any:
        return current.running().disk.file_io(file, mode, closefd, opener)


def build_io(real: ModuleType) -> ModuleType:
    """``io`` or ``_io``: the real classes with the device's way in."""
    module = ModuleType(real.__name__)
    for name, value in vars(real).items():
        if name not in ("__spec__", "__loader__", "__builtins__"):
            setattr(module, name, value)
    module.open = device_open  # type: ignore[attr-defined]
    module.open_code = _open_code  # type: ignore[attr-defined]
    module.FileIO = FileIO  # type: ignore[attr-defined]
    if real is io:
        module.OpenWrapper = device_open  # type: ignore[attr-defined]
    return module


def _flock(fd: Any, operation: int, /) -> None:
    current.running().disk.flock(fd, operation)


def _lockf(fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0, /) -> None:
    current.running().disk.lockf(fd, cmd, len, start, whence)


def _fcntl(fd: Any, cmd: int, arg: Any = 0, /) -> Any:
    """The queries and settings that libraries make in passing; everything else is refused."""
    number = fd if isinstance(fd, int) else fd.fileno()
    disk = current.running().disk
    if cmd == fcntl.F_GETFD:
        disk.fstat(number)
        return fcntl.FD_CLOEXEC
    if cmd == fcntl.F_SETFD:
        disk.fstat(number)
        return 0
    if cmd == getattr(fcntl, "F_FULLFSYNC", -1):
        disk.fsync(number)
        return 0
    return refused(f"fcntl.fcntl command {cmd}")()


def build_fcntl() -> ModuleType:
    """``fcntl``: locks go to the disk."""
    module = ModuleType("fcntl")
    for name, value in vars(fcntl).items():
        if name not in ("__spec__", "__loader__"):
            setattr(module, name, value if not callable(value) else refused(f"fcntl.{name}"))
    module.flock = _flock  # type: ignore[attr-defined]
    module.lockf = _lockf  # type: ignore[attr-defined]
    module.fcntl = _fcntl  # type: ignore[attr-defined]
    return module

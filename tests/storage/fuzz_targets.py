"""The two sides of the differential fuzz: a real directory and a virtual disk, driven by the same operations."""

import fcntl
import io
import os
import shutil
from collections.abc import Callable
from typing import Any

from harness.storage.disk import Disk

SLOTS = 4


class RealCalls:
    """The os functions under the names that ``Disk`` gives them."""

    fopen = staticmethod(open)
    file_io = staticmethod(io.FileIO)
    flock = staticmethod(fcntl.flock)
    lockf = staticmethod(fcntl.lockf)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class Target:
    """One side: a root directory, a few descriptors, a few files. ``apply`` gives a result that can be compared."""

    def __init__(self, calls: Any, root: str) -> None:
        self.calls = calls
        self.root = root
        self.descriptors: dict[int, int] = {}
        self.files: dict[int, Any] = {}

    def path(self, relative: str) -> Any:
        """``=x`` is x itself, relative to the working directory; ``b:x`` is bytes; all else is below the root."""
        if relative.startswith("="):
            self.check_inside()
            return relative[1:]
        if relative.startswith("b:"):
            return os.fsencode(f"{self.root}/{relative[2:]}")
        return f"{self.root}/{relative}"

    def check_inside(self) -> None:
        """A relative path is used only while the working directory lies below the root (or was removed there)."""
        try:
            directory = self.calls.getcwd()
        except FileNotFoundError:
            return
        if directory != self.root and not directory.startswith(self.root + "/"):
            raise RuntimeError(f"the working directory {directory!r} is outside {self.root!r}")

    def apply(self, operation: tuple[Any, ...]) -> Any:
        name, *arguments = operation
        try:
            method: Callable[..., Any] = getattr(self, "do_" + name)
            return self.shown(method(*arguments))
        except OSError as error:
            names = ["fd" if isinstance(each, int) else self.shown(each) for each in (error.filename, error.filename2)]
            return ("error", type(error).__name__, error.errno, error.strerror, *names)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            return ("error", type(error).__name__, self.shown(str(error)))

    def shown(self, value: Any) -> Any:
        """A result without what may differ: the root's own path, the number of a descriptor in an error."""
        if isinstance(value, str):
            return value.replace(self.root, "ROOT")
        if isinstance(value, bytes):
            return value.replace(self.root.encode(), b"ROOT")
        return value

    def begin(self) -> None:
        """A fresh root, and the working directory in it."""
        self.calls.mkdir(self.root)
        # With a file that no operation names, the root itself can be neither removed nor replaced.
        self.calls.close(self.calls.open(f"{self.root}/keep", os.O_CREAT | os.O_WRONLY))
        self.calls.chdir(self.root)

    def close_all(self) -> None:
        """Every descriptor and file closed; the working directory goes back to where nothing relative is done."""
        self.calls.chdir("/")
        for file in self.files.values():
            try:
                file.close()
            except OSError:
                pass
        for descriptor in self.descriptors.values():
            self.calls.close(descriptor)
        self.files.clear()
        self.descriptors.clear()

    # -- descriptors ---------------------------------------------------------------------------------------------------

    def _directory(self, slot: int | None) -> int | None:
        return None if slot is None else self.descriptors.get(slot)

    def do_open(self, slot: int, path: str, flags: int, mode: int, dir_slot: int | None) -> str:
        descriptor = self.calls.open(self.path(path), flags, mode, dir_fd=self._directory(dir_slot))
        old = self.descriptors.pop(slot, None)
        self.descriptors[slot] = descriptor
        if old is not None:
            self.calls.close(old)
        return "opened"

    def do_close(self, slot: int) -> Any:
        return self.calls.close(self.descriptors.pop(slot)) if slot in self.descriptors else None

    def do_on_descriptor(self, name: str, slot: int, *arguments: Any) -> Any:
        if slot not in self.descriptors:
            return None
        if name == "listdir":
            # Offsets within a directory are the file system's own affair.
            self.calls.lseek(self.descriptors[slot], 0, os.SEEK_SET)
        result = getattr(self.calls, name)(self.descriptors[slot], *arguments)
        return _comparable(result)

    def do_read_vector(self, name: str, slot: int, sizes: tuple[int, ...], *arguments: int) -> Any:
        if slot not in self.descriptors:
            return None
        buffers = [bytearray(size) for size in sizes]
        count = getattr(self.calls, name)(self.descriptors[slot], buffers, *arguments)
        return count, [bytes(buffer) for buffer in buffers]

    def do_dup(self, slot: int, to_slot: int) -> Any:
        if slot not in self.descriptors or slot == to_slot:
            return None
        if to_slot in self.descriptors:
            return self.calls.dup2(self.descriptors[slot], self.descriptors[to_slot]) == self.descriptors[to_slot]
        self.descriptors[to_slot] = self.calls.dup(self.descriptors[slot])
        return "duplicated"

    def do_copy(self, name: str, source: int, target: int, count: int, offset: int | None) -> Any:
        if source not in self.descriptors or target not in self.descriptors:
            return None
        first, second = self.descriptors[source], self.descriptors[target]
        if self.calls.fstat(first).st_ino == self.calls.fstat(second).st_ino:
            return None
        if name == "sendfile":
            return self.calls.sendfile(second, first, offset, count)
        return self.calls.copy_file_range(first, second, count, offset)

    # -- paths ---------------------------------------------------------------------------------------------------------

    def do_on_path(self, name: str, path: str, *arguments: Any, dir_slot: int | None = None) -> Any:
        keywords = {} if dir_slot is None else {"dir_fd": self._directory(dir_slot)}
        return _comparable(getattr(self.calls, name)(self.path(path), *arguments, **keywords))

    def do_on_two_paths(self, name: str, source: str, target: str) -> Any:
        return getattr(self.calls, name)(self.path(source), self.path(target))

    def do_symlink(self, text: str, path: str) -> Any:
        return self.calls.symlink(text, self.path(path))

    def do_scandir(self, path: str) -> Any:
        with self.calls.scandir(self.path(path)) as entries:
            return sorted(self._entry(entry) for entry in entries)

    def _entry(self, entry: Any) -> tuple[Any, ...]:
        """What an entry says; a link that loops makes it raise, and the order of entries is not compared."""
        try:
            kinds: tuple[Any, ...] = (entry.is_dir(), entry.is_file(), entry.is_symlink())
        except OSError as error:
            kinds = (error.errno,)
        return (self.shown(entry.path), self.shown(entry.name), *kinds)

    def do_getcwd(self) -> Any:
        return self.calls.getcwd()

    # -- files ---------------------------------------------------------------------------------------------------------

    def do_fopen(self, slot: int, path: str, mode: str, keywords: dict[str, Any]) -> str:
        file = self.calls.fopen(self.path(path), mode, **keywords)
        old = self.files.pop(slot, None)
        self.files[slot] = file
        if old is not None:
            old.close()
        return "opened"

    def do_on_file(self, name: str, slot: int, *arguments: Any) -> Any:
        if slot not in self.files:
            return None
        return _comparable(getattr(self.files[slot], name)(*arguments))

    def do_write_file(self, slot: int, text: str) -> Any:
        if slot not in self.files:
            return None
        file = self.files[slot]
        return file.write(text if isinstance(file, io.TextIOBase) else text.encode())

    def do_close_file(self, slot: int) -> Any:
        if slot not in self.files:
            return None
        file = self.files.pop(slot)
        file.close()
        return file.closed

    def do_forget_file(self, slot: int) -> Any:
        """Drops the last reference: CPython flushes and closes, and says nothing of errors."""
        self.files.pop(slot, None)

    # -- the whole state -----------------------------------------------------------------------------------------------

    def tree(self) -> dict[str, Any]:
        """Everything below the root that two file systems can agree on."""
        found: dict[str, Any] = {}
        self._collect("", found)
        return found

    def _collect(self, relative: str, found: dict[str, Any]) -> None:
        path = f"{self.root}/{relative}" if relative else self.root
        for name in sorted(self.calls.listdir(path)):
            below = f"{relative}/{name}" if relative else name
            inner = f"{self.root}/{below}"
            status = self.calls.lstat(inner)
            found[below] = _comparable(status)
            if found[below][0] >> 12 == 0o04:
                self._collect(below, found)
            elif found[below][0] >> 12 == 0o12:
                found[below] += (self.shown(self.calls.readlink(inner)),)
            else:
                with self.calls.fopen(inner, "rb") as file:
                    found[below] += (file.read(),)


def _comparable(result: Any) -> Any:
    if isinstance(result, os.stat_result):
        return (result.st_mode, result.st_nlink, result.st_size, result.st_blocks, result.st_blksize)
    if isinstance(result, os.statvfs_result):
        return (result.f_bsize, result.f_frsize, result.f_blocks, result.f_bfree, result.f_files, result.f_ffree)
    if isinstance(result, list):
        return sorted(result)
    return result


def virtual_target(disk: Disk, root: str) -> Target:
    return Target(disk, root)


def real_target(root: str) -> Target:
    return Target(RealCalls(), root)


def remove_root(target: Target) -> None:
    shutil.rmtree(target.root)

"""Draws the operations of the differential fuzz."""

import fcntl
import os
import random
from typing import Any

from tests.storage.fuzz_targets import SLOTS

PLAIN_PATHS = ("a", "a", "b", "b", "c", "d/x", "d/x", "d/y", "d/e/z", "d", "d/e", "f", "l", "m")
ODD_PATHS = (
    *("l/x", "d/l", "d/", "a/", "nope/z", "a/z", ".", "d/.", "d/..", "d/../a", "./a", "d//x", "l/", "m/", "new/", ""),
    *("d/e/../x", "n" * 255, "n" * 256, "d/" + "é" * 128, "=a", "=x", "=.", "=d/x", "=", "b:a", "b:d", "b:nope", "a/."),
)
SIZES = (0, 1, 10, 100, 511, 4095, 4096, 4097, 8192, 10_000, 20_000, 50_000)
OFFSETS = (0, 0, 1, 100, 4095, 4096, 5000, 8192, 20_000, 40_000, 100_000, 1_000_000)
FLAGS = (
    os.O_RDONLY,
    os.O_RDONLY,
    os.O_RDONLY | os.O_DIRECTORY,
    os.O_RDONLY | os.O_NOFOLLOW,
    os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW,
    os.O_RDONLY | os.O_CREAT,
    os.O_RDONLY | os.O_TRUNC,
    os.O_RDWR | os.O_CREAT,
    os.O_RDWR | os.O_CREAT | os.O_APPEND,
    os.O_RDWR | os.O_CREAT,
    os.O_WRONLY | os.O_CREAT,
    os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW,
    os.O_WRONLY | os.O_CREAT | os.O_DIRECTORY,
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW,
    os.O_WRONLY,
    os.O_RDWR,
    os.O_RDWR | os.O_CREAT,
    os.O_RDWR | os.O_CREAT,
    os.O_RDWR | os.O_CREAT | os.O_DSYNC,
    os.O_RDWR | os.O_CREAT | os.O_SYNC,
    os.O_RDWR | os.O_APPEND,
)
MODES = ("rb", "wb", "ab", "xb", "r+b", "w+b", "a+b", "x+b", "r", "w", "a", "r+", "w+", "a+", "rt", "wt")
BAD_MODES = ("", "b", "rw", "rbt", "q", "rr", "+", "U")
TEXTS = ("x", "hello\n", "one\ntwo\r\nthree\r", "y" * 300, "z" * 5000, "é中" * 40, "w" * 20_000)
TARGETS = ("a", "d", "d/x", "nope", "l", "m", "d/..", "d/", "./a", "t" * 127, "t" * 128, "t" * 300, "")

_DESCRIPTOR_CALLS = (
    *("write", "write", "write", "write", "pwrite", "pwrite", "read", "read", "pread", "lseek", "lseek"),
    *("ftruncate", "fsync", "fdatasync", "posix_fallocate", "fstat", "fstat", "writev", "pwritev", "isatty"),
    *("fchmod", "flock", "lockf", "listdir", "truncate", "stat", "chdir", "utime_fd", "fchdir"),
)

_PATH_CALLS = (
    *("stat", "lstat", "unlink", "unlink", "rmdir", "mkdir", "mkdir", "listdir", "readlink", "truncate", "chmod"),
    *("access", "remove", "utime", "two", "two", "two", "symlink", "symlink", "scandir", "chdir", "getcwd"),
)

_FILE_CALLS = (
    *("write", "write", "write", "write", "read", "read", "readline", "seek", "seek", "tell", "truncate"),
    *("flush", "flush", "close", "forget", "readlines", "seekable", "readable", "writable", "isatty", "readinto"),
)


def _bytes(rng: random.Random) -> bytes:
    return bytes((rng.randrange(256),)) * rng.choice(SIZES)


def _descriptor_call(rng: random.Random) -> tuple[Any, ...]:
    slot = rng.randrange(SLOTS)
    name = rng.choice(_DESCRIPTOR_CALLS)
    if name == "write":
        return ("on_descriptor", name, slot, _bytes(rng))
    if name == "pwrite":
        return ("on_descriptor", name, slot, _bytes(rng), rng.choice((*OFFSETS, -1)))
    if name == "writev":
        return ("on_descriptor", name, slot, [_bytes(rng), _bytes(rng)])
    if name == "pwritev":
        return ("on_descriptor", name, slot, [_bytes(rng), _bytes(rng)], rng.choice(OFFSETS))
    if name == "read":
        return ("on_descriptor", name, slot, rng.choice((*SIZES, -1)))
    if name == "pread":
        return ("on_descriptor", name, slot, rng.choice(SIZES), rng.choice((*OFFSETS, -1)))
    if name == "lseek":
        whence = rng.choice((0, 0, 1, 2, 9))
        return ("on_descriptor", name, slot, rng.choice((*OFFSETS, -1, -100)), whence)
    if name in ("ftruncate", "truncate"):
        return ("on_descriptor", name, slot, rng.choice((*OFFSETS, -1)))
    if name == "posix_fallocate":
        return ("on_descriptor", name, slot, rng.choice((*OFFSETS[:9], -1)), rng.choice(SIZES))
    if name == "fchmod":
        return ("on_descriptor", name, slot, rng.choice((0o600, 0o755, 0o4711)))
    if name == "flock":
        kind = rng.choice((fcntl.LOCK_SH, fcntl.LOCK_EX)) | fcntl.LOCK_NB
        return ("on_descriptor", name, slot, rng.choice((kind, kind, fcntl.LOCK_UN, 0)))
    if name == "lockf":
        return ("on_descriptor", name, slot, rng.choice((fcntl.LOCK_SH, fcntl.LOCK_EX)) | fcntl.LOCK_NB)
    if name == "utime_fd":
        return ("on_descriptor", "utime", slot, (1, 2))
    return ("on_descriptor", name, slot)


def _path_call(rng: random.Random, path: str, other: str) -> tuple[Any, ...]:
    if rng.random() < 0.02:
        # Looked at, never changed nor entered: nothing may lead the real side out of its directory.
        return ("on_path", rng.choice(("stat", "lstat")), "=..")
    name = rng.choice(_PATH_CALLS)
    if name == "two":
        return ("on_two_paths", rng.choice(("rename", "rename", "replace", "link")), path, other)
    if name == "symlink":
        return (name, rng.choice(TARGETS), rng.choice((path, "l", "m", "d/l")))
    if name == "scandir":
        return (name, path)
    if name == "getcwd":
        return (name,)
    if name == "truncate":
        return ("on_path", name, path, rng.choice((*OFFSETS, -1)))
    if name == "chmod":
        return ("on_path", name, path, rng.choice((0o600, 0o755, 0o644)))
    if name == "access":
        return ("on_path", name, path, rng.choice((os.F_OK, os.R_OK, os.W_OK, os.X_OK)))
    if name == "utime":
        return ("on_path", name, path, (1.5, 2.25))
    return ("on_path", name, path)


def _file_call(rng: random.Random) -> tuple[Any, ...]:
    slot = rng.randrange(SLOTS)
    name = rng.choice(_FILE_CALLS)
    if name == "write":
        return ("write_file", slot, rng.choice(TEXTS))
    if name == "read":
        return ("on_file", name, slot, rng.choice((-1, 0, 1, 5, 1000, 9000)))
    if name == "seek":
        return (
            "on_file",
            name,
            slot,
            *rng.choice(((0,), (3,), (100,), (6000,), (0, 2), (0, 1), (-3, 2), (-1,), (5, 1))),
        )
    if name == "truncate":
        return ("on_file", name, slot, *rng.choice(((), (0,), (10,), (3000,), (9000,))))
    if name == "close":
        return ("close_file", slot)
    if name == "forget":
        return ("forget_file", slot)
    if name == "readinto":
        return ("on_file", name, slot, bytearray(50))
    return ("on_file", name, slot)


def _file_opening(rng: random.Random, path: str) -> tuple[Any, ...]:
    mode = rng.choice(MODES) if rng.random() < 0.97 else rng.choice(BAD_MODES)
    keywords: dict[str, Any] = {}
    drawn = rng.random()
    if drawn < 0.25:
        keywords["buffering"] = rng.choice((0, 1, 16, 4096, 100_000))
        if "b" in mode and keywords["buffering"] == 1:
            keywords["buffering"] = 2
    elif drawn < 0.35:
        keywords["newline"] = rng.choice(("", "\n", "\r", "\r\n", "x"))
    elif drawn < 0.45:
        keywords["encoding"] = rng.choice(("utf-8", "latin-1", "utf-16", "gbk", "nope"))
    elif drawn < 0.48:
        keywords["errors"] = rng.choice(("strict", "ignore", "replace"))
    elif drawn < 0.5:
        keywords["closefd"] = False
    if "b" not in mode and "encoding" not in keywords:
        keywords["encoding"] = "utf-8"
    return ("fopen", rng.randrange(SLOTS), path, mode, keywords)


class Sequence:
    """Draws one sequence's operations. Each sequence leaves some kinds of call out, so that states grow different."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._odd_share = rng.choice((0.0, 0.05, 0.3))
        self._left_out = {name for name in ("close", "unlink", "shrink", "names") if rng.random() < 0.4}

    def opening(self) -> list[tuple[Any, ...]]:
        """A few directories, files and open descriptors to start from."""
        flags = os.O_RDWR | os.O_CREAT
        kept = [("on_path", "mkdir", "d"), ("on_path", "mkdir", "d/e"), ("symlink", self._rng.choice(TARGETS), "l")]
        kept += [("open", slot, path, flags, 0o666, None) for slot, path in enumerate(("a", "b", "d/x"))]
        kept += [("fopen", slot, path, "w+b", {}) for slot, path in enumerate(("c", "d/y"))]
        return [operation for operation in kept if self._rng.random() < 0.9]

    def next(self) -> tuple[Any, ...]:
        while True:
            operation = _random_operation(self._rng, self._odd_share)
            if not self._left_out or _family(operation) not in self._left_out:
                return operation


def _family(operation: tuple[Any, ...]) -> str:
    name = operation[1] if operation[0] in ("on_path", "on_two_paths", "on_descriptor", "on_file") else operation[0]
    if name in ("close", "close_file", "forget_file"):
        return "close"
    if name in ("unlink", "remove", "rmdir", "rename", "replace"):
        return "unlink"
    if name in ("truncate", "ftruncate"):
        return "shrink"
    return "names" if operation[0] in ("on_path", "on_two_paths", "symlink", "scandir") else "other"


def _random_operation(rng: random.Random, odd_share: float) -> tuple[Any, ...]:
    path = rng.choice(ODD_PATHS if rng.random() < odd_share else PLAIN_PATHS)
    drawn = rng.random()
    if drawn < 0.14:
        dir_slot = rng.randrange(SLOTS) if rng.random() < 0.1 else None
        return ("open", rng.randrange(SLOTS), path, rng.choice(FLAGS), rng.choice((0o666, 0o600, 0o777)), dir_slot)
    if drawn < 0.17:
        return ("close", rng.randrange(SLOTS))
    if drawn < 0.19:
        return ("dup", rng.randrange(SLOTS), rng.randrange(SLOTS))
    if drawn < 0.21:
        sizes = (rng.choice(SIZES), rng.choice(SIZES))
        if rng.random() < 0.5:
            return ("read_vector", "readv", rng.randrange(SLOTS), sizes)
        return ("read_vector", "preadv", rng.randrange(SLOTS), sizes, rng.choice(OFFSETS))
    if drawn < 0.24:
        name = rng.choice(("sendfile", "copy_file_range"))
        return ("copy", name, rng.randrange(SLOTS), rng.randrange(SLOTS), rng.choice(SIZES), rng.choice((None, 0, 5)))
    if drawn < 0.52:
        return _descriptor_call(rng)
    if drawn < 0.72:
        other = rng.choice(ODD_PATHS if rng.random() < odd_share else PLAIN_PATHS)
        return _path_call(rng, path, other)
    if drawn < 0.80:
        return _file_opening(rng, path)
    return _file_call(rng)

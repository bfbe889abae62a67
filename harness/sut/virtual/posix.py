"""``posix``, the system calls below ``os``: files go to the device's disk, the rest is answered, harmless, or refused.

Models: one unprivileged-looking root process on a small Linux. Does not model: other processes, users, signals, terminals.
Every function of the real module is in exactly one of the four groups below; the tests hold the list against ``os.__all__``,
so that a new Python version cannot open a hole in silence.
"""

from __future__ import annotations

import errno
import os
import posix
from collections.abc import Callable, Iterator, MutableMapping
from types import BuiltinFunctionType, ModuleType
from typing import Any

from harness.sut import current
from harness.sut.deaths import process_tier_error
from harness.sut.wordlist import words

# Answered by harness.storage.disk.Disk under the same name, with the same arguments.
ON_DISK = words(
    """
    access chdir chmod chown close closerange copy_file_range dup dup2 fchdir fchmod fchown fdatasync fstat
    fstatvfs fsync ftruncate getcwd getcwdb isatty lchown link listdir lockf lseek lstat mkdir open
    posix_fallocate pread preadv pwrite pwritev read readlink readv remove rename replace rmdir scandir sendfile
    stat statvfs symlink sync truncate umask unlink utime writev
    """
)

# Pure computation, or a constant of the platform.
HARMLESS = frozenset(
    [
        "WCOREDUMP",
        "WEXITSTATUS",
        "WIFCONTINUED",
        "WIFEXITED",
        "WIFSIGNALED",
        "WIFSTOPPED",
        "WSTOPSIG",
        "WTERMSIG",
        "fspath",
        "major",
        "makedev",
        "minor",
        "strerror",
        "waitstatus_to_exitcode",
        "_path_normpath",
        "confstr",
        "pathconf",
        "sysconf",
    ]
)


class Environ(MutableMapping[bytes, bytes]):
    """The environment of the process that looks: a few variables, never the machine's."""

    def __getitem__(self, name: bytes) -> bytes:
        return current.running().environ[name.decode()].encode()

    def __setitem__(self, name: bytes, value: bytes) -> None:
        current.running().environ[name.decode()] = value.decode()

    def __delitem__(self, name: bytes) -> None:
        del current.running().environ[name.decode()]

    def __iter__(self) -> Iterator[bytes]:
        return iter([name.encode() for name in current.running().environ])

    def __len__(self) -> int:
        return len(current.running().environ)


# ---------------------------------------------------------------- answered here


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _write(fd: int, data: Any, /) -> int:
    process = current.running()
    if fd == 1 or fd == 2:
        raw = bytes(memoryview(data))
        process.console.write("stderr" if fd == 2 else "stdout", raw.decode("utf-8", "backslashreplace"))
        return len(raw)
    return process.disk.write(fd, data)


def _urandom(size: int, /) -> bytes:
    process = current.running()
    if process.dead:
        process.refuse()
    return process.entropy.randbytes(size)


def _getrandom(size: int, flags: int = 0) -> bytes:
    return _urandom(size)


def _getpid() -> int:
    return current.running().pid


def _uname() -> os.uname_result:
    name = current.running().name.lower()
    return os.uname_result(("Linux", name, "4.19.0", "#1 SMP", "armv7l"))


def _times() -> os.times_result:
    seconds = current.running().uptime_us() / 1_000_000
    return os.times_result((0.0, 0.0, 0.0, 0.0, seconds))


def _sched_yield() -> None:
    current.running().sleep(0)


def _exit(status: int) -> None:
    raise SystemExit(status)


def _no_terminal(*_: object) -> Any:
    raise _error(errno.ENOTTY)


def _not_permitted(*_: object) -> None:
    raise _error(errno.EPERM)


def _not_supported(*_args: object, **_keywords: object) -> Any:
    raise _error(errno.EOPNOTSUPP)


def _nothing(*_args: object, **_keywords: object) -> None:
    """Accepted and without effect: a hint, or a setting that this device does not have."""


def _constant(value: Any) -> Callable[..., Any]:
    def answer(*_: object) -> Any:
        return value

    return answer


ANSWERED: dict[str, Callable[..., Any]] = {
    "write": _write,
    "urandom": _urandom,
    "getrandom": _getrandom,
    "getpid": _getpid,
    "uname": _uname,
    "times": _times,
    "sched_yield": _sched_yield,
    "_exit": _exit,
    "cpu_count": _constant(1),
    "sched_getaffinity": _constant(frozenset({0})),
    "getppid": _constant(1),
    "getuid": _constant(0),
    "geteuid": _constant(0),
    "getgid": _constant(0),
    "getegid": _constant(0),
    "getgroups": _constant([0]),
    "getresuid": _constant((0, 0, 0)),
    "getresgid": _constant((0, 0, 0)),
    "getpgid": _constant(1),
    "getpgrp": _constant(1),
    "getsid": _constant(1),
    "getpriority": _constant(0),
    "getloadavg": _constant((0.0, 0.0, 0.0)),
    "nice": _constant(0),
    "device_encoding": _constant(None),
    "get_inheritable": _constant(False),
    "get_blocking": _constant(True),
    "getlogin": _no_terminal,
    "ttyname": _no_terminal,
    "get_terminal_size": _no_terminal,
    "ctermid": _constant("/dev/tty"),
    "register_at_fork": _nothing,
    "posix_fadvise": _nothing,
    "set_inheritable": _nothing,
    "set_blocking": _nothing,
    "putenv": _nothing,
    "unsetenv": _nothing,
    "setpriority": _nothing,
    "fpathconf": _not_supported,
    "getxattr": _not_supported,
    "listxattr": _not_supported,
    "removexattr": _not_supported,
    "setxattr": _not_supported,
}


def _on_disk(name: str) -> Callable[..., Any]:
    """One closure for each call, as short as it can be: this is the hot path of every file operation."""
    namespace: dict[str, Any] = {"current": current}
    exec(
        f"def {name}(*arguments, **keywords):\n    return current.process.disk.{name}(*arguments, **keywords)\n",
        namespace,
    )
    made: Callable[..., Any] = namespace[name]
    return made


def refused(full_name: str) -> Callable[..., Any]:
    """A function that tells its caller to go to the process tier."""

    def refuse(*_args: object, **_keywords: object) -> Any:
        error = process_tier_error(full_name)
        process = current.process
        if process is not None and process.on_refused is not None:
            process.on_refused(str(error))
        raise error

    refuse.__name__ = full_name.rpartition(".")[2]
    return refuse


def group_of(name: str) -> str:
    """Which group a function of ``posix`` is in; ``refused`` is where everything unknown goes."""
    for group, members in (("on disk", ON_DISK), ("harmless", HARMLESS), ("answered", ANSWERED)):
        if name in members:
            return group
    return "refused"


def build() -> ModuleType:
    """The module. It holds no state: one serves every device."""
    module = ModuleType("posix")
    for name, value in vars(posix).items():
        if name in ("__spec__", "__loader__", "environ"):
            continue
        if isinstance(value, BuiltinFunctionType):
            group = group_of(name)
            if group == "on disk":
                value = _on_disk(name)
            elif group == "answered":
                value = ANSWERED[name]
            elif group == "refused":
                value = refused(f"os.{name}")
        setattr(module, name, value)
    module.environ = Environ()  # type: ignore[attr-defined]
    return module

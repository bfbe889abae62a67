"""Starting a program under the supervisor: fork, fences, filter, exec.

Models: a process of its own session with three descriptors, an environment of named variables, addresses laid out alike each
time, limits, Landlock where the kernel has it, and the filter. It does not outlive the harness.
Does not model: users; it runs as whoever runs the harness, with no way to more rights.
Source: seccomp_unotify(2), personality(2), prctl(2), landlock(7).
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from harness.sut import landlock
from harness.sut.supervisor import janitor, kernel
from harness.sut.supervisor.ending import NotStarted
from harness.sut.supervisor.fence import SYSTEM, WRITABLE_DEVICES
from harness.sut.supervisor.filter import CHANNEL_DESCRIPTOR, program

EXIT_NOT_STARTED = 127
_REASON_BYTES = 400
_STACK_BYTES = 8 << 20
"""Where the kernel lays out memory hangs on it."""
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. ``path`` is absolute; ``code``: directories that it may read besides the system's."""

    path: str
    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    code: Sequence[str]
    open_files: int = 1100
    file_bytes: int = 0
    fence: bool = True
    data_bytes: int = 4 << 30
    """Private memory that one process may ask for; what it may use is the supervisor's to watch."""


def start(command: Command, descriptors: tuple[int, int, int]) -> tuple[int, int]:
    """Fork and filter; the child stands before its execve, which the supervisor must answer. Its pid and the listener."""
    kernel.adopt_orphans()
    fence = _fence((*SYSTEM, *command.code)) if command.fence else -1
    filtered = program()
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _become(command, descriptors, theirs.fileno(), fence, filtered)
    theirs.close()
    with ours:
        reason, listeners, _, _ = socket.recv_fds(ours, _REASON_BYTES, 1)
    if not listeners:
        os.waitpid(pid, 0)
        raise NotStarted(f"{command.path} could not be started: {os.fsdecode(reason) or 'its process ended at once'}")
    janitor.watch(pid)
    return pid, listeners[0]


@cache
def _fence(read: tuple[str, ...]) -> int:
    """Landlock's rules, made once for all boots of a program; -1 where the kernel has none."""
    if not landlock.landlock_available()[0]:
        return -1
    return landlock.rules(read, tuple(sorted(WRITABLE_DEVICES)))


def _bound(which: int, value: int) -> None:
    """A limit that cannot be raised again."""
    _, most = resource.getrlimit(which)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(which, (value, value))


def _become(command: Command, descriptors: tuple[int, int, int], channel: int, fence: int, filtered: bytes) -> NoReturn:
    """In the child: nothing here may allocate much, take a lock, or come back."""
    listener = -1
    try:
        kernel.die_with_parent()
        os.setsid()
        for ignored in _IGNORED_BY_PYTHON:
            signal.signal(ignored, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if fence >= 0:
            landlock.enter(fence)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        _bound(resource.RLIMIT_NOFILE, command.open_files)
        os.dup2(channel, CHANNEL_DESCRIPTOR, inheritable=False)
        os.closerange(3, CHANNEL_DESCRIPTOR)
        os.closerange(CHANNEL_DESCRIPTOR + 1, 4096)
        os.chdir("/")
        kernel.fix_addresses()
        kernel.plain_pages()
        _bound(resource.RLIMIT_CORE, 0)
        # Address space costs nothing, and some languages reserve very much of it.
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        _bound(resource.RLIMIT_DATA, command.data_bytes)
        _bound(resource.RLIMIT_STACK, _STACK_BYTES)
        _bound(resource.RLIMIT_FSIZE, command.file_bytes)
        answer = socket.socket(fileno=CHANNEL_DESCRIPTOR)
        arguments, environ = list(command.arguments), dict(command.environ)
        listener = kernel.install_filter(filtered)
        # From here on only calls that the filter lets pass may be made: this one is, on this descriptor.
        socket.send_fds(answer, [b"+"], [listener])
        os.execve(command.path, arguments, environ)
    except BaseException as error:
        try:
            # Behind the filter nobody listens at the channel any more; standard error is heard.
            where = 2 if listener >= 0 else CHANNEL_DESCRIPTOR
            os.write(where, repr(error).encode()[:_REASON_BYTES] + b"\n" * (where == 2))
        except BaseException:
            pass
    finally:
        os._exit(EXIT_NOT_STARTED)

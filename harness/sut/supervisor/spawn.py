"""Starting a program under the supervisor: a process of its own, fences, filter, exec.

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
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from harness.sut import landlock
from harness.sut.supervisor import janitor, kernel
from harness.sut.supervisor.birth import Birth
from harness.sut.supervisor.ending import NotStarted
from harness.sut.supervisor.fence import SYSTEM, WRITABLE_DEVICES
from harness.sut.supervisor.filter import CHANNEL_DESCRIPTOR, program

_STACK_BYTES = 8 << 20
"""Where the kernel lays out memory hangs on it."""
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_SIGACTION_BYTES, _SIGNAL_SET_BYTES = 32, 8
"""As the kernel has them; all zero, they mean the default and no signal."""
_LISTENER = 3


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


def start(command: Command, descriptors: tuple[int, int, int]) -> tuple[int, int, Birth]:
    """Make its process, which then stands before its execve, to be answered by the supervisor: its pid, the listener, and what
    has to be kept until that has succeeded.
    """
    kernel.adopt_orphans()
    fence = _fence((*SYSTEM, *command.code)) if command.fence else -1
    ours, theirs = socket.socketpair()
    birth = _birth(command, descriptors, theirs.fileno(), fence)
    try:
        pid = birth.begin()
    except OSError as error:
        raise NotStarted(f"{command.path} could not be started: {error.strerror}") from None
    finally:
        theirs.close()
    with ours:
        _, listeners, _, _ = socket.recv_fds(ours, 1, 1)
    if not listeners:
        os.waitpid(pid, 0)
        raise NotStarted(f"{command.path} could not be started: {birth.failure() or 'its process ended at once'}")
    janitor.watch(pid)
    return pid, listeners[0], birth


@cache
def _fence(read: tuple[str, ...]) -> int:
    """Landlock's rules, made once for all boots of a program; -1 where the kernel has none."""
    if not landlock.landlock_available()[0]:
        return -1
    return landlock.rules(read, tuple(sorted(WRITABLE_DEVICES)))


def _birth(command: Command, descriptors: tuple[int, int, int], channel: int, fence: int) -> Birth:
    """Every step of the new process, from its first to its execve."""
    birth = Birth()
    call = birth.call
    call("prctl", kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    call("setsid")
    ignoring = birth.bytes_at(bytes(_SIGACTION_BYTES))
    for ignored in _IGNORED_BY_PYTHON:
        call("rt_sigaction", ignored, ignoring, 0, _SIGNAL_SET_BYTES)
    call("rt_sigprocmask", signal.SIG_SETMASK, birth.bytes_at(bytes(_SIGNAL_SET_BYTES)), 0, _SIGNAL_SET_BYTES)
    call("prctl", kernel.PR_SET_NO_NEW_PRIVS, 1, what="no_new_privs")
    if fence >= 0:
        call("landlock_restrict_self", fence, 0)
    for number, descriptor in enumerate(descriptors):
        call("dup2", descriptor, number)
    _bound(birth, resource.RLIMIT_NOFILE, command.open_files)
    call("dup3", channel, CHANNEL_DESCRIPTOR, os.O_CLOEXEC)
    call("close_range", 3, CHANNEL_DESCRIPTOR - 1, 0)
    call("close_range", CHANNEL_DESCRIPTOR + 1, 0xFFFFFFFF, 0)
    call("chdir", birth.bytes_at(b"/"))
    # Containers refuse the first of these; without it addresses differ, and what a program makes of them (`harness doctor`).
    call("personality", kernel.ADDR_NO_RANDOMIZE, may_fail=True)
    call("prctl", kernel.PR_SET_THP_DISABLE, 1, may_fail=True)
    _bound(birth, resource.RLIMIT_CORE, 0)
    # Address space costs nothing, and some languages reserve very much of it.
    _bound(birth, resource.RLIMIT_AS, resource.RLIM_INFINITY)
    _bound(birth, resource.RLIMIT_DATA, command.data_bytes)
    _bound(birth, resource.RLIMIT_STACK, _STACK_BYTES)
    _bound(birth, resource.RLIMIT_FSIZE, command.file_bytes)
    filtered = program()
    wrapped = birth.bytes_at(struct.pack("<HxxxxxxQ", len(filtered) // 8, birth.bytes_at(filtered)))
    call("seccomp", kernel.SECCOMP_SET_MODE_FILTER, kernel.listener_flags(), wrapped)
    # From here on only calls that the filter lets pass may be made: this one is, on this descriptor.
    call("sendmsg", CHANNEL_DESCRIPTOR, _listener_message(birth), 0)
    environ = [f"{name}={value}" for name, value in command.environ.items()]
    call(
        "execve",
        birth.bytes_at(os.fsencode(command.path)),
        birth.strings_at(command.arguments),
        birth.strings_at(environ),
    )
    return birth


def _listener_message(birth: Birth) -> int:
    """A message of one byte that carries the listener: the first descriptor that is free once all others are closed."""
    control = struct.pack("<Qiii4x", 20, socket.SOL_SOCKET, socket.SCM_RIGHTS, _LISTENER)
    data = birth.bytes_at(struct.pack("<QQ", birth.bytes_at(b"+"), 1))
    return birth.bytes_at(struct.pack("<QI4xQQQQi4x", 0, 0, data, 1, birth.bytes_at(control), len(control), 0))


def _bound(birth: Birth, which: int, value: int) -> None:
    """A limit that cannot be raised again."""
    _, most = resource.getrlimit(which)
    if most != resource.RLIM_INFINITY:
        value = most if value == resource.RLIM_INFINITY else min(value, most)
    limit = struct.pack("<qq", value, value)
    birth.call("setrlimit", which, birth.bytes_at(limit), what=f"limit {which}")

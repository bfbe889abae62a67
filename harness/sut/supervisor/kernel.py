"""The kernel's own doors, by ctypes: seccomp's notifications, ptrace, another process's memory.

Models nothing. Source: seccomp_unotify(2), ptrace(2), proc(5). Numbers are those of Linux on every architecture but where
``abi`` says otherwise.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from functools import cache

from harness.sut.supervisor.abi import NUMBERS, Registers

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.getauxval.restype = ctypes.c_ulong
_libc.getauxval.argtypes = [ctypes.c_ulong]

_RECEIVE, _SEND, _ADD_DESCRIPTOR = 0xC0502100, 0xC0182101, 0x40182103
_CONTINUE = 1
_ADD_SET_NUMBER = 1
_NOTIFICATION = struct.Struct("<QIIiIQ6Q")
_NOTIFICATION_BYTES = 80
_RESPONSE = struct.Struct("<QqiI")
_ADDITION = struct.Struct("<QIIII")

SECCOMP_SET_MODE_FILTER = 1
_FLAG_NEW_LISTENER = 8
_FLAG_WAIT_KILLABLE = 32
"""A call that the supervisor has received is not cut short by a signal: it would be done, and then done again."""
PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE, PR_SET_PDEATHSIG, PR_SET_THP_DISABLE = 38, 4, 1, 41
_PR_SET_CHILD_SUBREAPER = 36
ADDR_NO_RANDOMIZE = 0x0040000

_PTRACE_SETSIGINFO = 0x4203
PTRACE_SINGLESTEP, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_DETACH, PTRACE_CONT = 9, 12, 13, 17, 7
_PTRACE_SEIZE = 0x4206
_PTRACE_O_TRACEEXEC = 0x10
WALL = 0x40000000
"""__WALL: wait for threads of other processes too."""


def _failed(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


# ---------------------------------------------------------------- notifications


def receive(listener: int) -> tuple[int, int, int, tuple[int, ...]]:
    """The next call that waits: its id, thread, number and six arguments. Blocks; ENOENT when its thread has just died."""
    buffer = bytearray(_NOTIFICATION_BYTES)
    fcntl.ioctl(listener, _RECEIVE, buffer)
    fields = _NOTIFICATION.unpack(buffer)
    return fields[0], fields[1], fields[3], fields[6:]


def answer(listener: int, call: int, value: int, error: int, native: bool) -> bool:
    """Let a call return; ``native``: the kernel does it after all. False when its thread is gone."""
    try:
        signed = (value + (1 << 63)) % (1 << 64) - (1 << 63)
        fcntl.ioctl(listener, _SEND, _RESPONSE.pack(call, signed, -error, _CONTINUE if native else 0))
    except OSError as gone:
        if gone.errno != errno.ENOENT:
            raise
        return False
    return True


def give_descriptor(
    listener: int, call: int, descriptor: int, *, number: int | None = None, close_on_exec: bool = False, returns: bool
) -> int:
    """Put a copy of our ``descriptor`` into the caller's table; its number there. ``returns``: that is the call's answer."""
    # Not with the flag that answers in the same step: a signal to us in its midst leaves the call answered and nothing given.
    flags = _ADD_SET_NUMBER if number is not None else 0
    request = bytearray(_ADDITION.pack(call, flags, descriptor, number or 0, os.O_CLOEXEC if close_on_exec else 0))
    while True:
        try:
            given = int(fcntl.ioctl(listener, _ADD_DESCRIPTOR, request))
            break
        except InterruptedError:
            continue
    if returns:
        answer(listener, call, given, 0, False)
    return given


# ---------------------------------------------------------------- what a new process does


def waits_killable() -> bool:
    """Whether a call that the supervisor has received is cut short by fatal signals alone (Linux 5.19)."""
    return bool(listener_flags() & _FLAG_WAIT_KILLABLE)


@cache
def listener_flags() -> int:
    """What seccomp is asked for with a filter. Linux before 5.19 does not know the second flag, and says so before all else."""
    flags = _FLAG_NEW_LISTENER | _FLAG_WAIT_KILLABLE
    _libc.syscall(NUMBERS["seccomp"], SECCOMP_SET_MODE_FILTER, flags, None)
    return flags if ctypes.get_errno() == errno.EFAULT else _FLAG_NEW_LISTENER


def install_filter(program: bytes) -> int:
    """Put the filter over this process for good; the listener's descriptor. OSError when the kernel will not."""
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _failed("no_new_privs")
    buffer = ctypes.create_string_buffer(program, len(program))
    wrapped = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer)))
    listener = int(_libc.syscall(NUMBERS["seccomp"], SECCOMP_SET_MODE_FILTER, listener_flags(), wrapped))
    if listener < 0:
        raise _failed("seccomp")
    return listener


def fix_addresses() -> bool:
    """The next exec lays memory out alike every time; False where that is not allowed."""
    return int(_libc.personality(ADDR_NO_RANDOMIZE)) != -1


def adopt_orphans() -> None:
    """Processes below this one whose parents have ended become its own children, so that none stays as a zombie."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


# ---------------------------------------------------------------- ptrace


def trace_exec(thread: int) -> None:
    """Attach to a thread, so that it stops when its exec has succeeded."""
    if _libc.ptrace(_PTRACE_SEIZE, thread, None, _PTRACE_O_TRACEEXEC) != 0:
        raise _failed("ptrace")


def trace(request: int, thread: int, data: int = 0) -> None:
    """A ptrace request that carries at most a number."""
    if _libc.ptrace(request, thread, None, data) != 0:
        raise _failed("ptrace")


def seize(thread: int) -> None:
    """Attach to a thread without stopping it."""
    if _libc.ptrace(_PTRACE_SEIZE, thread, None, None) != 0:
        raise _failed("ptrace")


def retell_signal(thread: int, info: bytes) -> None:
    """Change the siginfo of the signal that a stopped thread is about to take."""
    room = ctypes.create_string_buffer(info, _SIGINFO_BYTES)
    if _libc.ptrace(_PTRACE_SETSIGINFO, thread, None, ctypes.addressof(room)) != 0:
        raise _failed("ptrace")


def registers(thread: int) -> Registers:
    """The registers of a stopped thread."""
    found = Registers()
    if _libc.ptrace(PTRACE_GETREGS, thread, None, ctypes.addressof(found)) != 0:
        raise _failed("ptrace")
    return found


def set_registers(thread: int, values: Registers) -> None:
    """Change the registers of a stopped thread."""
    if _libc.ptrace(PTRACE_SETREGS, thread, None, ctypes.addressof(values)) != 0:
        raise _failed("ptrace")


_SIGINFO = struct.Struct("<iii4xii")
_SIGINFO_BYTES = 128
_SI_QUEUE, _SI_TIMER, SI_TKILL = -1, -2, -6


def signal_info(number: int, sender: int, code: int | None = None) -> bytes:
    """struct siginfo of a signal from process ``sender``, or with 0 from a timer. The kernel takes no other kinds from us."""
    kind = code if code is not None else _SI_QUEUE if sender else _SI_TIMER
    return _SIGINFO.pack(number, 0, kind, sender, 0).ljust(_SIGINFO_BYTES, b"\0")


def queue_signal(pid: int, tid: int | None, number: int, info: bytes) -> None:
    """rt_sigqueueinfo(2), to one thread when ``tid`` is given; what has gone is no error."""
    room = ctypes.create_string_buffer(info, _SIGINFO_BYTES)
    if tid is None:
        _libc.syscall(NUMBERS["rt_sigqueueinfo"], pid, number, room)
    else:
        _libc.syscall(NUMBERS["rt_tgsigqueueinfo"], pid, tid, number, room)


# ---------------------------------------------------------------- odds and ends


def auxiliary(kind: int) -> int:
    """A value of this process's auxiliary vector; 0 when it has none."""
    return int(_libc.getauxval(kind))


def memory_at(address: int, size: int) -> bytes:
    """Bytes of this process's own memory."""
    return ctypes.string_at(address, size)


def epoll_now(descriptor: int, events_max: int, event_bytes: int) -> bytes:
    """What an epoll descriptor has to tell at this instant, as an array of struct epoll_event."""
    room = ctypes.create_string_buffer(event_bytes * events_max)
    found = _libc.epoll_wait(descriptor, room, events_max, 0)
    return room.raw[: event_bytes * max(found, 0)]


def new_signalfd(mask: int, flags: int) -> int:
    """A signalfd, closed on exec here; ``flags`` are those of signalfd4(2)."""
    made = int(_libc.syscall(NUMBERS["signalfd4"], -1, mask.to_bytes(8, "little"), 8, flags | os.O_CLOEXEC))
    if made < 0:
        raise _failed("signalfd")
    return made


def new_epoll() -> int:
    """An epoll descriptor, closed on exec."""
    return int(_libc.epoll_create1(os.O_CLOEXEC))

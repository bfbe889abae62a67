"""Sockets made, connected, bound, listened on, named and configured. Source: socket(2) and its kin, ip(7), ipv6(7), socket(7)."""

from __future__ import annotations

import errno
import os
import socket as real
import struct
from typing import TYPE_CHECKING

from harness.sut.supervisor.abi import TIMESPEC
from harness.sut.supervisor.datagrams import Datagrams
from harness.sut.supervisor.objects import Pollable
from harness.sut.supervisor.registry import LATER, NATIVE, Reply, answers
from harness.sut.supervisor.sockets import Socket
from harness.sut.supervisor.tasks import Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_INET = (real.AF_INET, real.AF_INET6)
_SOCK_TYPE = 0xF
_MAPPED = b"\0" * 10 + b"\xff\xff"
_ADDRESS_MAX = 128
_UNIX_PATHS = "the device has no local sockets for others"


def socket_of(task: Task) -> Socket | Datagrams | None:
    """The socket of the device that the first argument leads to; None for anything else."""
    opened = task.program.opened(task.descriptor())
    return opened if isinstance(opened, Socket | Datagrams) else None


def _tcp(task: Task) -> Socket:
    opened = task.program.opened(task.descriptor())
    if isinstance(opened, Socket):
        return opened
    raise OSError(errno.EOPNOTSUPP if isinstance(opened, Datagrams | Pollable) else errno.ENOTSOCK, "no TCP socket")


@answers("socket")
def socket(scheduler: Scheduler, task: Task) -> Reply:
    family, kind = task.signed(0), task.signed(1)
    if family == real.AF_UNIX:
        return NATIVE
    if family not in _INET:
        raise OSError(errno.EAFNOSUPPORT, "family")
    scheduler.check_descriptors()
    blocking, close_on_exec = not kind & os.O_NONBLOCK, bool(kind & os.O_CLOEXEC)
    opened: Socket | Datagrams
    if kind & _SOCK_TYPE == real.SOCK_STREAM:
        opened = Socket(family, scheduler.ports, blocking=blocking)
    elif kind & _SOCK_TYPE == real.SOCK_DGRAM:
        opened = Datagrams(family, blocking=blocking)
    else:
        raise OSError(errno.EPROTONOSUPPORT, "type")
    number = scheduler.give(task, opened.kernel_end, close_on_exec=close_on_exec)
    task.program.install(number, opened, close_on_exec=close_on_exec)
    return LATER


# ---------------------------------------------------------------- addresses


def address_at(task: Task, address: int, size: int, family: int) -> tuple[str, int] | None:
    """IP and port of a struct sockaddr for a socket of that family; None for AF_UNSPEC."""
    if not 2 <= size <= _ADDRESS_MAX:
        raise OSError(errno.EINVAL, "address")
    raw = task.program.read(address, size)
    (found,) = struct.unpack_from("<H", raw)
    if found == real.AF_UNSPEC:
        return None
    if found == real.AF_INET6 and family == real.AF_INET6:
        if size < 24:
            raise OSError(errno.EINVAL, "address")
        packed = raw[8:24]
        ip = real.inet_ntoa(packed[12:]) if packed[:12] == _MAPPED else real.inet_ntop(real.AF_INET6, packed)
        return ip, struct.unpack_from(">H", raw, 2)[0]
    if found != real.AF_INET and family == real.AF_INET:
        raise OSError(errno.EAFNOSUPPORT, "family")
    if size < 16 or family == real.AF_INET6:
        raise OSError(errno.EINVAL, "address")
    return real.inet_ntoa(raw[4:8]), struct.unpack_from(">H", raw, 2)[0]


def address_bytes(family: int, ip: str, port: int) -> bytes:
    """A struct sockaddr_in or sockaddr_in6."""
    if family == real.AF_INET:
        return struct.pack("<H", family) + struct.pack(">H", port) + real.inet_aton(ip) + bytes(8)
    packed = real.inet_pton(real.AF_INET6, ip) if ":" in ip else _MAPPED + real.inet_aton(ip)
    return struct.pack("<H", family) + struct.pack(">HI", port, 0) + packed + bytes(4)


def _write_address(task: Task, data: bytes, room: int, size_at: int) -> None:
    if not room or not size_at:
        return
    (size,) = struct.unpack("<i", task.program.read(size_at, 4))
    if size < 0:
        raise OSError(errno.EINVAL, "size")
    task.program.write(room, data[:size])
    task.program.write(size_at, struct.pack("<I", len(data)))


@answers("connect")
def connect(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        (family,) = struct.unpack("<H", task.program.read(task.arguments[1], 2))
        if family == real.AF_UNIX:
            raise OSError(errno.ENOENT, "nobody listens on the device's local sockets")
        raise OSError(errno.ENOTSOCK, "no socket")
    address = address_at(task, task.arguments[1], task.signed(2), opened.family)
    if isinstance(opened, Datagrams):
        opened.connect(scheduler, address)
        return 0
    if address is None:
        scheduler.refuse("taking a TCP connection back with AF_UNSPEC is not modelled")
        raise OSError(errno.EAFNOSUPPORT, "AF_UNSPEC")
    return opened.connect(scheduler, task, *address)


@answers("bind")
def bind(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        raise OSError(errno.EACCES, _UNIX_PATHS)
    address = address_at(task, task.arguments[1], task.signed(2), opened.family)
    if address is None:
        address = ("0.0.0.0", 0)
    if isinstance(opened, Datagrams):
        opened.bind(scheduler, address)
        return 0
    if opened.local is not None:
        raise OSError(errno.EINVAL, "bound")
    scheduler.ports.bind(opened, *address)
    return 0


@answers("listen")
def listen(scheduler: Scheduler, task: Task) -> Reply:
    _tcp(task).listen()
    return 0


@answers("accept", "accept4")
def accept(scheduler: Scheduler, task: Task) -> Reply:
    opened = _tcp(task)
    flags = task.signed(3) if task.number == 288 else 0
    if flags & ~(os.O_NONBLOCK | os.O_CLOEXEC):
        raise OSError(errno.EINVAL, "flags")

    def told(peer: tuple[str, int]) -> None:
        _write_address(task, address_bytes(opened.family, *peer), task.arguments[1], task.arguments[2])

    return opened.accept(scheduler, task, flags, told)


@answers("getsockname")
def getsockname(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        return NATIVE
    ip, port = opened.local or ("::" if opened.family == real.AF_INET6 else "0.0.0.0", 0)
    if ip == "0.0.0.0" and opened.family == real.AF_INET6:
        ip = "::"
    _write_address(task, address_bytes(opened.family, ip, port), task.arguments[1], task.arguments[2])
    return 0


@answers("getpeername")
def getpeername(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        return NATIVE
    if isinstance(opened, Socket):
        opened.refresh(scheduler)
        if opened.stream is None or opened.stream.broken:
            raise OSError(errno.ENOTCONN, "not connected")
    if opened.peer is None:
        raise OSError(errno.ENOTCONN, "not connected")
    _write_address(task, address_bytes(opened.family, *opened.peer), task.arguments[1], task.arguments[2])
    return 0


# ---------------------------------------------------------------- options

_TIMEOUTS = (real.SO_RCVTIMEO, real.SO_SNDTIMEO)


@answers("setsockopt")
def setsockopt(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        return NATIVE
    level, option, address, size = task.signed(1), task.signed(2), task.arguments[3], task.signed(4)
    raw = task.program.read(address, min(size, 64)) if size > 0 else b""
    if len(raw) < 4:
        raise OSError(errno.EINVAL, "too short")
    if level == real.SOL_SOCKET and option == real.SO_LINGER and len(raw) >= 8:
        on, seconds = struct.unpack_from("<ii", raw)
        if isinstance(opened, Socket):
            opened.abort_on_close = bool(on) and seconds == 0
        opened.options[level, option] = on | seconds << 32
    elif level == real.SOL_SOCKET and option in _TIMEOUTS:
        if len(raw) < 16:
            raise OSError(errno.EINVAL, "too short")
        whole, microseconds = TIMESPEC.unpack_from(raw)
        if not 0 <= microseconds < 1_000_000:
            raise OSError(errno.EDOM, "microseconds")
        timeout_ns = max(0, whole * 1_000_000 + microseconds) * 1000 or None
        if option == real.SO_RCVTIMEO:
            opened.receive_timeout_ns = timeout_ns
        elif isinstance(opened, Socket):
            opened.send_timeout_ns = timeout_ns
    else:
        opened.options[level, option] = struct.unpack_from("<i", raw)[0]
    return 0


@answers("getsockopt")
def getsockopt(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        return NATIVE
    value = _option(scheduler, opened, task.signed(1), task.signed(2))
    (room,) = struct.unpack("<i", task.program.read(task.arguments[4], 4))
    if room < 0:
        raise OSError(errno.EINVAL, "room")
    task.program.write(task.arguments[3], value[:room])
    task.program.write(task.arguments[4], struct.pack("<i", min(room, len(value))))
    return 0


def _option(scheduler: Scheduler, opened: Socket | Datagrams, level: int, option: int) -> bytes:
    value = opened.options.get((level, option), 0)
    stream = opened if isinstance(opened, Socket) else None
    if level == real.SOL_SOCKET:
        if option == real.SO_ERROR:
            value = stream.take_error(scheduler) if stream is not None else 0
        elif option == real.SO_TYPE:
            value = real.SOCK_STREAM if stream is not None else real.SOCK_DGRAM
        elif option == real.SO_DOMAIN:
            value = opened.family
        elif option == real.SO_PROTOCOL:
            value = real.IPPROTO_TCP if stream is not None else real.IPPROTO_UDP
        elif option == real.SO_ACCEPTCONN:
            value = int(stream is not None and stream.listening is not None)
        elif option == real.SO_LINGER:
            return struct.pack("<ii", value & 0xFFFFFFFF, value >> 32)
        elif option in _TIMEOUTS:
            receive = opened.receive_timeout_ns
            timeout_ns = receive if option == real.SO_RCVTIMEO else stream.send_timeout_ns if stream is not None else 0
            return TIMESPEC.pack(*divmod((timeout_ns or 0) // 1000, 1_000_000))
        elif option in (real.SO_RCVBUF, real.SO_SNDBUF):
            # The kernel doubles what it is asked for (socket(7)).
            value = 2 * value or (131_072 if option == real.SO_RCVBUF else 87_040)
    elif (level, option) == (real.IPPROTO_TCP, real.TCP_MAXSEG):
        value = value or 1_460
    return struct.pack("<i", value & 0x7FFFFFFF)


@answers("socketpair")
def socketpair(scheduler: Scheduler, task: Task) -> Reply:
    family, kind = task.signed(0), task.signed(1)
    if family != real.AF_UNIX:
        raise OSError(errno.EOPNOTSUPP, "family")
    scheduler.check_descriptors()
    ends = real.socketpair(real.AF_UNIX, kind & _SOCK_TYPE)
    close_on_exec = bool(kind & os.O_CLOEXEC)
    numbers = []
    for end in ends:
        end.setblocking(not kind & os.O_NONBLOCK)
        number = scheduler.give(task, end.fileno(), close_on_exec=close_on_exec, returns=False)
        task.program.install(number, Pollable(end.detach()), close_on_exec=close_on_exec)
        numbers.append(number)
    task.program.write(task.arguments[3], struct.pack("<ii", *numbers))
    return 0

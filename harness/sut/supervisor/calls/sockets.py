"""System calls on sockets. Source: socket(2) and its kin, ip(7), ipv6(7)."""

from __future__ import annotations

import errno
import os
import socket as real
import struct
from typing import TYPE_CHECKING

from harness.sut.supervisor.abi import TIMESPEC
from harness.sut.supervisor.calls import streams
from harness.sut.supervisor.objects import Pollable
from harness.sut.supervisor.registry import LATER, NATIVE, Reply, answers
from harness.sut.supervisor.sockets import Datagrams, Socket
from harness.sut.supervisor.tasks import Task, Wait
from harness.sut.supervisor.vectors import gather, vector

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_INET = (real.AF_INET, real.AF_INET6)
_SOCK_TYPE = 0xF
_MAPPED = b"\0" * 10 + b"\xff\xff"
_ADDRESS_MAX = 128


def _socket(task: Task) -> Socket | Datagrams | None:
    opened = task.program.opened(task.descriptor())
    return opened if isinstance(opened, Socket | Datagrams) else None


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
        opened = Socket(family, scheduler.sockets_made, blocking=blocking)
        scheduler.sockets_made += 1
    elif kind & _SOCK_TYPE == real.SOCK_DGRAM:
        opened = Datagrams(family, blocking=blocking)
    else:
        raise OSError(errno.EPROTONOSUPPORT, "type")
    number = scheduler.give(task, opened.kernel_end, close_on_exec=close_on_exec)
    task.program.install(number, opened, close_on_exec=close_on_exec)
    return LATER


def address_of(task: Task, address: int, size: int) -> tuple[str, int]:
    """IP and port of a struct sockaddr; EAFNOSUPPORT for other families."""
    if not 2 <= size <= _ADDRESS_MAX:
        raise OSError(errno.EINVAL, "address")
    raw = task.program.read(address, size)
    (family,) = struct.unpack_from("<H", raw)
    if family == real.AF_INET and size >= 16:
        return real.inet_ntoa(raw[4:8]), struct.unpack_from(">H", raw, 2)[0]
    if family == real.AF_INET6 and size >= 28:
        packed = raw[8:24]
        ip = real.inet_ntoa(packed[12:]) if packed[:12] == _MAPPED else real.inet_ntop(real.AF_INET6, packed)
        return ip, struct.unpack_from(">H", raw, 2)[0]
    raise OSError(errno.EAFNOSUPPORT, "family")


def _write_address(task: Task, family: int, ip: str, port: int, room: int, size_at: int) -> None:
    if not room or not size_at:
        return
    if family == real.AF_INET:
        data = struct.pack("<H", family) + struct.pack(">H", port) + real.inet_aton(ip) + bytes(8)
    else:
        data = struct.pack("<H", family) + struct.pack(">HI", port, 0) + _MAPPED + real.inet_aton(ip) + bytes(4)
    (size,) = struct.unpack("<I", task.program.read(size_at, 4))
    task.program.write(room, data[:size])
    task.program.write(size_at, struct.pack("<I", len(data)))


@answers("connect")
def connect(scheduler: Scheduler, task: Task) -> Reply:
    opened = _socket(task)
    if opened is None:
        (family,) = struct.unpack("<H", task.program.read(task.arguments[1], 2))
        if family == real.AF_UNIX:
            raise OSError(errno.ENOENT, "nobody listens on the device's local sockets")
        raise OSError(errno.ENOTSOCK, "no socket")
    ip, port = address_of(task, task.arguments[1], task.signed(2))
    if isinstance(opened, Datagrams):
        opened.peer = (ip, port)
        return 0
    return opened.connect(scheduler, task, ip, port)


def _receive(scheduler: Scheduler, task: Task, parts: list[tuple[int, int]], flags: int) -> Reply:
    opened = task.program.opened(task.descriptor())
    if isinstance(opened, Socket):
        return opened.receive(scheduler, task, parts, flags)
    if isinstance(opened, Datagrams):
        if not opened.blocking or flags & real.MSG_DONTWAIT:
            raise OSError(errno.EAGAIN, "nobody sends datagrams")
        return scheduler.block(task, Wait(lambda _: scheduler.reply(task, error=errno.EAGAIN)))
    if isinstance(opened, Pollable) and opened.blocking and not flags & real.MSG_DONTWAIT and not opened.ready(1):
        return scheduler.block(task, Wait(lambda _: scheduler.pass_on(task), lambda: bool(opened.ready(1))))
    return NATIVE


@answers("recvfrom")
def recvfrom(scheduler: Scheduler, task: Task) -> Reply:
    return _receive(scheduler, task, [(task.arguments[1], task.arguments[2])], task.signed(3))


_MSGHDR = struct.Struct("<QIxxxxQQQQIxxxx")


@answers("recvmsg")
def recvmsg(scheduler: Scheduler, task: Task) -> Reply:
    if not isinstance(task.program.opened(task.descriptor()), Socket | Datagrams):
        return _receive(scheduler, task, [], task.signed(2))
    header = bytearray(task.program.read(task.arguments[1], _MSGHDR.size))
    _, _, where, count, _, _, _ = _MSGHDR.unpack(header)
    # Neither a name nor control data come with a stream.
    task.program.write(task.arguments[1] + 8, bytes(4))
    task.program.write(task.arguments[1] + 40, bytes(12))
    return _receive(scheduler, task, vector(task, where, count), task.signed(2))


@answers("sendto")
def sendto(scheduler: Scheduler, task: Task) -> Reply:
    return _send(scheduler, task, [(task.arguments[1], task.arguments[2])], task.signed(3), task.arguments[4])


@answers("sendmsg")
def sendmsg(scheduler: Scheduler, task: Task) -> Reply:
    name, _, where, count, control, control_bytes, _ = _MSGHDR.unpack(
        task.program.read(task.arguments[1], _MSGHDR.size)
    )
    opened = task.program.opened(task.descriptor())
    if control and control_bytes and not isinstance(opened, Socket | Datagrams):
        scheduler.refuse("handing descriptors on over a socket is not modelled")
        raise OSError(errno.EINVAL, "control data")
    return _send(scheduler, task, vector(task, where, count), task.signed(2), name)


def _send(scheduler: Scheduler, task: Task, parts: list[tuple[int, int]], flags: int, name: int) -> Reply:
    opened = task.program.opened(task.descriptor())
    if name and not isinstance(opened, Socket | Datagrams):
        raise OSError(errno.ENOENT, "nobody listens on the device's local sockets")
    if isinstance(opened, Pollable):
        return streams.write(scheduler, task, opened, parts, flags)
    if isinstance(opened, Socket):
        return opened.send(scheduler, task, gather(task, parts), flags)
    if isinstance(opened, Datagrams):
        scheduler.refuse("a datagram was sent; nobody answers those")
        return sum(length for _, length in parts)
    return NATIVE


@answers("sendmmsg", "recvmmsg")
def many_messages(scheduler: Scheduler, task: Task) -> Reply:
    raise OSError(errno.ENOSYS, "one at a time")


@answers("shutdown")
def shutdown(scheduler: Scheduler, task: Task) -> Reply:
    opened = _socket(task)
    if opened is None:
        return NATIVE
    if isinstance(opened, Socket):
        opened.shutdown(task.signed(1))
    return 0


@answers("bind")
def bind(scheduler: Scheduler, task: Task) -> Reply:
    if _socket(task) is None:
        raise OSError(errno.EACCES, "the device has no local sockets for others")
    _, port = address_of(task, task.arguments[1], task.signed(2))
    if port:
        scheduler.refuse("listening on a port is not modelled")
        raise OSError(errno.EACCES, "listening")
    return 0


@answers("listen", "accept", "accept4")
def listening(scheduler: Scheduler, task: Task) -> Reply:
    scheduler.refuse("listening on a port is not modelled")
    raise OSError(errno.EOPNOTSUPP, "listening")


@answers("getsockname")
def getsockname(scheduler: Scheduler, task: Task) -> Reply:
    opened = _socket(task)
    if opened is None:
        return NATIVE
    network = scheduler.process.network
    known = opened.peer is not None and network is not None
    port = opened.local_port if isinstance(opened, Socket) and known else 0
    own_ip = network.own_ip if network is not None and known else "0.0.0.0"
    _write_address(task, opened.family, own_ip, port, task.arguments[1], task.arguments[2])
    return 0


@answers("getpeername")
def getpeername(scheduler: Scheduler, task: Task) -> Reply:
    opened = _socket(task)
    if opened is None:
        return NATIVE
    if opened.peer is None or (isinstance(opened, Socket) and opened.connection is None):
        raise OSError(errno.ENOTCONN, "not connected")
    _write_address(task, opened.family, *opened.peer, task.arguments[1], task.arguments[2])
    return 0


# ---------------------------------------------------------------- options


@answers("setsockopt")
def setsockopt(scheduler: Scheduler, task: Task) -> Reply:
    opened = _socket(task)
    if opened is None:
        return NATIVE
    level, option, address, size = task.signed(1), task.signed(2), task.arguments[3], task.signed(4)
    raw = task.program.read(address, min(size, 64)) if size > 0 else b""
    if not isinstance(opened, Socket) or len(raw) < 4:
        return 0
    if level == real.SOL_SOCKET and option == real.SO_LINGER and len(raw) >= 8:
        on, seconds = struct.unpack_from("<ii", raw)
        opened.abort_on_close = bool(on) and seconds == 0
    elif level == real.SOL_SOCKET and option == real.SO_RCVTIMEO and len(raw) >= 16:
        whole, microseconds = TIMESPEC.unpack_from(raw)
        opened.receive_timeout_ns = (whole * 1_000_000 + microseconds) * 1000 or None
    else:
        opened.options[level, option] = struct.unpack_from("<i", raw)[0]
    return 0


@answers("getsockopt")
def getsockopt(scheduler: Scheduler, task: Task) -> Reply:
    opened = _socket(task)
    if opened is None:
        return NATIVE
    level, option = task.signed(1), task.signed(2)
    value = 0
    if level == real.SOL_SOCKET:
        if option == real.SO_ERROR and isinstance(opened, Socket):
            value = opened.take_error()
        elif option == real.SO_TYPE:
            value = real.SOCK_STREAM if isinstance(opened, Socket) else real.SOCK_DGRAM
        elif option == real.SO_DOMAIN:
            value = opened.family
        elif isinstance(opened, Socket):
            value = opened.options.get((level, option), 87_380 if option in (real.SO_RCVBUF, real.SO_SNDBUF) else 0)
    elif isinstance(opened, Socket):
        value = opened.options.get((level, option), 0)
    task.program.write(task.arguments[3], struct.pack("<i", value))
    task.program.write(task.arguments[4], struct.pack("<I", 4))
    return 0


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

"""Bytes and datagrams over sockets. Source: send(2), recv(2), sendmmsg(2), recvmmsg(2), shutdown(2)."""

from __future__ import annotations

import errno
import socket as real
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.sut.supervisor.calls import streams
from harness.sut.supervisor.calls.sockets import address_at, address_bytes, socket_of
from harness.sut.supervisor.datagrams import Address, Datagrams
from harness.sut.supervisor.objects import Pollable
from harness.sut.supervisor.registry import NATIVE, Reply, answers
from harness.sut.supervisor.sockets import Socket
from harness.sut.supervisor.tasks import Task, Wait
from harness.sut.supervisor.vectors import gather, vector

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_MSGHDR = struct.Struct("<QIxxxxQQQQIxxxx")
_MMSGHDR_BYTES = 64
_MESSAGES_MAX = 1024
_TRUNC = 0x20
_POLL_IN = 1


# ---------------------------------------------------------------- receiving


def receive(
    scheduler: Scheduler,
    task: Task,
    parts: list[tuple[int, int]],
    flags: int,
    told: Callable[[Address | None, bool], None],
) -> Reply:
    """recv(2). ``told`` gets who sent a datagram (None on a stream) and whether it was cut."""
    opened = task.program.opened(task.descriptor())
    if isinstance(opened, Socket):
        told(None, False)
        return opened.receive(scheduler, task, parts, flags)
    if isinstance(opened, Datagrams):
        return opened.receive(scheduler, task, parts, flags, told)
    if (
        isinstance(opened, Pollable)
        and opened.blocking
        and not flags & real.MSG_DONTWAIT
        and not opened.ready(_POLL_IN)
    ):
        return scheduler.block(task, Wait(lambda _: scheduler.pass_on(task), lambda: bool(opened.ready(_POLL_IN))))
    return NATIVE


@answers("recvfrom")
def recvfrom(scheduler: Scheduler, task: Task) -> Reply:
    name, size_at = task.arguments[4], task.arguments[5]

    def told(sender: Address | None, _cut: bool) -> None:
        if not name or not size_at:
            return
        opened = socket_of(task)
        data = address_bytes(opened.family, *sender) if opened is not None and sender is not None else b""
        (room,) = struct.unpack("<I", task.program.read(size_at, 4))
        task.program.write(name, data[:room])
        task.program.write(size_at, struct.pack("<I", len(data)))

    return receive(scheduler, task, [(task.arguments[1], task.arguments[2])], task.signed(3), told)


def _message(task: Task, header: int) -> tuple[list[tuple[int, int]], Callable[[Address | None, bool], None]]:
    """The vector of a struct msghdr, and what fills in the rest of it."""
    name, room, where, count, _, _, _ = _MSGHDR.unpack(task.program.read(header, _MSGHDR.size))

    def told(sender: Address | None, cut: bool) -> None:
        opened = socket_of(task)
        data = address_bytes(opened.family, *sender) if opened is not None and sender is not None else b""
        if name and data:
            task.program.write(name, data[:room])
        task.program.write(header + 8, struct.pack("<I", len(data)))
        # No control data.
        task.program.write(header + 40, struct.pack("<QI", 0, _TRUNC if cut else 0))

    return vector(task, where, count), told


@answers("recvmsg")
def recvmsg(scheduler: Scheduler, task: Task) -> Reply:
    if socket_of(task) is None:
        return receive(scheduler, task, [], task.signed(2), lambda sender, cut: None)
    parts, told = _message(task, task.arguments[1])
    return receive(scheduler, task, parts, task.signed(2), told)


@answers("recvmmsg")
def recvmmsg(scheduler: Scheduler, task: Task) -> Reply:
    if socket_of(task) is None:
        return NATIVE
    raise OSError(errno.ENOSYS, "one at a time")


# ---------------------------------------------------------------- sending


@answers("sendto")
def sendto(scheduler: Scheduler, task: Task) -> Reply:
    parts = [(task.arguments[1], task.arguments[2])]
    return _send(scheduler, task, parts, task.signed(3), task.arguments[4], task.signed(5))


def _send(scheduler: Scheduler, task: Task, parts: list[tuple[int, int]], flags: int, name: int, size: int) -> Reply:
    opened = task.program.opened(task.descriptor())
    if isinstance(opened, Socket):
        return opened.send(scheduler, task, gather(task, parts), flags)
    if isinstance(opened, Datagrams):
        to = address_at(task, name, size, opened.family) if name else None
        return opened.send(scheduler, gather(task, parts), to)
    if name:
        raise OSError(errno.ENOENT, "nobody listens on the device's local sockets")
    if isinstance(opened, Pollable):
        return streams.write(scheduler, task, opened, parts, flags)
    return NATIVE


@answers("sendmsg")
def sendmsg(scheduler: Scheduler, task: Task) -> Reply:
    header = task.program.read(task.arguments[1], _MSGHDR.size)
    name, size, where, count, control, control_bytes, _ = _MSGHDR.unpack(header)
    if count > _MESSAGES_MAX:
        raise OSError(errno.EMSGSIZE, "vector")
    if control and control_bytes and socket_of(task) is None:
        scheduler.refuse("handing descriptors on over a socket is not modelled")
        raise OSError(errno.EINVAL, "control data")
    return _send(scheduler, task, vector(task, where, count), task.signed(2), name, size)


@answers("sendmmsg")
def sendmmsg(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        return NATIVE
    if isinstance(opened, Socket):
        raise OSError(errno.ENOSYS, "several messages on a stream")
    count = min(task.arguments[2] & 0xFFFFFFFF, _MESSAGES_MAX)
    for place in range(count):
        header = task.arguments[1] + _MMSGHDR_BYTES * place
        name, size, where, parts, _, _, _ = _MSGHDR.unpack(task.program.read(header, _MSGHDR.size))
        data = gather(task, vector(task, where, parts))
        sent = opened.send(scheduler, data, address_at(task, name, size, opened.family) if name else None)
        task.program.write(header + _MSGHDR.size, struct.pack("<I", sent))
    return count


@answers("shutdown")
def shutdown(scheduler: Scheduler, task: Task) -> Reply:
    opened = socket_of(task)
    if opened is None:
        return NATIVE
    if isinstance(opened, Socket):
        opened.shutdown(scheduler, task.signed(1))
    elif opened.peer is None:
        raise OSError(errno.ENOTCONN, "not connected")
    return 0

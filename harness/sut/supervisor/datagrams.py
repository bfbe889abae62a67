"""A program's UDP sockets: the name server answers over the device's link; all other datagrams are lost.

Models: connected and unconnected sockets, the sender's address, peeking, datagrams cut to the reader's room, readiness as poll
and epoll see it. A question and its answer take a round trip of the link, or never come back.
Does not model: ICMP errors, broadcast, multicast, datagrams between programs of the device.
Source: udp(7), recv(2).
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.core.environment import Call
from harness.sut.supervisor import names
from harness.sut.supervisor.objects import Opened
from harness.sut.supervisor.operations import operate
from harness.sut.supervisor.registry import Reply
from harness.sut.supervisor.tasks import Task
from harness.sut.supervisor.vectors import scatter

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

Address = tuple[str, int]
_TRUNC = 0x20
_QUEUE_MAX = 64
_DATAGRAM_MAX = 65_507
"""What fits an IPv4 packet."""


class Datagrams(Opened):
    """A UDP socket."""

    kind = "datagrams"

    def __init__(self, family: int, *, blocking: bool) -> None:
        self._end, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._end.setblocking(blocking)
        self._other.setblocking(False)
        super().__init__(self._end.fileno())
        self.family = family
        self.blocking = blocking
        self.local: Address | None = None
        self.peer: Address | None = None
        self.receive_timeout_ns: int | None = None
        self.options: dict[tuple[int, int], int] = {}
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._open = True

    def connect(self, scheduler: Scheduler, address: Address | None) -> None:
        """connect(2): nothing is sent; None takes it back."""
        self.peer = address
        if address is not None:
            self._bind_any(scheduler)

    def bind(self, scheduler: Scheduler, address: Address) -> None:
        """bind(2)."""
        if self.local is not None:
            raise OSError(errno.EINVAL, "bound")
        if not scheduler.ports.is_own(address[0]):
            raise OSError(errno.EADDRNOTAVAIL, "not an address of the device")
        self.local = (address[0], address[1] or scheduler.ports.datagram_port())

    def _bind_any(self, scheduler: Scheduler) -> None:
        if self.local is None:
            self.local = (scheduler.ports.own_ip, scheduler.ports.datagram_port())

    def send(self, scheduler: Scheduler, data: bytes, to: Address | None) -> int:
        """One datagram. EDESTADDRREQ when nobody says where to."""
        if len(data) > _DATAGRAM_MAX:
            raise OSError(errno.EMSGSIZE, "too long")
        target = to or self.peer
        if target is None:
            raise OSError(errno.EDESTADDRREQ, "no address")
        scheduler.process.settle_debt()
        network = scheduler.process.network
        if network is None or ":" in target[0]:
            raise OSError(errno.ENETUNREACH, "no network")
        self._bind_any(scheduler)
        if target != (names.SERVER_IP, names.PORT):
            scheduler.refuse(f"a datagram to {target[0]}:{target[1]} was lost; only the name server answers those")
            return len(data)
        reply = names.answer(data, network.host_name, network.host_ip)
        after_us = network.lookup_us()
        if reply is not None and after_us is not None:
            Call(scheduler.process.env, after_us, lambda _: self._arrives(scheduler, reply, target))
        return len(data)

    def _arrives(self, scheduler: Scheduler, data: bytes, sender: Address) -> None:
        if not self._open or (self.peer is not None and self.peer != sender) or len(self._queue) >= _QUEUE_MAX:
            return
        self._queue.append((data, sender))
        try:
            self._other.send(b"\0")
        except BlockingIOError:
            pass
        scheduler.time.notify()

    def waiting(self) -> int:
        """The size of the next datagram."""
        return len(self._queue[0][0]) if self._queue else 0

    def receive(
        self,
        scheduler: Scheduler,
        task: Task,
        parts: list[tuple[int, int]],
        flags: int,
        told: Callable[[Address, bool], None],
    ) -> Reply:
        """recv(2). ``told`` gets the sender, and whether the datagram was cut."""
        room = sum(length for _, length in parts)

        def take() -> int | None:
            if not self._queue:
                return None
            data, sender = self._queue[0] if flags & socket.MSG_PEEK else self._queue.popleft()
            if not flags & socket.MSG_PEEK:
                try:
                    self._end.recv(1, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    pass
            told(sender, len(data) > room)
            written = scatter(task, parts, data[:room])
            return len(data) if flags & _TRUNC else written

        waits = self.blocking and not flags & socket.MSG_DONTWAIT
        return operate(scheduler, task, self, take, self.receive_timeout_ns, errno.EAGAIN, waits=waits)

    def closed(self) -> None:
        self._open = False
        self._end.close()
        self._other.close()

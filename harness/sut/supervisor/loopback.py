"""Ports of one device: which of its programs' sockets has which, and who listens.

Models: binding and listening, ephemeral ports in order, EADDRINUSE with and without SO_REUSEADDR, connections between programs of
the device over 127.0.0.1 or its own address, which take no time. Nobody outside connects to the device.
Does not model: TIME_WAIT, SO_REUSEPORT's balancing, datagrams between programs.
Source: bind(2), listen(2), ip(7).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from harness.sut.supervisor.streams import Gate

if TYPE_CHECKING:
    from harness.sut.supervisor.sockets import Socket

_EPHEMERAL_FIRST, _EPHEMERAL_LAST = 32_768, 60_999
ANY = ("0.0.0.0", "::")


def is_loopback(ip: str) -> bool:
    """127.0.0.0/8 and ::1."""
    return ip.startswith("127.") or ip == "::1"


class Ports:
    """The TCP ports of one boot."""

    def __init__(self, own_ip: str) -> None:
        self.own_ip = own_ip
        self.gate = Gate()
        self._bound: dict[int, list[Socket]] = {}
        self._next = _EPHEMERAL_FIRST
        self._next_datagram = _EPHEMERAL_FIRST

    def is_own(self, ip: str) -> bool:
        """Whether an address is the device's."""
        return is_loopback(ip) or ip == self.own_ip or ip in ANY

    def bind(self, socket: Socket, ip: str, port: int) -> None:
        """Give a socket an address; port 0 is any. EADDRNOTAVAIL, EADDRINUSE."""
        if not self.is_own(ip):
            raise OSError(errno.EADDRNOTAVAIL, "not an address of the device")
        if port:
            for other in self._bound.get(port, ()):
                if self._collide(socket, ip, other):
                    raise OSError(errno.EADDRINUSE, "taken")
        else:
            port = self._ephemeral()
        socket.local = (ip, port)
        self._bound.setdefault(port, []).append(socket)

    def _collide(self, socket: Socket, ip: str, other: Socket) -> bool:
        assert other.local is not None
        if ip not in ANY and other.local[0] not in ANY and ip != other.local[0]:
            return False
        if socket.reuse_port and other.reuse_port:
            return False
        return not (socket.reuse_address and other.reuse_address and other.listening is None)

    def may_listen(self, socket: Socket) -> bool:
        """Whether nobody else listens at the same address and port."""
        assert socket.local is not None
        return not any(
            other is not socket and other.listening is not None and self._collide(socket, socket.local[0], other)
            for other in self._bound.get(socket.local[1], ())
        )

    def _ephemeral(self) -> int:
        for _ in range(_EPHEMERAL_LAST - _EPHEMERAL_FIRST + 1):
            port = self._next
            self._next = port + 1 if port < _EPHEMERAL_LAST else _EPHEMERAL_FIRST
            if port not in self._bound:
                return port
        raise OSError(errno.EADDRINUSE, "no port is free")

    def datagram_port(self) -> int:
        """A port for a UDP socket that has none; they are another world than TCP's."""
        self._next_datagram += 1
        return self._next_datagram

    def release(self, socket: Socket) -> None:
        """A socket is closed."""
        if socket.local is not None:
            holders = self._bound.get(socket.local[1], [])
            if socket in holders:
                holders.remove(socket)
                if not holders:
                    del self._bound[socket.local[1]]

    def listener(self, ip: str, port: int) -> Socket | None:
        """Who listens at an address."""
        for other in self._bound.get(port, ()):
            if other.listening is not None and other.local is not None:
                own = other.local[0]
                if own == ip or own == "::" or (own == "0.0.0.0" and ":" not in ip):
                    return other
        return None

    def close(self) -> None:
        """The boot is over."""
        self.gate.close()

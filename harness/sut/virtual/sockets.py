"""``_socket``: TCP client sockets over the device's link. The standard library's ``socket`` module stands on it unchanged.

Models: one reachable host under its name and address; connect, send, receive, close, timeouts, non-blocking sockets and the
errors that Linux gives. Names resolve at once, as from a hosts file.
Does not model: listening, UDP, IPv6, TLS, other hosts (no route), half-close, out-of-band data.
Source: connect(2), send(2), recv(2), tcp(7), getaddrinfo(3).
"""

from __future__ import annotations

import _socket as real
import errno
import os
import struct
from typing import Any, NoReturn

import simpy

from harness.sut import current
from harness.sut.deaths import process_tier_error
from harness.sut.ports import ConnectionPort, NetworkPort
from harness.sut.process import Process
from harness.sut.virtual.addresses import LOOPBACK, checked_address, resolve

FIRST_SOCKET = 1024  # above every descriptor of the disk
SOCKETS_MAX = 256
_EPHEMERAL_PORT = 40_000


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def network_of(process: Process) -> NetworkPort:
    if process.dead:
        process.refuse()
    if process.network is None:
        raise _error(errno.ENETUNREACH)
    return process.network


class Socket:
    """``_socket.socket``."""

    # Not weakly referenceable, like the C class: the standard library's subclass adds that slot itself.
    __slots__ = (
        "_abort_on_close",
        "_attempt",
        "_connection",
        "_family",
        "_number",
        "_options",
        "_peer",
        "_process",
        "_proto",
        "_shut_read",
        "_shut_write",
        "_timeout",
        "_type",
    )

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: Any = None) -> None:
        process = current.running()
        if process.dead:
            process.refuse()
        if fileno is not None:
            raise process_tier_error("socket.socket(fileno=...)")
        family = real.AF_INET if family == -1 else int(family)
        type = real.SOCK_STREAM if type == -1 else int(type)
        blocking = not type & real.SOCK_NONBLOCK
        type &= ~(real.SOCK_NONBLOCK | real.SOCK_CLOEXEC)
        if family != real.AF_INET:
            raise _error(errno.EAFNOSUPPORT)
        if type != real.SOCK_STREAM:
            raise _error(errno.EPROTONOSUPPORT)
        if len(process.sockets) >= SOCKETS_MAX:
            raise _error(errno.EMFILE)
        self._family, self._type, self._proto = family, type, 0 if proto == -1 else int(proto)
        self._process = process
        self._timeout: float | None = process.socket_timeout if blocking else 0.0
        self._connection: ConnectionPort | None = None
        self._attempt: simpy.Event | None = None
        self._peer: tuple[str, int] | None = None
        self._shut_write = False
        self._shut_read = False
        self._abort_on_close = False
        self._options: dict[tuple[int, int], int] = {}
        number = FIRST_SOCKET
        while number in process.sockets:
            number += 1
        self._number = number
        process.sockets[number] = self

    # ------------------------------------------------------------ state

    def _alive(self) -> Process:
        process = self._process
        if process.dead or process is not current.process:
            process.refuse()
        if self._number < 0:
            raise _error(errno.EBADF)
        return process

    @property
    def family(self) -> int:
        return self._family

    @property
    def type(self) -> int:
        return self._type

    @property
    def proto(self) -> int:
        return self._proto

    @property
    def timeout(self) -> float | None:
        return self._timeout

    @property
    def broken(self) -> bool:
        """Whether the peer or the path has reset it."""
        return self._connection is not None and self._connection.state == "reset"

    def readable_now(self) -> bool:
        """Whether ``recv`` would answer at once."""
        connection = self._connection
        if connection is None:
            return self._attempt is not None and self._attempt.processed and not self._attempt.ok
        return bool(connection.inbox) or connection.eof or connection.state != "open" or self._shut_read

    def writable_now(self) -> bool:
        """Whether ``send`` would answer at once: the link takes everything, so connected or failed is enough."""
        return self._connection is not None or (self._attempt is not None and self._settled())

    def readable_event(self) -> simpy.Event:
        """An event to wait on before looking again."""
        if self._connection is not None:
            return self._connection.readable
        return self._attempt if self._attempt is not None else self._process.env.event()

    def writable_event(self) -> simpy.Event:
        """An event to wait on before looking again."""
        return self._attempt if self._attempt is not None else self._process.env.event()

    def _settled(self) -> bool:
        attempt = self._attempt
        if attempt is None or not attempt.processed:
            return False
        if attempt.ok and self._connection is None:
            self._connection = attempt.value
        return True

    # ------------------------------------------------------------ connecting

    def connect(self, address: Any, /) -> None:
        process = self._alive()
        network = network_of(process)
        host, port = checked_address(address)
        if self._attempt is not None or self._connection is not None:
            self._connect_again()
            return
        ip = resolve(network, host)
        self._peer = (ip, port)
        process.settle_debt()
        if ip in LOOPBACK or ip == network.own_ip:
            raise _error(errno.ECONNREFUSED)
        if ip != network.host_ip:
            raise _error(errno.EHOSTUNREACH)
        if port != network.host_port:
            raise _error(errno.ECONNREFUSED)
        attempt = network.connect()
        self._attempt = attempt
        if self._timeout == 0:
            raise BlockingIOError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))
        try:
            if not process.wait(attempt, self._timeout_us()):
                self._abandon()
                raise TimeoutError("timed out")
        except OSError:
            self._attempt = None
            raise
        self._connection = attempt.value

    def _connect_again(self) -> None:
        if not self._settled():
            raise _error(errno.EALREADY)
        assert self._attempt is not None
        if self._attempt.ok:
            raise _error(errno.EISCONN)
        attempt, self._attempt = self._attempt, None
        raise attempt.value  # type: ignore[misc]  # a failed event's value is its exception

    def connect_ex(self, address: Any, /) -> int:
        try:
            self.connect(address)
        except TimeoutError:
            return errno.EAGAIN
        except OSError as error:
            if error.errno is None:
                raise
            return error.errno
        return 0

    def _abandon(self) -> None:
        attempt, self._attempt = self._attempt, None
        abandon = getattr(attempt, "abandon", None)
        if abandon is not None:
            abandon()

    def _timeout_us(self) -> int | None:
        return None if self._timeout is None else round(self._timeout * 1_000_000)

    def _connected(self) -> ConnectionPort:
        if self._connection is None and not self._settled():
            raise _error(errno.ENOTCONN)
        if self._connection is None:
            raise _error(errno.ENOTCONN)
        return self._connection

    # ------------------------------------------------------------ data

    def send(self, data: Any, flags: int = 0, /) -> int:
        process = self._alive()
        raw = bytes(memoryview(data))
        connection = self._connection
        if connection is None:
            if not self._settled():
                raise _error(errno.EPIPE if self._attempt is None else errno.EAGAIN)
            connection = self._connected()
        if self._shut_write:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        # What was written to flash before has taken its time before the message leaves.
        process.settle_debt()
        return connection.send(raw)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self.send(data, flags)

    def sendto(self, data: Any, *_: object) -> int:
        return self.send(data)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if size < 0:
            raise ValueError("negative buffersize in recv")
        process = self._alive()
        connection = self._connected()
        timeout_us = 0 if flags & real.MSG_DONTWAIT else self._timeout_us()
        deadline_us = None if timeout_us is None else process.now_us() + timeout_us
        process.settle_debt()
        wanted = size
        while not self._shut_read:
            if flags & real.MSG_PEEK and connection.inbox:
                return bytes(connection.inbox[:size])
            got = connection.receive(wanted)
            if got is not None:
                return got
            if timeout_us == 0:
                process.sleep(0)
                if not self.readable_now():
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                continue
            left_us = None if deadline_us is None else deadline_us - process.now_us()
            if left_us is not None and left_us <= 0:
                raise TimeoutError("timed out")
            process.wait(connection.readable, left_us)
        return b""

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0, /) -> int:
        view = memoryview(buffer).cast("B")
        got = self.recv(nbytes or len(view), flags)
        view[: len(got)] = got
        return len(got)

    def recvfrom(self, size: int, flags: int = 0, /) -> tuple[bytes, tuple[str, int] | None]:
        return self.recv(size, flags), self._peer

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0, /) -> tuple[int, tuple[str, int] | None]:
        return self.recv_into(buffer, nbytes, flags), self._peer

    # ------------------------------------------------------------ ending

    def shutdown(self, how: int, /) -> None:
        self._alive()
        connection = self._connected()
        if how not in (real.SHUT_RD, real.SHUT_WR, real.SHUT_RDWR):
            raise _error(errno.EINVAL)
        if connection.state != "open":
            raise _error(errno.ENOTCONN)
        self._shut_read = self._shut_read or how in (real.SHUT_RD, real.SHUT_RDWR)
        self._shut_write = self._shut_write or how in (real.SHUT_WR, real.SHUT_RDWR)

    def close(self) -> None:
        number, self._number = self._number, -1
        if number < 0 or self._process.dead:
            return
        self._process.sockets.pop(number, None)
        if self._attempt is not None and self._connection is None:
            if self._settled() and self._attempt is not None and self._attempt.ok:
                self._connection = self._attempt.value
            else:
                self._abandon()
        if self._connection is not None:
            if self._abort_on_close:
                self._connection.reset()
            else:
                self._connection.close()

    def detach(self) -> NoReturn:
        raise process_tier_error("socket.detach")

    def __del__(self) -> None:
        # The kernel closes a socket that nobody holds; nothing of it is heard when the process is dead.
        if getattr(self, "_number", -1) >= 0:
            self.close()

    # ------------------------------------------------------------ settings

    def fileno(self) -> int:
        return self._number

    def settimeout(self, value: float | None, /) -> None:
        if value is not None:
            value = float(value)
            if value < 0:
                raise ValueError("Timeout value out of range")
        self._timeout = value

    def gettimeout(self) -> float | None:
        return self._timeout

    def setblocking(self, flag: bool, /) -> None:
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        return self._timeout != 0

    def setsockopt(self, level: int, option: int, value: Any = 0, length: Any = None, /) -> None:
        self._alive()
        if level == real.SOL_SOCKET and option == real.SO_LINGER and isinstance(value, bytes) and len(value) >= 8:
            on, seconds = struct.unpack_from("ii", value)
            self._abort_on_close = bool(on) and seconds == 0
        elif isinstance(value, int):
            self._options[level, option] = value

    def getsockopt(self, level: int, option: int, length: int = 0, /) -> Any:
        self._alive()
        if (level, option) == (real.SOL_SOCKET, real.SO_ERROR):
            if self._attempt is not None and self._settled() and not self._attempt.ok:
                failure = self._attempt.value
                return failure.errno if isinstance(failure, OSError) and failure.errno else errno.ETIMEDOUT
            return 0
        value = self._options.get((level, option), 0)
        return struct.pack("i", value) if length else value

    def getpeername(self) -> tuple[str, int]:
        self._alive()
        self._connected()
        assert self._peer is not None
        return self._peer

    def getsockname(self) -> tuple[str, int]:
        process = self._alive()
        if self._connection is None:
            return "0.0.0.0", 0
        return network_of(process).own_ip, _EPHEMERAL_PORT + self._number - FIRST_SOCKET

    def bind(self, address: Any, /) -> None:
        _, port = checked_address(address)
        if port != 0:
            raise process_tier_error("a listening socket")

    def listen(self, backlog: int = 0, /) -> NoReturn:
        raise process_tier_error("a listening socket")

    def _accept(self) -> NoReturn:
        raise process_tier_error("a listening socket")

"""TLS between a program and the acquirer: a connection of the link whose near side is ciphertext.

Models: TLS 1.2 and 1.3, ended by a server in memory at the far end: the history and the host see plain messages. Each flight of a
handshake that the server answers takes a round trip of the link, or is lost with it; a message is larger on the line by what its
record adds. A client that finds the certificate wrong, or speaks no TLS, fails as it does in reality.
Does not model: resumption, tickets, certificates of the client, renegotiation. The server's random numbers come from OpenSSL and
differ from run to run: nothing of the ciphertext decides what happens when.
Source: RFC 8446, RFC 5246; record overhead: 5 bytes of header, 8 of nonce in TLS 1.2's GCM, 1 of type in 1.3, 16 of tag.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import simpy

from harness.core.environment import Call
from harness.sut.ports import ConnectionPort
from harness.sut.supervisor.authority import server_context

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_PIECE_BYTES = 1 << 16
_RECORD_BYTES = {"TLSv1.3": 22, "TLSv1.2": 29}


class Way(Protocol):
    """What is needed of the link."""

    host_name: str
    host_ip: str

    def round_trip_us(self) -> int | None: ...


class SecureConnection:
    """As ``network.Connection``, with ciphertext to send and to receive. ``failed`` is told why a handshake came to nothing."""

    def __init__(self, plain: ConnectionPort, way: Way, env: simpy.Environment, failed: Callable[[str], None]) -> None:
        self.inbox = bytearray()
        self.eof = False
        self.overhead_bytes = 0
        self._plain = plain
        self._way = way
        self._env = env
        self._failed = failed
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = server_context(way.host_name, way.host_ip)
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._shaken = self._over = self._broken = self._untold = self._lost = False
        self._waiting: list[bytes] = []
        self._arrival_us = 0
        self._readable: simpy.Event | None = None
        self._listen()

    @property
    def state(self) -> str:
        """The connection's below it."""
        return self._plain.state

    # ------------------------------------------------------------ the program's side

    def send(self, data: bytes) -> int:
        """Ciphertext from the program; the messages in it are on their way now."""
        self._plain.send(b"")  # which says what is wrong with the connection
        if not self._over:
            self._incoming.write(data)
            try:
                self._advance()
            except ssl.SSLError as error:
                self._give_up(error)
            self._answer()
        return len(data)

    def receive(self, size: int) -> bytes | None:
        """Ciphertext for the program."""
        if self.inbox:
            taken = bytes(self.inbox[:size])
            del self.inbox[:size]
            return taken
        if self._untold:
            self._untold = False
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        if self.eof or self._broken:
            return b""
        return None

    @property
    def readable(self) -> simpy.Event:
        """As ``network.Connection`` has it."""
        if self.inbox or self.eof or self._broken:
            return self._env.event().succeed()
        if self._readable is None:
            self._readable = self._env.event()
        return self._readable

    def close(self) -> None:
        """Orderly close."""
        self._over = True
        self._plain.close()

    def reset(self) -> None:
        """Abort."""
        self._over = True
        self._plain.reset()

    # ------------------------------------------------------------ the server

    def _advance(self) -> None:
        if not self._shaken:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return
            self._shaken = True
            self._plain.overhead_bytes = _RECORD_BYTES.get(self._tls.version() or "", 0)
            for frame in self._waiting:
                self._tls.write(frame)
        while True:
            try:
                message = self._tls.read(_PIECE_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                return
            if not message:
                return  # the program says that it will send no more
            self._plain.send(message)

    def _give_up(self, error: ssl.SSLError) -> None:
        """The handshake or a record is wrong: the server sends its alert and closes."""
        self._over = True
        self._failed(f"TLS with the acquirer failed: {error.reason or 'it ended early'}")
        self._answer(end=True)

    def _answer(self, *, end: bool = False) -> None:
        """What the server has to say to what has just been sent comes back a round trip later."""
        data = self._outgoing.read()
        if not data and not end:
            return
        round_trip_us = None if self._lost else self._way.round_trip_us()
        if round_trip_us is None:
            # Nothing that comes behind a gap is delivered.
            self._lost = True
            return
        now_us = int(self._env.now)
        self._arrival_us = max(self._arrival_us, now_us + round_trip_us)
        Call(self._env, self._arrival_us - now_us, lambda _: self._arrives(data, end))

    def _arrives(self, data: bytes, end: bool) -> None:
        if self._plain.state != "open":
            return
        self.inbox += data
        self.eof = self.eof or end
        self._tell()

    # ------------------------------------------------------------ the host's messages

    def _listen(self) -> None:
        event = self._plain.readable
        assert event.callbacks is not None
        event.callbacks.append(self._came)

    def _came(self, _event: simpy.Event) -> None:
        if self._plain.state == "closed":
            return
        while True:
            try:
                got = self._plain.receive(_PIECE_BYTES)
            except ConnectionResetError:
                self._broken = self._untold = True
                break
            if got is None:
                self._listen()
                break
            if not got:
                self._host_ended()
                break
            if self._lost:
                continue
            if self._shaken:
                self._tls.write(got)
                self.inbox += self._outgoing.read()
            else:
                self._waiting.append(got)
        self._tell()

    def _host_ended(self) -> None:
        """The host closes: it says so in TLS, and then in TCP."""
        if self._shaken and not self._over:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # it waits for the program to say the same
            self.inbox += self._outgoing.read()
        self.eof = True

    def _tell(self) -> None:
        if self._readable is not None and (self.inbox or self.eof or self._broken):
            waiting, self._readable = self._readable, None
            waiting.succeed()


def put_before(scheduler: Scheduler) -> None:
    """Whatever the programs send to the acquirer is TLS from now on."""
    process = scheduler.process

    def secured(plain: ConnectionPort) -> ConnectionPort:
        way = process.network
        assert way is not None
        return SecureConnection(plain, way, process.env, scheduler.refuse)

    scheduler.secure = secured

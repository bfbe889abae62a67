"""One caller: a real socket on one side, a connection of the virtual link on the other.

Models: what the link does to messages, as delay, silence or a reset of the real connection; which terminal calls is known by
its first message, and whose link it is with it. Does not model: faults of the handshake itself, which the machine's kernel has
answered before anybody looks (a link that swallows handshakes never gets to the first message).
Bounds: what is neither a message nor read by the other end is held up to a size, and then the line is cut.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable

from harness.core.errors import HarnessError
from harness.engine.live.site import Site
from harness.network.connection import Connection
from harness.network.link import ConnectAttempt

HELD_BYTES_MAX = 1 << 18
"""Of answers that the other end does not read."""
UNDER_WAY_MAX = 500
"""Messages of one caller that are on the virtual link."""
_READ_BYTES = 1 << 14
_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: a reset in place of an orderly end."""


class Line:
    """Driven by ``server``: ``arrived`` when the socket can be read, ``serve`` after virtual time has moved."""

    def __init__(self, site: Site, end: socket.socket, peer: str, now_s: float, due: Callable[[Line], None]) -> None:
        self._site = site
        self._due = due
        """Told when the link has something for this line."""
        self.end = end
        self.peer = peer
        self.heard_s = now_s
        """When something last came or went."""
        self.tid = ""
        self.closed = False
        """To be closed by the server, which watches the socket."""
        self.resets = False
        """Whether the other end is to be told by a reset."""
        self.why = ""
        """Why it was cut, where that was our doing."""
        self.outgoing = bytearray()
        self._early = b""
        """What came before the link has let the handshake through."""
        self._attempt: ConnectAttempt | None = None
        self._connection: Connection | None = None
        self._ended = False
        self._waits = False
        """Whether the link will tell when there is something: once for however often it was looked at in vain."""

    # ------------------------------------------------------------ the socket's side

    def arrived(self, now_s: float) -> None:
        """Take in what the other end has sent."""
        self.heard_s = now_s
        try:
            data = self.end.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.cut("")
            return
        if not data:
            self._other_end_closed()
            return
        self._pass_up(data)

    def flush(self, now_s: float) -> None:
        """Give the other end as much as it takes."""
        while self.outgoing and not self.closed:
            try:
                sent = self.end.send(self.outgoing)
            except BlockingIOError:
                break
            except OSError:
                self.cut("")
                return
            self.heard_s = now_s
            del self.outgoing[:sent]
        if self._ended and not self.outgoing:
            self.close()

    @property
    def is_busy(self) -> bool:
        """Whether so much of it is under way that nothing more is to be read."""
        connection = self._connection
        if self._ended:
            return True  # the end of what it sends can be read for ever
        if connection is None:
            return self._attempt is not None and len(self._early) > _READ_BYTES
        return len(connection.up.flights) + len(connection.down.flights) > UNDER_WAY_MAX

    # ------------------------------------------------------------ the link's side

    def serve(self, now_s: float) -> None:
        """Take over what the link has brought; called after virtual time has moved."""
        if self.closed:
            return
        if self._connection is None and not self._connected():
            return
        connection = self._connection
        assert connection is not None
        try:
            while (data := connection.receive(_READ_BYTES)) is not None:
                if not data:
                    self._ended = True
                    break
                self.outgoing += data
        except ConnectionResetError:
            self.cut("the link reset it")
            return
        except OSError:
            self.cut("")
            return
        if len(self.outgoing) > HELD_BYTES_MAX:
            self.cut("it does not read its answers")
            return
        if self.outgoing or self._ended:
            self.flush(now_s)
        if not self.closed and not self._ended and not self._waits:
            self._waits = True
            connection.readable.callbacks.append(self._told)

    def _told(self, _event: object) -> None:
        self._waits = False
        self._due(self)

    def _pass_up(self, data: bytes) -> None:
        if self._connection is not None:
            self._send(data)
            return
        self._early += data
        if self._attempt is not None:
            return
        acquirer = self._site.built.world.acquirer
        try:
            frames, _ = acquirer.dialect.split_frames(self._early)
        except ValueError:
            self.cut("what it sent is no message of this dialect")
            return
        if not frames:
            if len(self._early) > HELD_BYTES_MAX:
                self.cut("it sent no whole message")
            return
        self.tid = acquirer.describe(frames[0]).tid
        self._attempt = self._site.link_of(self.tid).connect()
        self._attempt.callbacks.append(self._told)

    def _connected(self) -> bool:
        attempt = self._attempt
        if attempt is None or not attempt.triggered:
            return False
        if not attempt.ok:
            self.cut(f"the link refused it: {attempt.value}")
            return False
        self._connection = attempt.value
        early, self._early = self._early, b""
        self._send(early)
        return not self.closed

    def _send(self, data: bytes) -> None:
        assert self._connection is not None
        try:
            self._connection.send(data)
        except OSError:
            self.cut("the link reset it")

    # ------------------------------------------------------------ the end

    def _other_end_closed(self) -> None:
        # What it had sent still arrives, and is booked; nobody is there for the answers.
        if self._connection is None and self._attempt is not None:
            self._ended = True
            return
        self.close()

    def close(self) -> None:
        """An orderly end on both sides."""
        if not self.closed:
            self.closed = True
            self._leave()

    def cut(self, why: str) -> None:
        """A reset on the real side; ``why`` is empty when the other end did it."""
        if not self.closed:
            self.resets, self.why = True, why
            self.close()

    def hang_up(self) -> None:
        """Give the socket back."""
        if self.resets:
            with contextlib.suppress(OSError):
                self.end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.end.close()

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
        elif self._attempt is not None:
            self._attempt.abandon()


def bound_to(address: str, port: int, backlog: int) -> socket.socket:
    """A listening socket. HarnessError where the machine gives none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise HarnessError(
            f"cannot listen at {address} port {port}: {error.strerror}; give another --port or --bind"
        ) from None
    return listener

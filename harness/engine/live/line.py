"""One caller: a real socket on one side, a connection of the virtual link on the other.

Models: what the link does to messages, as delay, silence or a reset of the real connection; which terminal calls is known by
its first message, and whose link it is with it. A caller that has closed its side still gets the answers to what it asked.
Does not model: faults of the handshake itself, which the machine's kernel has answered before anybody looks (a link that
swallows handshakes never gets to the first message).
Bounds: of what is on its way, or not read by the other end, little is held: then nothing more is read, or the line is cut. It is
cut as well after many messages in a row that nobody can read, and where a length cannot be one: what follows has no beginning.
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

HELD_BYTES_MAX = 1 << 15
"""Of answers that the other end does not read: some two hundred."""
UNDER_WAY_MAX = 100
"""Messages of one caller that are on the virtual link."""
UNREADABLE_MAX = 20
"""Messages of one caller in a row that cannot be read: what sends so many is no terminal."""
HALF_CLOSED_S = 60.0
"""How long a caller that has closed its side may wait for what it asked: then the host does not answer that."""
_ANSWER_BYTES = 1 << 14
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
        self.asked_all_s = 0.0
        """When the other end has closed its side, if it has."""
        self._partial = b""
        """The beginning of a message."""
        self._early: list[bytes] = []
        """Messages that came before the link has let the handshake through."""
        self._unreadable = 0
        self._unanswered = 0
        self._answer_partial = b""
        self._attempt: ConnectAttempt | None = None
        self._connection: Connection | None = None
        self._ended = False
        """Whether the link has brought the end of all answers."""
        self._waits = False
        """Whether the link will tell when there is something: once for however often it was looked at in vain."""

    # ------------------------------------------------------------ the socket's side

    def arrived(self, now_s: float, most_bytes: int) -> None:
        """Take in what the other end has sent, up to so much."""
        self.heard_s = now_s
        try:
            data = self.end.recv(most_bytes)
        except BlockingIOError:
            return
        except OSError:
            self.cut("")
            return
        if data:
            self._take(data)
        else:
            # What it had sent still arrives, and is booked. It may have left, or wait for its answers: nobody can know.
            self.asked_all_s = now_s

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
        if not self.outgoing and (self._ended or (self.asked_all_s and self._unanswered <= 0)):
            self.close()

    @property
    def is_busy(self) -> bool:
        """Whether so much of it is under way that nothing more is to be read."""
        connection = self._connection
        if self._ended or self.asked_all_s:
            return True  # the end of what it sends can be read for ever
        if connection is None:
            return len(self._early) > UNDER_WAY_MAX
        return len(connection.up.flights) + len(connection.down.flights) > UNDER_WAY_MAX

    def overdue(self, now_s: float, idle_s: float) -> str:
        """Why it has to be cut at last, or nothing."""
        if now_s - self.heard_s > idle_s:
            return "it said nothing for too long"
        if self.asked_all_s and now_s - self.asked_all_s > HALF_CLOSED_S:
            return "it has closed its side, and what it asked is not answered"
        return ""

    # ------------------------------------------------------------ the link's side

    def serve(self, now_s: float) -> None:
        """Take over what the link has brought; called after virtual time has moved."""
        if self.closed:
            return
        if self._connection is None and not self._connected():
            if self.asked_all_s and self._attempt is None:
                self.close()  # it has asked nothing
            return
        connection = self._connection
        assert connection is not None
        try:
            while (data := connection.receive(_ANSWER_BYTES)) is not None:
                if not data:
                    self._ended = True
                    break
                self.outgoing += data
                self._count_answers(data)
        except ConnectionResetError:
            self.cut("the link reset it")
            return
        except OSError:
            self.cut("")
            return
        if len(self.outgoing) > HELD_BYTES_MAX:
            self.cut("it does not read its answers")
            return
        if self.outgoing or self._ended or self.asked_all_s:
            self.flush(now_s)
        if not self.closed and not self._ended and not self._waits:
            self._waits = True
            connection.readable.callbacks.append(self._told)

    def _told(self, _event: object) -> None:
        self._waits = False
        self._due(self)

    def _count_answers(self, data: bytes) -> None:
        frames, self._answer_partial = self._split(self._answer_partial + data)
        self._unanswered -= len(frames)

    def _take(self, data: bytes) -> None:
        """Send up what has become whole messages, and cut the line where that can never happen again."""
        try:
            frames, self._partial = self._split(self._partial + data)
        except ValueError as error:
            told = f"what it sent is no message of this dialect ({error})"
            if self._connection is not None:
                self._send(self._partial + data)  # the history has it as one message that nobody can read
            self.cut(told)
            return
        describe = self._site.built.world.acquirer.describe
        for frame in frames:
            header = describe(frame)
            self._unreadable = self._unreadable + 1 if header.error else 0
            if self._unreadable > UNREADABLE_MAX:
                self.cut(f"it sent {UNREADABLE_MAX} messages that cannot be read ({header.error})")
                return
            if self._attempt is None:
                self.tid = header.tid
                self._attempt = self._site.link_of(header.tid).connect()
                self._attempt.callbacks.append(self._told)
            self._unanswered += 1
            if self._connection is None:
                self._early.append(frame)
            else:
                self._send(frame)
            if self.closed:
                return

    def _split(self, stream: bytes) -> tuple[list[bytes], bytes]:
        return self._site.built.world.acquirer.dialect.split_frames(stream)

    def _connected(self) -> bool:
        attempt = self._attempt
        if attempt is None or not attempt.triggered:
            return False
        if not attempt.ok:
            self.cut(f"the link refused it: {attempt.value}")
            return False
        self._connection = attempt.value
        early, self._early = self._early, []
        for frame in early:
            self._send(frame)
        return not self.closed

    def _send(self, data: bytes) -> None:
        assert self._connection is not None
        try:
            self._connection.send(data)
        except OSError:
            self.cut("the link reset it")

    # ------------------------------------------------------------ the end

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

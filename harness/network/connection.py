"""A TCP connection as its two ends see it: the device's socket calls on one side, the host's answers on the other.

Models: an ordered byte stream that carries whole messages, orderly close (what was sent still arrives), abort, reset by
the peer or the path, end of file, and a device that loses power while the host's half stays open.
Does not model: half-close by the device, partial delivery of a message to the host, or keep-alive probes.
Source: RFC 9293 (reset 3.5.2, close 3.6) and Linux's socket errors (socket(7), tcp(7)).
"""

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import simpy

from harness.network.lane import Flight, Keys, Lane

if TYPE_CHECKING:
    from harness.network.link import Link

State: TypeAlias = Literal["open", "closed", "reset", "dead"]


class Connection:
    """``inbox`` holds what has arrived and was not read; wait for ``readable`` when it is empty."""

    def __init__(self, link: "Link", number: int, keys: Keys) -> None:
        self.link = link
        self.number = number
        self.state: State = "open"
        """As the device sees it; "dead" is a device without power."""
        self.inbox = bytearray()
        self.eof = False
        self.overhead_bytes = 0
        """What encryption adds to every message on the line."""
        self.keys = keys
        self.up = Lane("up")
        self.down = Lane("down")
        self._outgoing = b""
        self._unframed = False
        self._reset_untold = False
        self._readable: simpy.Event | None = None
        self._host_closed = False

    @property
    def device(self) -> str:
        """The device at the near end."""
        return self.link.device

    @property
    def dead(self) -> bool:
        """Whether the device lost power under it."""
        return self.state == "dead"

    @property
    def drained(self) -> bool:
        """Whether the device is done with it and nothing is under way."""
        return self.state != "open" and not self.up.flights and not self.down.flights

    # ------------------------------------------------------------ the device's side

    def send(self, data: bytes) -> int:
        """Queue bytes; every message they complete is on its way now. ConnectionResetError, then BrokenPipeError."""
        self._raise_if_unusable()
        if self.state == "reset":
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        frames, self._outgoing = self._split(self._outgoing + data)
        if frames:
            self.keys = self.link.current_keys()
        for frame in frames:
            self.link.transmit(self, self.up, frame)
        return len(data)

    def receive(self, size: int) -> bytes | None:
        """At most ``size`` bytes; b"" at the end of file; None when nothing has arrived yet.

        A reset is told once, after what had arrived before it, and reads as end of file from then on, as Linux does it.
        """
        if self.state == "dead":
            raise self.link.dead_error(f"{self.device} has no power")
        if self.inbox and self.state != "closed":
            taken = bytes(self.inbox[:size])
            del self.inbox[:size]
            return taken
        self._raise_if_unusable()
        return b"" if self.eof or self.state == "reset" else None

    @property
    def readable(self) -> simpy.Event:
        """An event that happens when ``receive`` would not answer None; it never happens on a device without power."""
        if self.state != "dead" and (self.inbox or self.eof or self.state != "open"):
            return self.link.env.event().succeed()
        if self._readable is None:
            self._readable = self.link.env.event()
        return self._readable

    def close(self) -> None:
        """Orderly close: what was sent still arrives; replies that arrive from now on are dropped."""
        if self.state in ("open", "reset"):
            self.state = "closed"
            self._forget_buffers()
            self._tell()
            self.link.retire(self)

    def reset(self) -> None:
        """Abort: what has not left the device yet is thrown away with the connection (SO_LINGER 0)."""
        if self.state in ("open", "reset"):
            self.link.drop_all(self.up.take(self._has_left), "reset")
            self.close()

    def power_lost(self, arrives: Callable[[int], bool] | None = None) -> None:
        """The device is without power: what is on its way down is lost, what has not left is too; the rest arrives.

        ``arrives`` overrules what has left, by message number; behind one that does not arrive nothing does.
        """
        survives = self._has_left if arrives is None else (lambda flight: arrives(flight.message))
        self.link.drop_all(self.up.take(survives), "power")
        self.link.drop_all(self.down.take(), "power")
        self.state = "dead"
        self._forget_buffers()
        self._readable = None
        self.link.retire(self)

    def _has_left(self, flight: Flight) -> bool:
        return flight.left_us <= self.link.now_us

    def _raise_if_unusable(self) -> None:
        if self.state == "open":
            return
        if self.state == "dead":
            raise self.link.dead_error(f"{self.device} has no power")
        if self.state == "closed":
            raise OSError(errno.EBADF, "Bad file descriptor")
        if self._reset_untold:
            self._reset_untold = False
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    def _split(self, stream: bytes) -> tuple[list[bytes], bytes]:
        """Whole messages; once framing is lost, everything sent is one message that no host can read."""
        if not self._unframed:
            try:
                return self.link.split(stream)
            except ValueError:
                self._unframed = True
        return ([stream] if stream else []), b""

    def _forget_buffers(self) -> None:
        self.inbox.clear()
        self._outgoing = b""

    def _tell(self) -> None:
        if self._readable is not None:
            waiting, self._readable = self._readable, None
            waiting.succeed()

    # ------------------------------------------------------------ the host's side

    def reply(self, frame: bytes) -> None:
        """Send a whole message down; whether it arrives is the link's affair."""
        self.link.transmit(self, self.down, frame)

    def leave_unanswered(self, message: int, reason: str) -> None:
        """Send nothing to the request with this number, for a reason of ``history.events.RequestUnanswered``."""
        self.link.unanswered(message, reason)

    def host_close(self) -> None:
        """The host closes its end: the device reads end of file after the replies that are under way."""
        if self.state == "open" and not self._host_closed:
            self._host_closed = True
            self.link.announce_end(self)

    def host_reset(self) -> None:
        """The host aborts the connection; the device learns of it one way later."""
        self.link.break_later(self, self.link.kind.neutral_one_way_us)

    # ------------------------------------------------------------ what the path does to it

    def arrived_up(self, flight: Flight, _event: simpy.Event) -> None:
        """Callback of a message's arrival at the host."""
        if flight.settled:
            return
        flight.settled = True
        self.up.flights.popleft()
        self.link.delivered(flight)
        self.link.endpoint.receive(self, flight.frame, flight.message)
        if self.state != "open":
            self.link.retire(self)

    def arrived_down(self, flight: Flight, _event: simpy.Event) -> None:
        """Callback of a message's arrival at the device."""
        if flight.settled:
            return
        flight.settled = True
        self.down.flights.popleft()
        if self.state == "open":
            self.link.delivered(flight)
            self.inbox += flight.frame
            self._tell()
        else:
            self.link.drop_all([flight], self.reason_gone)
            self.link.retire(self)

    @property
    def reason_gone(self) -> str:
        """Why a message to a device that no longer has this connection is dropped."""
        return {"dead": "power", "reset": "reset"}.get(self.state, "closed")

    def arrived_end(self, _event: simpy.Event) -> None:
        """Callback of the host's close arriving at the device."""
        if self.state == "open" and not self.down.lost and not self.link.conditions.block("down"):
            self.eof = True
            self._tell()

    def broken(self, _event: simpy.Event) -> None:
        """Callback of a reset: nothing under way arrives any more, and the device is told at its next call."""
        self.link.drop_all(self.up.take(), "reset")
        self.link.drop_all(self.down.take(), "reset")
        if self.state == "open":
            self.state = "reset"
            self._reset_untold = True
            self._outgoing = b""
            self._tell()
        self.link.retire(self)

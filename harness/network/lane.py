"""One direction of one connection: the messages under way in it, first in, first out."""

from collections import deque
from collections.abc import Callable


class Flight:
    """One message under way. ``settled`` once it has been delivered or dropped, which happens exactly once."""

    __slots__ = ("frame", "left_us", "message", "settled")

    def __init__(self, message: int, frame: bytes, left_us: int) -> None:
        self.message = message
        self.frame = frame
        self.left_us = left_us
        """When its last byte has left the sender for good: before that, a sender without power takes it along."""
        self.settled = False


class Lane:
    """``lost`` is set once the lane lost a message: TCP delivers nothing behind a gap, so the connection is no use."""

    __slots__ = ("direction", "flights", "key_kind", "last_arrival_us", "lost")

    def __init__(self, direction: str) -> None:
        self.direction = direction
        self.key_kind = f"link.{direction}"
        self.flights: deque[Flight] = deque()
        self.last_arrival_us = 0
        self.lost = False

    def take(self, survives: Callable[[Flight], bool] | None = None) -> list[Flight]:
        """Remove and settle the first message that does not survive and all behind it; all messages for None."""
        flights = list(self.flights)
        if survives is not None:
            keep = 0
            while keep < len(flights) and survives(flights[keep]):
                keep += 1
            flights = flights[keep:]
        for flight in flights:
            flight.settled = True
            self.flights.pop()
        if flights:
            self.lost = True
        return flights


class Keys:
    """Causal keys of what happens within one scope: ``T03/a17/link.up/0``, then ``T03/a17/link.up/1``."""

    __slots__ = ("_counts", "scope")

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self._counts: dict[str, int] = {}

    def next(self, kind: str) -> str:
        """The key of the next decision of this kind."""
        counts = self._counts
        ordinal = counts.get(kind, 0)
        counts[kind] = ordinal + 1
        return f"{self.scope}/{kind}/{ordinal}"

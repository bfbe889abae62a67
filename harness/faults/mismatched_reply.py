"""Replies that belong to another transaction: a gateway that mixes up its customers, or a host that mixes up its workers.

Models: the request is carried out; in its answer one thing is not the request's: the trace number (an earlier one is in it),
the amount, the terminal, the processing code or the message type. Its MAC is right, so that only the comparison with what was
asked can tell.
Does not model: a reply with nothing of the request in it, or a wrong MAC (``wrong_mac``).
Source: domain.md 1.1 (response check: MTI, DE3, DE4, DE11, DE41, DE42), 1.5 R4 and invariant 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("mismatched_reply")
@dataclass(frozen=True, slots=True)
class MismatchedReply(Fault):
    """The next ``messages`` replies about money have another ``what`` than their request, which was carried out."""

    kind: ClassVar[str] = "mismatched_reply"
    family: ClassVar[Family] = "host"

    what: Literal["trace number", "amount", "terminal", "processing code", "message type"] = "trace number"
    messages: int = 1

    def __post_init__(self) -> None:
        require(self.messages >= 1, "at least one message")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        # One terminal has one kind of mix-up at a time: the latest strike's.
        world.acquirer.knobs(station.tid).mismatched_field = self.what
        return wind_up(world, station, "mismatched_replies", self.messages, f"replies were of another {self.what}")

"""Replies that come on a later connection: a gateway keeps an answer that it could not deliver and hands it out the next time.

Models: the request is carried out and its answer held back; it leaves when the terminal has asked so often again, before the
answer to what it asks then. Does not model: a reply that is late on its own connection (``congestion``, a slow host).
Source: domain.md 1.5 R7 (late replies are discarded) and invariant 9.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("late_reply")
@dataclass(frozen=True, slots=True)
class LateReply(Fault):
    """The next ``messages`` replies are held back until the terminal's ``requests``-th request after their own."""

    kind: ClassVar[str] = "late_reply"
    family: ClassVar[Family] = "host"

    messages: int = 1
    requests: int = 1

    def __post_init__(self) -> None:
        require(self.messages >= 1, "at least one message")
        require(self.requests >= 1, "at least one request")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        # One terminal has one delay at a time: the latest strike's.
        world.acquirer.knobs(station.tid).held_for = self.requests
        return wind_up(world, station, "held_replies", self.messages, "replies came on a later connection")

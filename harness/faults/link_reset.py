"""Link reset: the connection breaks off in the middle of a message.

Models: a TCP reset while the n-th message since the strike is half sent; the far end never sees it whole.
Does not model: bytes that arrive altered: TCP's checksum and the MAC make that a reset or a declined message.
Source: domain.md section 7 (article 2: 接触不良; link resets).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_link import strike_link
from harness.network.conditions import ResetMidMessage

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("link_reset")
@dataclass(frozen=True, slots=True)
class LinkReset(Fault):
    """The connection is reset while the ``nth`` message from now is half sent, ``repeats`` times in all."""

    kind: ClassVar[str] = "link_reset"
    family: ClassVar[Family] = "network"

    nth: int = 1
    direction: Literal["up", "down"] = "down"
    repeats: int = 1

    def __post_init__(self) -> None:
        require(self.nth >= 1 and self.repeats >= 1, "counts from 1 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_link(station, ResetMidMessage(self.nth, self.direction, self.repeats), self.repeats)

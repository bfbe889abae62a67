"""Replies whose MAC is wrong: keys out of step, or a gateway that altered the message.

Models: the host carries the request out; its answer's MAC does not verify, so the terminal must reverse (reason A0).
Does not model: forged answers with a right MAC.
Source: domain.md 1.1 (reversal reason A0) and R4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("wrong_mac")
@dataclass(frozen=True, slots=True)
class WrongMac(Fault):
    """The next ``messages`` replies carry a wrong MAC; what they answer was carried out."""

    kind: ClassVar[str] = "wrong_mac"
    family: ClassVar[Family] = "host"

    messages: int = 1

    def __post_init__(self) -> None:
        require(self.messages >= 1, "at least one message")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return wind_up(world, station, "wrong_macs", self.messages, "replies carried a wrong MAC")

"""A settlement that the host answers with code 3, error: neither balanced nor not balanced.

Models: the host changes nothing and says so (出错); the batch stays open at both ends. Does not model: a host that closes the
batch and answers error all the same.
Source: domain.md 1.1 (DE48: 1 平, 2 不平, 3 出错) and the amendment to I11: treat as not balanced, retry, never clear.
Survivability: everything: nothing was closed, so nothing may be cleared, and the next settlement finds all as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("settlement_error")
@dataclass(frozen=True, slots=True)
class SettlementError(Fault):
    """The host answers the next ``messages`` settlement requests with code 3, error, and changes nothing."""

    kind: ClassVar[str] = "settlement_error"
    family: ClassVar[Family] = "host"

    messages: int = 1

    def __post_init__(self) -> None:
        require(self.messages >= 1, "at least one message")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return wind_up(world, station, "settlement_errors", self.messages, "settlement requests were answered 3, error")

"""Half-open link: what the terminal sends arrives, what the host answers does not.

Models: the request is delivered and booked, the reply is lost: the classic way to charge a customer twice.
Does not model: the opposite direction alone (requests lost for good): a partition seen from the terminal is the same.
Source: domain.md section 3 ("half-open must be a separate fault") and section 1.5, rules R2 to R7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_link import strike_link
from harness.network.conditions import HalfOpen

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("half_open")
@dataclass(frozen=True, slots=True)
class HalfOpenFault(Fault):
    """Requests reach the host and its replies are lost, until it is lifted."""

    kind: ClassVar[str] = "half_open"
    family: ClassVar[Family] = "network"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_link(station, HalfOpen())

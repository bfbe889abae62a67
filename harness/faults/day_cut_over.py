"""Day cut-over at the host: for a while everything but sign-on is answered 90.

Models: the acquirer's end of day, in which it books nothing and says so, to reversals and settlements too. Does not model: a
host that queues requests until the cut-over is over.
Source: domain.md 1.4 (90, day cut-over in progress) and section 5 (settle while the host is in cut-over).
Survivability: everything: nothing is carried out, and what is owed to the host can be sent again when it is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_host import hold

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("day_cut_over")
@dataclass(frozen=True, slots=True)
class DayCutOver(Fault):
    """The host is in its day cut-over and answers 90 to everything but sign-on, until it is lifted."""

    kind: ClassVar[str] = "day_cut_over"
    family: ClassVar[Family] = "host"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return hold(world, station, "cut_over_until_us", "requests were answered 90, day cut-over")

"""Payouts stop: the acquirer pays nothing out until it is lifted, however due it is.

Models: a payout run that fails at the acquirer or its bank, for hours or days; what was due goes with the next run after.
Does not model: a payout that is lost, or made twice.
Source: article on late funds (domain.md section 7, 资金未按时到账).
Survivability: everything: the money is late, which is a measure, and the terminal says no more than the acquirer tells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_host import hold

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("late_payout")
@dataclass(frozen=True, slots=True)
class LatePayout(Fault):
    """The acquirer pays nothing out, until it is lifted; it bites with the first payout that was due."""

    kind: ClassVar[str] = "late_payout"
    family: ClassVar[Family] = "host"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return hold(world, station, "payouts_stopped_until_us", "payouts that were due were not made")

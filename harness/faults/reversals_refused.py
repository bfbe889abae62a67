"""An acquirer that cannot book reversals: each is answered 96 and not carried out, and everything else works.

Models: one function of the host that is out of order, as while its reversal queue is stuck; a terminal that keeps the rules then
sells nothing until somebody helps. Does not model: a host that says that it has reversed and has not.
Source: domain.md 1.4 (96, system fault), 1.5 R5 and section 7 (article 3: 功能关闭/限制; articles 0, 2, 3: 联系技术支持).
Survivability: everything: nothing is carried out, and the reversal can be sent again when it is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_host import hold

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("reversals_refused")
@dataclass(frozen=True, slots=True)
class ReversalsRefused(Fault):
    """The host answers each reversal with 96 and does not carry it out, until it is lifted."""

    kind: ClassVar[str] = "reversals_refused"
    family: ClassVar[Family] = "host"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return hold(world, station, "reversals_refused_until_us", "reversals were answered 96")

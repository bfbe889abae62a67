"""A maintenance window of the acquirer: announced some time before, if it is, and then everything but sign-on is turned away.

Models: the announcement in each answer from the strike on (DE63, see ``iso8583.closure`` [A]); the window with its code: 58
functions closed, 96 system fault, 90 day cut-over, or one after the other, a third of the window each. Does not model: a
window that is announced and then put off.
Source: article on late funds (domain.md section 7: 系统升级维护, host window 58/96, 90; 提前通知/等待).
Survivability: everything: nothing is carried out while it is closed, and it can be waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.core.units import US_PER_MINUTE
from harness.faults.base import FAULTS, Family, Fault, Strike, require

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("maintenance")
@dataclass(frozen=True, slots=True)
class Maintenance(Fault):
    """The acquirer closes for maintenance after a ``notice``, for as long as ``closed``; ``announced``: it says so before."""

    kind: ClassVar[str] = "maintenance"
    family: ClassVar[Family] = "host"

    notice_us: int = 30 * US_PER_MINUTE
    closed_us: int = 90 * US_PER_MINUTE
    code: Literal["58", "96", "90", "in turn"] = "in turn"
    announced: bool = True

    def __post_init__(self) -> None:
        require(0 < self.closed_us <= 12 * 60 * US_PER_MINUTE, "closed of more than nothing and at most 12 h")
        require(self.notice_us <= 11 * 60 * US_PER_MINUTE, "notice of at most 11 h")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        knobs = world.acquirer.knobs(station.tid)
        met, told = knobs.struck["closed"], knobs.struck["closure told"]
        knobs.closed_from_us = world.now_us + self.notice_us
        knobs.closed_until_us = until_us = knobs.closed_from_us + self.closed_us
        knobs.closed_codes = ("58", "96", "90") if self.code == "in turn" else (self.code,)
        knobs.closure_announced = self.announced

        def evidence() -> str:
            turned_away, heard = knobs.struck["closed"] - met, knobs.struck["closure told"] - told
            return (
                f"{turned_away} requests were turned away, {heard} answers announced it" if turned_away + heard else ""
            )

        def lift() -> None:
            if knobs.closed_until_us == until_us:
                knobs.closed_from_us = knobs.closed_until_us = 0
                knobs.closed_codes, knobs.closure_announced = (), False

        detail = f"closed in {self.notice_us // US_PER_MINUTE} min for {self.closed_us // US_PER_MINUTE} min"
        return Strike(evidence, lift, detail, spent=lambda: world.now_us >= until_us)

"""Flash that wears out while the shop trades: blocks go bad, the volume shrinks, writes and reads begin to fail.

Models: what ``storage/wear`` does with the volume's medium: erases counted from what the software writes, amplified by how
full the volume is; past the rated endurance one block after the other is lost. ``ages_per_day`` is the fast forward: each
byte counts as so many, so that three days of trade wear as much as months. Lifted, the flash is new and holds what it held.
Does not model: data lost in a block that goes bad (``lose_erase_block``, ``unreadable_sector``).
Source: domain.md section 2 (endurance, bad-block growth shrinking capacity) and 7 (articles 0 and 1: 硬件老化,
介质老化→空间减少); storage/wear.
Survivability: everything: what is stored stays readable, and a write that failed was told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import volume_of
from harness.storage.media import strike
from harness.storage.wear import Wear

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("wear_out")
@dataclass(frozen=True, slots=True)
class WearOut(Fault):
    """The volume's flash begins at ``life_used_percent`` of its endurance and ages ``ages_per_day`` days in each."""

    kind: ClassVar[str] = "wear_out"
    family: ClassVar[Family] = "storage"
    fills: ClassVar[bool] = True
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    life_used_percent: float = 0.0
    """How much of its rated endurance is used when it strikes."""
    ages_per_day: int = 1
    """How many days of wear each day of trade gives."""
    first_try_fails_nth: int = 0
    """Past the rated endurance every so-manieth read gets EIO at its first try and works when repeated; 0: none."""

    def __post_init__(self) -> None:
        require(self.ages_per_day >= 1, "at least one day a day")
        require(self.first_try_fails_nth != 1, "0 or a count from 2 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        volume = volume_of(station, self.volume)
        if volume.flash is None:
            return Strike(lambda: "", detail=f"{self.volume} does not wear")
        wear = Wear(
            volume.flash,
            world.decisions.seed(f"{key}/limits"),
            life_used_percent=self.life_used_percent,
            ages_per_day=self.ages_per_day,
            first_try_fails_nth=self.first_try_fails_nth,
        )
        strike(volume, wear)

        def evidence() -> str:
            if not wear.bites:
                return ""
            return f"a block went bad after {wear.erases_per_block:,} erases; the volume lost {wear.lost_bytes:,} bytes"

        return Strike(evidence, wear.lift)

"""Shrinking capacity: ageing flash retires blocks and the volume gets smaller under what is stored.

Models: fewer blocks from one instant on; what is stored stays, even if it is more than fits. Does not model: which file lay in
the blocks that went bad (``corrupt_file`` does).
Source: domain.md section 7 (article 1: 介质老化→空间减少) and section 2 (bad-block growth).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_volume import strike_volume, volume_of
from harness.storage.conditions import ShrunkCapacity

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("shrink_capacity")
@dataclass(frozen=True, slots=True)
class ShrinkCapacity(Fault):
    """The volume keeps ``remaining_percent`` of its blocks."""

    kind: ClassVar[str] = "shrink_capacity"
    family: ClassVar[Family] = "storage"
    fills: ClassVar[bool] = True
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    remaining_percent: float = 50.0

    def inject(self, world: World, station: Station, key: str) -> Strike:
        volume = volume_of(station, self.volume)
        total_bytes = int(volume.total_blocks * volume.block_size_bytes * self.remaining_percent / 100.0)
        return strike_volume(station, self.volume, ShrunkCapacity(total_bytes), "met the smaller volume")

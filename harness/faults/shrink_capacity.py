"""Shrinking capacity: ageing flash retires blocks and the volume gets smaller under what is stored.

Models: fewer blocks from one instant on; what is stored stays, even if it is more than fits. Does not model: which file lay in
the blocks that went bad (``corrupt_file`` does).
Source: domain.md section 7 (article 1: 介质老化→空间减少) and section 2 (bad-block growth).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_space import Felt, Shrunk, strike_space
from harness.faults.on_volume import volume_of

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

    def __post_init__(self) -> None:
        require(self.remaining_percent < 100.0, "a share below 100%")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        volume = volume_of(station, self.volume)
        total_bytes = int(volume.total_blocks * volume.block_size_bytes * self.remaining_percent / 100.0)
        felt = Felt(station)
        return strike_space(volume, Shrunk(total_bytes, felt), felt)

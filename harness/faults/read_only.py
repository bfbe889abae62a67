"""A volume that goes read-only, as ``errors=remount-ro`` does after a metadata error.

Models: EROFS for every call that would change it, descriptors opened before included. Does not model: the error that led to it.
Source: ext4(5), errors=remount-ro; domain.md section 7 (article 2: 存储损坏).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_volume import strike_volume
from harness.storage.conditions import ReadOnlyRemount

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("read_only")
@dataclass(frozen=True, slots=True)
class ReadOnly(Fault):
    """The volume refuses every change with EROFS until it is lifted."""

    kind: ClassVar[str] = "read_only"
    family: ClassVar[Family] = "storage"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_volume(station, self.volume, ReadOnlyRemount(), "EROFS")

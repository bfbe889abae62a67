"""Free space that is misreported: statvfs says one thing, writes meet another.

Models: a wrong figure from the file system or a quota that it does not know of. Does not model: a wrong figure in the
terminal's own bookkeeping, which is the terminal's defect.
Source: domain.md section 7 (article 0: 系统设置不当, 误判存储状态).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_volume import strike_volume
from harness.storage.conditions import MisreportedFreeSpace

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("misreported_space")
@dataclass(frozen=True, slots=True)
class MisreportedSpace(Fault):
    """statvfs reports ``free_bytes`` whatever the truth is."""

    kind: ClassVar[str] = "misreported_space"
    family: ClassVar[Family] = "storage"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    free_bytes: int = 1 << 30

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_volume(station, self.volume, MisreportedFreeSpace(self.free_bytes), "statvfs told a wrong figure")

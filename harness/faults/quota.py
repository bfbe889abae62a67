"""A quota below what the volume has: writes get EDQUOT while statvfs tells of free space.

Models: a limit on what one application may store, set by the system or a device manager; every call that needs a block
beyond it returns EDQUOT, and statvfs goes on telling what the whole volume has. Does not model: a quota on inodes
(``inode_exhaustion``), or a grace period.
Source: write(2) and quotactl(2), EDQUOT; Android's quota on an application's data; domain.md section 7 (article 0:
系统设置不当→空间不足).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_volume import strike_volume
from harness.storage.shortage import Quota

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("quota")
@dataclass(frozen=True, slots=True)
class QuotaFault(Fault):
    """The software may store ``free_bytes`` more and then gets EDQUOT; statvfs tells of all that the volume has."""

    kind: ClassVar[str] = "quota"
    family: ClassVar[Family] = "storage"
    fills: ClassVar[bool] = True
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    free_bytes: int = 0

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_volume(station, self.volume, Quota(self.free_bytes), "EDQUOT with room on the volume")

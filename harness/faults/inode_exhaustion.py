"""Inodes that are used up: room for bytes is left, and no file can be made.

Models: somebody else's many small files (logs, thumbnails, an update unpacked) take the inodes; a call that makes a name
for a new file gets ENOSPC while statvfs tells of free blocks. Files that exist can be written. Does not model: the bytes of
those files (``full_storage``).
Source: ext4's fixed inode table (mke2fs -N), tmpfs nr_inodes; domain.md section 7 (article 1: 数据冗余; article 0:
系统缓存过多).
Survivability: everything: software that makes its files beforehand needs no inode to trade or to settle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import strike_volume
from harness.storage.shortage import NoInodes

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("inode_exhaustion")
@dataclass(frozen=True, slots=True)
class InodeExhaustion(Fault):
    """No more than ``inodes`` new files can be made on the volume, whatever space it has, until it is lifted."""

    kind: ClassVar[str] = "inode_exhaustion"
    family: ClassVar[Family] = "storage"
    fills: ClassVar[bool] = True
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    inodes: int = 0

    def __post_init__(self) -> None:
        require(self.inodes >= 0, "a count from 0 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_volume(station, self.volume, NoInodes(self.inodes), "no inode was left for a new file")

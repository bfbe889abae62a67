"""A sector that cannot be read any more: every read of it returns EIO, until somebody writes all of it anew.

Models: loss at rest that the controller notices: a worn page, a weak cell, a scratch of a card; its error correction may
win ``corrected_reads`` times before, each time later than usual. A write over a part of the sector fails as well, since the
rest would have to be read first. Does not model: wrong bytes without an error (``corrupt_file``), a whole chip
(``dead_chip``).
Source: domain.md section 7 (articles 0, 1 and 2: 硬件老化, 存储芯片/硬盘/SD损坏, 介质老化→读变慢) and I17, I18;
TigerBeetle's read sector faults; the read-fault modes of Linux's UBI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_file import UNSURVIVABLE, choose_file, no_file, size_of, strike_of
from harness.storage.unreadable import lose_sectors

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("unreadable_sector")
@dataclass(frozen=True, slots=True)
class UnreadableSector(Fault):
    """A sector of a file that matches ``path`` gives EIO for ever, once ``corrected_reads`` slow ones have got through."""

    kind: ClassVar[str] = "unreadable_sector"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    path: str = "/data/*"
    sector_bytes: int = 512
    corrected_reads: int = 0
    """How many reads the controller still corrects, each of them slow."""

    def __post_init__(self) -> None:
        require(self.sector_bytes >= 1, "at least one byte")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        path = choose_file(world, station, self.path, key)
        if path is None:
            return no_file(self.path)
        sectors = -(-size_of(station, path) // self.sector_bytes)
        sector = world.decisions.integer(f"{key}/sector", 0, lambda u: int(u * sectors)) % sectors
        start = sector * self.sector_bytes
        lost = lose_sectors(station.hardware.disk, path, start, self.sector_bytes, self.corrected_reads)
        return strike_of(path, lost, f"unreadable from byte {start} on")

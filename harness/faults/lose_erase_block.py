"""A lost erase block: 64 to 256 KB of flash go at once, and with them parts of whatever files lay there.

Models: one erase block reads as erased (0xFF) or not at all (EIO); files lie on the medium one after the other in the order
in which they were made, so a block holds the end of one, some small ones whole, and the beginning of the next.
Does not model: a log that mixes the files page by page, or the loss of names and directories.
Source: domain.md section 2 (erase-block loss 64-256 KB) and 7 (article 0: 存储芯片损坏); UBI "bad PEB" reports; NAND block
failures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_file import UNSURVIVABLE, files_on, no_file, strike_of
from harness.faults.on_volume import volume_of
from harness.storage.damage import Damage, erase_range
from harness.storage.unreadable import lose_sectors

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

_DEFAULT_BLOCK_BYTES = 128 * 1024


@FAULTS.register("lose_erase_block")
@dataclass(frozen=True, slots=True)
class LoseEraseBlock(Fault):
    """One erase block of the volume is lost with all that lay in it: it reads as 0xFF, or, ``unreadable``, as EIO."""

    kind: ClassVar[str] = "lose_erase_block"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    block_bytes: int | None = None
    """Its size; None: what the medium erases at once."""
    reads: Literal["erased", "unreadable"] = "erased"

    def __post_init__(self) -> None:
        require(self.block_bytes is None or self.block_bytes >= 1, "a block of at least one byte")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        volume = volume_of(station, self.volume)
        files = files_on(station, self.volume)
        if not files:
            return no_file(f"anything on {self.volume}")
        medium_bytes = _DEFAULT_BLOCK_BYTES if volume.flash is None else volume.flash.erase_block_bytes
        block_bytes = self.block_bytes or medium_bytes
        placed, end = [], 0
        for path, stored_bytes in files:
            placed.append((path, end, stored_bytes))
            end += volume.blocks_for(stored_bytes) << volume.block_shift
        blocks = -(-end // block_bytes)
        block = world.decisions.integer(f"{key}/block", 0, lambda u: int(u * blocks)) % blocks
        start = block * block_bytes
        parts = []
        for path, at, stored_bytes in placed:
            first, last = max(0, start - at), min(stored_bytes, start + block_bytes - at)
            if first < last:
                parts.append((path, self._lose(station, path, first, last - first)))
        lost = Damage(
            sum(part.changed_bytes for _, part in parts), 0, tuple(met for _, part in parts for met in part.met)
        )
        names = ", ".join(path for path, part in parts if part.changed_bytes) or f"block {block}"
        return strike_of(names, lost, f"{lost.changed_bytes} bytes gone with erase block {block}")

    def _lose(self, station: Station, path: str, offset_bytes: int, length_bytes: int) -> Damage:
        lose = erase_range if self.reads == "erased" else lose_sectors
        return lose(station.hardware.disk, path, offset_bytes, length_bytes)

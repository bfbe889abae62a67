"""A corrupted file: bits of stored bytes flip, or a range reads as zeros.

Models: damage at rest, on the medium and in what readers see; it stays. Does not model: damage that a controller's own
checksum would turn into an error (``storage_error``), or more bits than a CRC-32 finds.
Source: domain.md section 7 (articles 0 and 2: 文件损坏, 临时文件损坏); Jepsen's bit-flip nemesis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_file import UNSURVIVABLE, choose_file, no_file, size_of, strike_of
from harness.storage.damage import flip_bits, zero_range

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("corrupt_file")
@dataclass(frozen=True, slots=True)
class CorruptFile(Fault):
    """``how``: bit flips one bit of a stored file that matches ``path``, zeros blanks ``range_bytes`` of it."""

    kind: ClassVar[str] = "corrupt_file"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    measured: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    path: str = "/data/*"
    how: Literal["bit", "zeros"] = "bit"
    range_bytes: int = 512
    offset_bytes: int | None = None
    """Where in the file; drawn when not given."""
    bit_number: int | None = None
    """Which bit of the byte, 0 to 7; drawn when not given."""

    def __post_init__(self) -> None:
        require(self.range_bytes >= 1, "at least one byte")
        require(self.offset_bytes is None or self.offset_bytes >= 0, "a place from 0 up")
        require(self.bit_number is None or 0 <= self.bit_number <= 7, "a bit from 0 to 7")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        path = choose_file(world, station, self.path, key)
        if path is None:
            return no_file(self.path)
        disk, size_bytes = station.hardware.disk, size_of(station, path)
        offset = self.offset_bytes
        if offset is None:
            offset = world.decisions.integer(f"{key}/offset", 0, lambda u: int(u * size_bytes))
        offset %= size_bytes
        if self.how == "zeros":
            return strike_of(path, zero_range(disk, path, offset, self.range_bytes), f"zeros from byte {offset}")
        bit = self.bit_number
        if bit is None:
            bit = world.decisions.integer(f"{key}/bit", 0, lambda u: int(u * 8)) % 8
        return strike_of(path, flip_bits(disk, path, offset, bytes((1 << bit,))), f"bit {bit} of byte {offset} flipped")

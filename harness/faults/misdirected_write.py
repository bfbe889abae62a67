"""A misdirected write: the bytes land in another file, and the call reports success.

Models: a flash translation layer that mixes up two blocks: the file meant keeps its old bytes (zeros where it grew), the victim
gets bytes that are not its own. Does not model: a write that lands in two places, or on another volume.
Source: TigerBeetle's storage fault model (misdirected writes); domain.md section 7 (article 0: 存储芯片损坏: wrong writes).
Survivability: what was written may be the only copy, and what was overwritten too; the duty left is to detect and show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_file import UNSURVIVABLE, choose_file, no_file, size_of
from harness.faults.on_volume import volume_of
from harness.storage.conditions import MisdirectedWrite
from harness.storage.inode import RegularFile
from harness.storage.media import strike

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("misdirected_write")
@dataclass(frozen=True, slots=True)
class MisdirectedWriteFault(Fault):
    """The ``nth`` write to any other file of the volume from now on lands in a file that matches ``victim``."""

    kind: ClassVar[str] = "misdirected_write"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    victim: str = "/data/*"
    """A file that matches it, and not the one written last when there is another: writes to the victim go where they should."""
    nth: int = 1

    def __post_init__(self) -> None:
        require(self.nth >= 1, "a count from 1 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        path = choose_file(world, station, self.victim, key, spare_latest=True)
        if path is None:
            return no_file(self.victim)
        size_bytes = size_of(station, path)
        offset = world.decisions.integer(f"{key}/offset", 0, lambda u: int(u * size_bytes)) % size_bytes
        condition = _Stray(station, path, offset, self.nth)
        strike(volume_of(station, self.volume), condition)

        def evidence() -> str:
            return f"a write landed in {path} at byte {offset}" if condition.bites else ""

        return Strike(evidence, condition.lift, f"{path}: byte {offset}")


class _Stray(MisdirectedWrite):
    """Knows its victim by name: after a power cut the volume is mounted anew and the file is another object."""

    def __init__(self, station: Station, path: str, offset_bytes: int, nth: int) -> None:
        inode = station.hardware.disk.locate(path)
        assert isinstance(inode, RegularFile)
        super().__init__(inode, offset_bytes, nth)
        self._station = station
        self._path = path

    def divert(self, inode: RegularFile, offset_bytes: int, data: bytes) -> bool:
        try:
            found = self._station.hardware.disk.locate(self._path)
        except OSError:
            return False
        if not isinstance(found, RegularFile) or found.volume is not self.volume:
            return False
        self.victim = found
        return super().divert(inode, offset_bytes, data)

"""A truncated file: its end is gone.

Models: a file cut at a drawn length, on the medium and in what readers see. Does not model: a cut caused by power loss, which
the profiles give by themselves.
Source: domain.md section 7 (article 0: 传输中文件损坏/丢失); Jepsen's truncate nemesis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_file import UNSURVIVABLE, choose_file, no_file, size_of, strike_of
from harness.storage import damage
from harness.storage.media import DamagedRange, media_of

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("truncate_file")
@dataclass(frozen=True, slots=True)
class TruncateFile(Fault):
    """A file that matches ``path`` keeps ``remaining_percent`` of its bytes, or a drawn share when that is None."""

    kind: ClassVar[str] = "truncate_file"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    measured: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    path: str = "/data/*"
    remaining_percent: float | None = None

    def inject(self, world: World, station: Station, key: str) -> Strike:
        path = choose_file(world, station, self.path, key)
        if path is None:
            return no_file(self.path)
        size_bytes = size_of(station, path)
        if self.remaining_percent is not None:
            left_bytes = int(size_bytes * self.remaining_percent / 100.0)
        else:
            left_bytes = world.decisions.integer(f"{key}/size", 0, lambda u: int(u * size_bytes))
        done = damage.truncate_file(station.hardware.disk, path, left_bytes)
        met = _end_of_file(station, path, left_bytes, size_bytes)
        whole = replace(done, met=(*done.met, met))
        return strike_of(path, whole, f"cut from {size_bytes} to {left_bytes} bytes")


def _end_of_file(station: Station, path: str, left_bytes: int, size_bytes: int) -> DamagedRange:
    """Whoever reads up to the new end has met the cut, also when the size was asked for first and nothing read beyond it."""
    inode = station.hardware.disk.locate(path)
    met = DamagedRange(inode.number, max(0, left_bytes - 1), size_bytes)
    media_of(inode.volume).damaged_ranges.append(met)
    return met

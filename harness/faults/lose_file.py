"""A lost file: its name is gone.

Models: somebody deletes "unneeded" files, or the directory entry is damaged; space comes back. Does not model: a file that an
open descriptor keeps alive: the descriptor keeps working, as on Linux.
Source: domain.md section 5 (delete "unneeded" files) and 7 (articles 0 and 1: 误删).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_file import UNSURVIVABLE, choose_file, no_file, strike_of
from harness.storage import damage

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("lose_file")
@dataclass(frozen=True, slots=True)
class LoseFile(Fault):
    """A file that matches ``path`` is deleted behind the software's back."""

    kind: ClassVar[str] = "lose_file"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    path: str = "/data/*"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        path = choose_file(world, station, self.path, key)
        if path is None:
            return no_file(self.path)
        return strike_of(path, damage.lose_file(station.hardware.disk, path), "gone")

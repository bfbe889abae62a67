"""A stale backup is put back: the files are those of some hours ago, trace numbers and log included.

Models: backups made by the clock, the latest of which somebody restores; the software is stopped for it and starts again.
NVRAM, PIN pad and host stay as they are, so that the terminal can see that its files are old. Does not model: a backup put onto
another device, or a partial one.
Source: domain.md section 7 (articles 0, 1 and 2: 备份/恢复: I7, I8: no STAN or batch rollback); Jepsen's snapshot-and-restore.
Survivability: records made since the backup are in no file any more. What NVRAM and the host remember is enough to keep trace
numbers unique, to see that the files are old, and not to reverse a sale that only the backup holds open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_HOUR
from harness.faults.base import FAULTS, Family, Fault, Strike, Striker, require
from harness.faults.on_file import UNSURVIVABLE, no_file, strike_of
from harness.storage.damage import TreeCopy, copy_tree, restore_tree

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("stale_backup")
@dataclass(frozen=True, slots=True)
class StaleBackup(Fault):
    """The latest backup of ``path`` is put back and the software restarted; backups are made ``every_us``."""

    kind: ClassVar[str] = "stale_backup"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    path: str = "/data"
    every_us: int = 4 * US_PER_HOUR

    def __post_init__(self) -> None:
        require(self.every_us > 0, "a time above zero")

    def prepare(self, world: World, station: Station) -> Striker:
        shelf = _Shelf(self, world, station)
        return shelf.restore

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return no_file(f"{self.path}, of which no backup was made")


class _Shelf:
    """The latest backup of one station."""

    def __init__(self, fault: StaleBackup, world: World, station: Station) -> None:
        self._fault = fault
        self._world = world
        self._station = station
        self._latest: tuple[int, TreeCopy] | None = None
        self._wait()

    def _wait(self) -> None:
        self._world.env.timeout(self._fault.every_us).callbacks.append(self._make)

    def _make(self, _: object) -> None:
        try:
            self._latest = self._world.now_us, copy_tree(self._station.hardware.disk, self._fault.path)
        except OSError:
            pass  # There is nothing of that name, so nothing to keep.
        self._wait()

    def restore(self, key: str) -> Strike:
        """Put the latest backup back."""
        if self._latest is None:
            return self._fault.inject(self._world, self._station, key)
        (made_us, copy), path, station = self._latest, self._fault.path, self._station
        what = f"as it was {(self._world.now_us - made_us) / US_PER_HOUR:.1f} h before"
        struck: list[Strike] = []

        def begin() -> None:
            if station.powered:
                station.restart("a backup is put back")
            struck.append(strike_of(path, restore_tree(station.hardware.disk, path, copy), what))

        return Strike(lambda: struck[0].evidence() if struck else "", detail=f"{path}: {what}", begin=begin)

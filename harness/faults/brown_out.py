"""A brown-out: the voltage dips while the medium writes, a sector ends up as garbage, and the device resets.

Models: a reset at once, as ``power_loss`` with power back at once, and one sector of a file that matches ``path``
overwritten with bytes that nobody wrote: the flash's own logic ran below its voltage. The sector need not be the one being
written.
Does not model: which sector the controller was at, or a dip that leaves the device running.
Source: domain.md section 7 (article 2: 电源不稳/电压波动: garbled sector and reset); Zheng et al., FAST'13 (power faults of
SSDs: bit corruption, shorn writes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_file import UNSURVIVABLE, choose_file, no_file, size_of, strike_of
from harness.storage.damage import overwrite_range
from harness.storage.draft import garbage

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("brown_out")
@dataclass(frozen=True, slots=True)
class BrownOut(Fault):
    """Power dips and the device resets; a sector of a file that matches ``path`` holds garbage afterwards."""

    kind: ClassVar[str] = "brown_out"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    measured: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    path: str = "/data/*"
    sector_bytes: int = 512

    def __post_init__(self) -> None:
        require(self.sector_bytes >= 1, "at least one byte")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        struck: list[Strike] = []
        return Strike(
            lambda: struck[0].evidence() if struck else "",
            detail=f"a sector of {self.path}",
            damaged=lambda: struck[0].damaged() if struck else (),
            begin=lambda: struck.append(self._dip(world, station, key)),
        )

    def _dip(self, world: World, station: Station, key: str) -> Strike:
        if station.powered:
            station.power_cut("brown_out", world.decisions.seed(f"{key}/image"))
            station.power_on()
        path = choose_file(world, station, self.path, key)
        if path is None:
            return no_file(self.path)
        sectors = -(-size_of(station, path) // self.sector_bytes)
        sector = world.decisions.integer(f"{key}/sector", 0, lambda u: int(u * sectors)) % sectors
        start = sector * self.sector_bytes
        garbled = overwrite_range(station.hardware.disk, path, start, garbage(start, self.sector_bytes))
        return strike_of(path, garbled, f"garbage in {self.sector_bytes} bytes from {start} on")

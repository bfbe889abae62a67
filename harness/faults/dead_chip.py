"""A storage chip that dies: EIO for every call, for ever, until a workshop puts in another one, which is empty.

Models: the volume answers nothing any more; after ``replaced_after_us`` the device is switched off, gets a blank chip in
its place and starts again. The PIN pad, its keys, NVRAM and other volumes stay. Does not model: a new device under the same
TID, or software that has to be loaded again.
Source: domain.md section 7 (articles 0 and 2: 存储芯片损坏, 主板/硬件损坏; articles 0, 1, 2 and 4: 更换设备) and I24
(permanent death excluded: so it is replaced).
Survivability: what was on the chip is on no other; what NVRAM, the host and the customers' slips know is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_HOUR
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_file import UNSURVIVABLE
from harness.faults.on_volume import volume_of
from harness.history.events import OperatorDid
from harness.storage.conditions import InputOutputError
from harness.storage.image import Image
from harness.storage.media import media_of, strike

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("dead_chip")
@dataclass(frozen=True, slots=True)
class DeadChip(Fault):
    """Every call on the volume returns EIO for ever; after ``replaced_after_us`` a blank chip is put in its place."""

    kind: ClassVar[str] = "dead_chip"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = UNSURVIVABLE
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    replaced_after_us: int = 2 * US_PER_HOUR

    def __post_init__(self) -> None:
        require(self.replaced_after_us > 0, "a time above zero")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        volume_of(station, self.volume)
        chip = _Chip(self, world, station, key)
        world.env.timeout(self.replaced_after_us).callbacks.append(lambda _: chip.replace())
        return Strike(chip.evidence, chip.replace, self.volume)


class _Chip:
    """One dead chip, until it is replaced."""

    def __init__(self, fault: DeadChip, world: World, station: Station, key: str) -> None:
        self._fault = fault
        self._world = world
        self._station = station
        self._key = key
        self._dead = InputOutputError("any", until_lifted=True)
        strike(volume_of(station, fault.volume), self._dead)

    def evidence(self) -> str:
        """How the software met it."""
        return f"EIO from a dead chip ({self._dead.bites} times)" if self._dead.bites else ""

    def replace(self) -> None:
        """A workshop puts in a blank chip; done once."""
        if self._dead.lifted:
            return
        station, name = self._station, self._fault.volume
        powered = station.powered
        if powered:
            station.power_cut("repair", self._world.decisions.seed(f"{self._key}/image"))
        self._dead.lift()
        hardware, blank = station.hardware, Image()
        hardware.disk = hardware.disk.load({name: blank})
        station.durability.mounted({name: blank})
        media = media_of(volume_of(station, name))
        media.damaged_ranges.clear()
        media.damaged_names.clear()
        self._world.recorder.emit(
            OperatorDid(self._world.now_us, station.name, f"the chip of volume {name} was replaced by a blank one")
        )
        if powered:
            station.power_on()

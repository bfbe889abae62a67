"""Another device under the same terminal number: the storage of the old one is moved over, everything else is new.

Models: new hardware with a new secure element (the terminal's own master key, no working keys, a storage key of its own, so
that nothing sealed by the old one can be opened) and blank battery-backed memory; the volumes are the old ones, as the end of
the old device left them. The software is the same. Does not model: a new terminal number, a workshop that settles first,
another release of the software, or lost data (``device_lost``).
Source: domain.md section 5 (device swap with the same TID) and section 7 (articles 0, 1, 2 and 4: 更换设备).
Survivability: everything that the journal holds; what is sealed under the old device's key is lost, and no money
hangs on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_HOUR
from harness.device.pin_pad import PinPadState, storage_key
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.history.events import OperatorDid, SoftwareReady
from harness.storage.image import Image

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("device_swap")
@dataclass(frozen=True, slots=True)
class DeviceSwap(Fault):
    """The device stops for good; after ``takes_us`` another is in its place, with the old one's storage moved over."""

    kind: ClassVar[str] = "device_swap"
    family: ClassVar[Family] = "power"
    instant: ClassVar[bool] = True
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    takes_us: int = US_PER_HOUR

    def __post_init__(self) -> None:
        require(self.takes_us > 0, "a time above zero")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        swap = Swap(world, station, key, self.takes_us, empty=False)
        return Strike(swap.evidence, detail="storage moved over", begin=swap.begin)


class Swap:
    """One device on its way to the workshop, and the other on its way back."""

    def __init__(self, world: World, station: Station, key: str, takes_us: int, *, empty: bool) -> None:
        self._world = world
        self._station = station
        self._key = key
        self._takes_us = takes_us
        self._empty = empty
        self._began = False

    def evidence(self) -> str:
        """It is felt once the software has started on the other device."""
        return "the software started on another device" if self._began else ""

    def begin(self) -> None:
        """The old device stops, in the middle of whatever is under way."""
        station, world = self._station, self._world
        if station.powered:
            station.power_cut("mainboard", world.decisions.seed(f"{self._key}/image"), f"{self._key}/messages")
        world.env.timeout(self._takes_us).callbacks.append(lambda _: self._replace())

    def _replace(self) -> None:
        station, world = self._station, self._world
        if station.powered:
            station.power_cut("swap", world.decisions.seed(f"{self._key}/off"))
        hardware = station.hardware
        hardware.nvram.content[:] = bytes(len(hardware.nvram.content))
        pad = hardware.pin_pad
        # Its name is the strike's: two swaps of one terminal give two secure elements.
        sealing = storage_key(self._key, world.decisions.streams)
        pad.restore(PinPadState(pad.snapshot().master, sealing, (), 0))
        if self._empty:
            blank = {volume.name: Image() for volume in hardware.disk.volumes}
            hardware.disk = hardware.disk.load(dict(blank))
            station.durability.mounted(blank)
        what = "blank" if self._empty else "with the old one's storage"
        world.recorder.emit(OperatorDid(world.now_us, station.name, f"another device is in its place, {what}"))
        world.recorder.watch(SoftwareReady, self._ready)
        station.power_on()

    def _ready(self, _: int, event: SoftwareReady) -> None:
        if event.device == self._station.name:
            self._began = True
            self._world.recorder.unwatch(SoftwareReady, self._ready)

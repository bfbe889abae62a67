"""A flipped bit in the battery-backed memory: one of two copies of something is bad.

Models: one bit of a byte that is in use flips while nobody looks; software that keeps two copies with a checksum has the other
one. Does not model: an empty battery, which takes all of it (``device_swap``), or more than one bit.
Source: domain.md section 7 (article 1: 冗余容错: dual copy, flip bits) and section 2 (dual-copy parameters with generation and
CRC); soft errors of SRAM and FRAM.
Survivability: everything: the journal is the record, this memory only bears witness to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.history.events import Booted

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("corrupt_nvram")
@dataclass(frozen=True, slots=True)
class CorruptNvram(Fault):
    """One bit of a byte in use of the battery-backed memory flips; the software meets it when it starts again."""

    kind: ClassVar[str] = "corrupt_nvram"
    family: ClassVar[Family] = "corruption"
    instant: ClassVar[bool] = True

    def inject(self, world: World, station: Station, key: str) -> Strike:
        flip = _Flip(world, station, key)
        return Strike(flip.evidence, flip.forget, flip.detail, begin=flip.begin)


class _Flip:
    """One flipped bit, until the software writes over it or starts with it."""

    def __init__(self, world: World, station: Station, key: str) -> None:
        self._world = world
        self._station = station
        content = station.hardware.nvram.content
        used = [offset for offset, byte in enumerate(content) if byte]
        place = world.decisions.integer(f"{key}/byte", 0, lambda u: int(u * len(used)))
        bit = world.decisions.integer(f"{key}/bit", 0, lambda u: int(u * 8))
        self._offset = used[place % len(used)] if used else 0
        self._mask = 1 << (bit % 8) if used else 0
        self._flipped = content[self._offset] ^ self._mask
        self._met = False
        self.detail = f"bit {bit} of byte {self._offset}" if used else "nothing is stored there"

    def evidence(self) -> str:
        """Software reads this memory when it starts; what was written over before then was never met."""
        return f"the software started with byte {self._offset} altered" if self._met else ""

    def begin(self) -> None:
        """It flips."""
        if self._mask:
            self._station.hardware.nvram.content[self._offset] = self._flipped
            self._world.recorder.watch(Booted, self._booted)

    def forget(self) -> None:
        """Stop looking."""
        self._world.recorder.unwatch(Booted, self._booted)

    def _booted(self, _: int, event: Booted) -> None:
        if event.device == self._station.name:
            self._met = self._met or self._station.hardware.nvram.content[self._offset] == self._flipped
            self.forget()

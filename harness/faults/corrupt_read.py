"""A read that returns one wrong bit, once: what is stored stays good, and reading again gives the truth.

Models: a disturbed bus, a marginal cell read at the wrong temperature, past the controller's own check. Does not model: bits that
are wrong at rest (``corrupt_file``), or a controller that notices (``storage_error``).
Source: domain.md section 7 (articles 2 and 4: 电磁干扰: read errors) and I18; the read-fault modes of Linux's UBI.
Survivability: everything: a record whose check fails can be read again, and then it is whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import strike_volume
from harness.storage.conditions import CorruptRead

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

_BITS = 8 * 4096


@FAULTS.register("corrupt_read")
@dataclass(frozen=True, slots=True)
class CorruptReadFault(Fault):
    """The ``nth`` read from the volume from now on returns one wrong bit; what is stored stays good."""

    kind: ClassVar[str] = "corrupt_read"
    family: ClassVar[Family] = "corruption"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    nth: int = 1

    def __post_init__(self) -> None:
        require(self.nth >= 1, "a count from 1 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        bit = world.decisions.integer(f"{key}/bit", 0, lambda u: int(u * _BITS))
        condition = CorruptRead(self.nth, bit=bit)
        return strike_volume(station, self.volume, condition, "a read returned a wrong bit", once=True)

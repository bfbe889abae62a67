"""Software crash: the application dies and its files stay as the page cache has them.

Models: an abort in a library, a watchdog, a kill by the system: memory is lost, storage is not. Does not model: a crash of the
operating system, which is a power loss as far as storage goes.
Source: domain.md section 7 (articles 2 and 4: 程序bug→崩溃, OS崩溃).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.interrupting import interrupting

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("crash")
@dataclass(frozen=True, slots=True)
class Crash(Fault):
    """The software is killed at once; the device starts it again."""

    kind: ClassVar[str] = "crash"
    family: ClassVar[Family] = "power"
    instant: ClassVar[bool] = True

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return interrupting(world, station, lambda: station.restart("killed"))

"""A scheduled restart: the 24-hour reboot that comes in the middle of a transaction, or somebody's restart during settlement.

Models: a clean reboot by the system: the software ends wherever it is, what is cached is written back, everything starts
again. Does not model: a reboot that waits until the terminal is idle (people's daily reboot is that one).
Source: PCI PTS POI (restart every 24 hours); domain.md section 2 and section 7 (articles 2 and 3: 重启设备).
Survivability: everything: memory alone is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.interrupting import interrupting

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("scheduled_restart")
@dataclass(frozen=True, slots=True)
class ScheduledRestart(Fault):
    """The system reboots the device cleanly, whatever the software is doing."""

    kind: ClassVar[str] = "scheduled_restart"
    family: ClassVar[Family] = "power"
    instant: ClassVar[bool] = True

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return interrupting(world, station, lambda: station.restart("reboot"))

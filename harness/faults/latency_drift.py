"""Storage that gets slower from day to day: old flash needs more programs, more reads and more correction for the same work.

Models: every call takes ``more_per_day_percent`` of its usual time more with each day of the run, up to ``slower`` times as
long.
Does not model: which calls age more than others (``wear_out`` slows reads by wear), errors.
Source: domain.md section 7 (article 1: 介质老化→读变慢; latency drift) and I27.
Survivability: everything: time alone is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import strike_volume
from harness.storage.conditions import LatencyDrift

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("latency_drift")
@dataclass(frozen=True, slots=True)
class LatencyDriftFault(Fault):
    """Storage calls get slower by ``more_per_day_percent`` a day, up to ``slower`` times as slow, until it is lifted."""

    kind: ClassVar[str] = "latency_drift"
    family: ClassVar[Family] = "storage"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    more_per_day_percent: float = 100.0
    slower: float = 20.0
    """How many times as long a call takes at worst."""

    def __post_init__(self) -> None:
        require(self.more_per_day_percent >= 1.0, "at least 1% a day")
        require(self.slower > 1.0, "a factor above 1")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        condition = LatencyDrift(int(self.more_per_day_percent), int(self.slower * 100.0))
        return strike_volume(station, self.volume, condition, "storage calls took longer")

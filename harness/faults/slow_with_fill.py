"""Storage that gets slow as it fills: the flash has few erased blocks left and cleans up while the customer waits.

Models: every call on the volume takes longer, up to ``slower`` times as long on a full volume, beyond what the medium does by
itself. Does not model: a controller that stops altogether, or wear.
Source: domain.md section 7 (article 0: 系统缓存过多 → slow; article 1: 介质老化 → 读变慢), I27.
Survivability: everything: time alone is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import strike_volume
from harness.storage.conditions import SlowWithFill

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("slow_with_fill")
@dataclass(frozen=True, slots=True)
class SlowWithFillFault(Fault):
    """Storage calls get slower from ``from_fill_percent`` on, up to ``slower`` times on a full volume, until lifted."""

    kind: ClassVar[str] = "slow_with_fill"
    family: ClassVar[Family] = "storage"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    from_fill_percent: float = 50.0
    slower: float = 50.0
    """How many times as long a call takes on a full volume."""

    def __post_init__(self) -> None:
        require(self.from_fill_percent < 100.0, "a fill level below 100%")
        require(self.slower > 1.0, "a factor above 1")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        condition = SlowWithFill(int(self.from_fill_percent), int(self.slower * 100.0))
        return strike_volume(station, self.volume, condition, "storage calls took longer")

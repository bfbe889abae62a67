"""Overheating: the device throttles, and every so often it switches itself off and comes back when it has cooled down.

Models: every storage call takes ``slower`` times as long; after each ``cuts_every_us`` of heat the device cuts its own power,
in the middle of whatever is under way, and starts again after ``cools_for_us``. Does not model: damage by heat, or how hot it
is; a fault at a time of day is a hot day.
Source: domain.md section 7 (article 2: 散热不良/过热: throttle, forced reboot after hours).
Survivability: as a power loss at the same instant: whatever the medium keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_HOUR, US_PER_SECOND
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import volume_of
from harness.storage.media import Condition, strike

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("overheating")
@dataclass(frozen=True, slots=True)
class Overheating(Fault):
    """Storage is ``slower`` times as slow, and the device switches itself off ``cuts_every_us``, until it is lifted."""

    kind: ClassVar[str] = "overheating"
    family: ClassVar[Family] = "power"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    slower: float = 5.0
    cuts_every_us: int = 2 * US_PER_HOUR
    cools_for_us: int = 90 * US_PER_SECOND

    def __post_init__(self) -> None:
        require(self.slower > 1.0, "a factor above 1")
        require(self.cuts_every_us > 0, "a time above zero")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        heat = _Heat(self, world, station, key)
        return Strike(heat.evidence, heat.lift, begin=heat.begin)


class _Heat:
    """One device that is too hot, until it is not."""

    def __init__(self, fault: Overheating, world: World, station: Station, key: str) -> None:
        self._fault = fault
        self._world = world
        self._station = station
        self._key = key
        self._throttled = _Throttled(int(fault.slower * 100.0))
        self._lifted = False
        self._cuts = 0

    def evidence(self) -> str:
        """It is felt when the device switches itself off: slower calls alone are what ``latency_drift`` is for."""
        return f"it switched itself off {self._cuts} times" if self._cuts else ""

    def begin(self) -> None:
        """It gets hot."""
        strike(volume_of(self._station, self._fault.volume), self._throttled)
        self._wait()

    def lift(self) -> None:
        """It is cool again; if it is off just now, it still comes back."""
        self._lifted = True
        self._throttled.lift()

    def _wait(self) -> None:
        self._world.env.timeout(self._fault.cuts_every_us).callbacks.append(self._too_hot)

    def _too_hot(self, _: object) -> None:
        if self._lifted:
            return
        station = self._station
        if station.powered:
            scope = f"{self._key}/{self._cuts}"
            self._cuts += 1
            station.power_cut("overheated", self._world.decisions.seed(f"{scope}/image"), f"{scope}/messages")
            self._world.env.timeout(self._fault.cools_for_us).callbacks.append(lambda _: station.power_on())
        self._wait()


class _Throttled(Condition):
    """Every call costs ``percent`` of its usual time."""

    def __init__(self, percent: int) -> None:
        super().__init__()
        self.percent = percent

    def slowed(self, cost_us: int, fill_percent: int) -> int:
        return cost_us * self.percent // 100

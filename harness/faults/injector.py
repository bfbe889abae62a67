"""The injector: arms every planned fault, strikes, lifts, and keeps count of what struck and what bit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness.core.units import US_PER_DAY
from harness.faults.base import FaultPlan, Strike
from harness.faults.trigger import Armed, needs_drawn_time, start_of
from harness.history.events import FaultBit, FaultLifted, FaultStruck

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@dataclass(slots=True)
class FaultTally:
    """How one planned fault fared in a run. ``feasible`` is false when its trigger could not come up at all."""

    name: str
    kind: str
    family: str
    scheduled: bool
    struck: int = 0
    bit: int = 0


@dataclass(slots=True)
class _Live:
    """A strike that is still on."""

    plan: FaultPlan
    station: Station
    strike: Strike
    tally: FaultTally
    name: str
    reported: bool = False
    lifted: bool = False


@dataclass(slots=True)
class Injector:
    """All faults of one run. ``open_us`` and ``close_us`` are the trading hours within a day."""

    world: World
    plans: tuple[FaultPlan, ...]
    days: int
    open_us: int
    close_us: int
    tallies: list[FaultTally] = field(default_factory=list)
    _armed: list[Armed] = field(default_factory=list)
    _live: list[_Live] = field(default_factory=list)

    def arm(self) -> None:
        """Arm everything; called once, at the start of trading."""
        for plan in self.plans:
            tally = FaultTally(plan.name, plan.fault.kind, plan.fault.family, plan.scheduled)
            self.tallies.append(tally)
            stations = self._choose(plan)
            if plan.together and stations:
                for ordinal, start_us in enumerate(self._starts(plan, f"fault/{plan.name}/all")):
                    self._arm_one(plan, tally, stations[0], f"fault/{plan.name}/all/{ordinal}", start_us, stations)
                continue
            for station in stations:
                scope = f"{station.name}/fault/{plan.name}"
                for ordinal, start_us in enumerate(self._starts(plan, scope)):
                    self._arm_one(plan, tally, station, f"{scope}/{ordinal}", start_us, [station])

    def disarm(self) -> None:
        """Nothing strikes from now on; what is on stays on."""
        for armed in self._armed:
            armed.disarm()
        self._armed.clear()

    def lift_all(self, *, keep_full: bool = False) -> None:
        """Lift every condition; with ``keep_full`` all but those that take space."""
        for live in self._live:
            if not (keep_full and live.plan.fault.fills):
                self._lift(live)

    def filled(self) -> list[Station]:
        """Stations on which a condition that takes space is on."""
        full = {live.station.name for live in self._live if live.plan.fault.fills and not live.lifted}
        return [station for station in self.world.stations if station.name in full]

    def unsurvivable(self) -> dict[str, dict[int, str]]:
        """By device: invariants that no software could keep after what struck there, each with the reason."""
        reasons: dict[str, dict[int, str]] = {}
        for live in self._live:
            for invariant, reason in live.plan.fault.survivability.items():
                reasons.setdefault(live.station.name, {}).setdefault(invariant, f"{live.plan.fault.kind}: {reason}")
        return reasons

    def settle_accounts(self) -> None:
        """Report every strike that has bitten and not been reported yet."""
        for live in self._live:
            self._report_bite(live)

    # ------------------------------------------------------------ placing

    def _choose(self, plan: FaultPlan) -> list[Station]:
        stations = self.world.stations
        if plan.devices == "all":
            return list(stations)
        if isinstance(plan.devices, int):
            decisions = self.world.decisions
            ranked = sorted(
                stations, key=lambda each: (decisions.uniform(f"{each.name}/fault/{plan.name}/chosen"), each.index)
            )
            return sorted(ranked[: plan.devices], key=lambda each: each.index)
        return [each for each in stations if each.name in plan.devices]

    def _starts(self, plan: FaultPlan, scope: str) -> list[int]:
        decisions = self.world.decisions
        trigger = plan.trigger
        starts: list[int] = []
        if plan.per_day is not None:
            rate = plan.per_day
            for day in range(self.days):
                if trigger.day is not None and day != trigger.day - 1:
                    continue
                count = decisions.integer(f"{scope}/day{day + 1}/count", 0, lambda u: _poisson(rate, u))
                for ordinal in range(count):
                    u = decisions.uniform(f"{scope}/day{day + 1}/{ordinal}/time")
                    starts.append(start_of(trigger, day, self.open_us, self.close_us, u))
            return starts
        for ordinal in range(plan.times):
            if trigger.day is None and trigger.time_us is None and not needs_drawn_time(trigger):
                starts.append(0)
                continue
            if trigger.day is not None:
                day = trigger.day - 1
            else:
                day = decisions.integer(f"{scope}/{ordinal}/day", 0, lambda u: int(u * self.days))
            if needs_drawn_time(trigger):
                u = decisions.uniform(f"{scope}/{ordinal}/time")
                starts.append(start_of(trigger, day, self.open_us, self.close_us, u))
            else:
                starts.append(day * US_PER_DAY + (trigger.time_us or 0))
        return starts

    def _arm_one(
        self, plan: FaultPlan, tally: FaultTally, station: Station, key: str, start_us: int, hit: list[Station]
    ) -> None:
        def strike() -> None:
            self._strike(plan, tally, hit, key)

        self._armed.append(Armed(self.world, station, plan.trigger, start_us, key, strike))

    # ------------------------------------------------------------ striking

    def _strike(self, plan: FaultPlan, tally: FaultTally, stations: list[Station], key: str) -> None:
        world = self.world
        name = f"{plan.name}#{tally.struck + 1}"
        tally.struck += 1
        world.recorder.emit(
            FaultStruck(world.now_us, name, plan.fault.kind, tuple(each.name for each in stations), key)
        )
        for station in stations:
            strike = plan.fault.inject(world, station, f"{key}/{station.name}")
            live = _Live(plan, station, strike, tally, name)
            self._live.append(live)
            self._report_bite(live)
            if plan.lift_after_us is not None and not plan.fault.damage:
                timer = world.env.timeout(plan.lift_after_us)
                timer.callbacks.append(partial(self._lift_later, live))

    def _lift_later(self, live: _Live, _timer: object) -> None:
        self._lift(live)

    def _lift(self, live: _Live) -> None:
        if live.lifted or live.plan.fault.damage:
            return
        live.lifted = True
        self._report_bite(live)
        live.strike.lift()
        self.world.recorder.emit(FaultLifted(self.world.now_us, live.name, live.plan.fault.kind, (live.station.name,)))

    def _report_bite(self, live: _Live) -> None:
        if live.reported:
            return
        evidence = live.strike.evidence()
        if evidence:
            live.reported = True
            live.tally.bit += 1
            self.world.recorder.emit(
                FaultBit(self.world.now_us, live.name, live.plan.fault.kind, live.station.name, evidence[:200])
            )


def _poisson(mean: float, u: float) -> int:
    """The ``u`` quantile of a Poisson distribution, by walking its cumulative sum."""
    term = math.exp(-mean)
    total, count = term, 0
    while u >= total and count < 1000:
        count += 1
        term *= mean / count
        total += term
    return count

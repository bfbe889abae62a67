"""The injector: arms every planned fault, strikes, lifts, and keeps count of what struck and what bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.faults.base import Fault, FaultPlan, Strike, Striker
from harness.faults.placing import choose_stations, start_times
from harness.faults.tap import tap_storage
from harness.faults.trigger import Armed, is_conditional
from harness.history.events import ActionEnded, DataDamaged, FaultBit, FaultLifted, FaultStruck
from harness.storage.ages import FileAges
from harness.sut.console import presentable

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

_FIRST_PHASE = "trading"


@dataclass(slots=True)
class FaultTally:
    """How one planned fault fared in a run: devices struck, and how many of those strikes bit."""

    name: str
    kind: str
    family: str
    scheduled: bool
    struck: int = 0
    bit: int = 0
    strikes: int = 0
    """Strikes, each of which may have hit several devices at once."""


@dataclass(slots=True, eq=False)
class _Live:
    """A strike on one station, from its instant to the end of the run."""

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
    _armed: list[tuple[FaultPlan, Armed]] = field(default_factory=list)
    _live: list[_Live] = field(default_factory=list)
    _looked_at: dict[str, list[_Live]] = field(default_factory=dict)
    """By device: strikes that may still bite or be spent, looked at whenever an action ends."""
    _ages: dict[str, FileAges] = field(default_factory=dict)
    """By device that a fault may damage whose damage is measured: when what is stored there was written."""
    _taps: list[Callable[[], None]] = field(default_factory=list)
    _strikers: dict[tuple[str, str], Striker] = field(default_factory=dict)

    def arm(self) -> None:
        """Arm everything; called once, at the start of trading."""
        self.world.recorder.watch(ActionEnded, self._after_action)
        for plan in self.plans:
            self._arm(plan)

    def add(self, plan: FaultPlan) -> None:
        """One more, under a name of its own; it is armed at once."""
        self.plans += (plan,)
        self._arm(plan)

    def fault_named(self, name: str) -> Fault | None:
        """The fault that is planned under this name."""
        return next((plan.fault for plan in self.plans if plan.name == name), None)

    def _arm(self, plan: FaultPlan) -> None:
        _refuse_endless(plan)
        tally = FaultTally(plan.name, plan.fault.kind, plan.fault.family, plan.scheduled)
        self.tallies.append(tally)
        stations = choose_stations(self.world, plan)
        for station in stations:
            if plan.fault.measured and station.name not in self._ages:
                self._ages[station.name] = self._watch_writes(station)
            self._strikers[plan.name, station.name] = plan.fault.prepare(self.world, station)
        if plan.together and stations:
            self._arm_series(plan, tally, stations[0], f"fault/{plan.name}/all", stations)
            return
        for station in stations:
            self._arm_series(plan, tally, station, f"{station.name}/fault/{plan.name}", [station])

    def disarm(self) -> None:
        """Trading is over: nothing strikes from now on but what waits for a later phase; what is on stays on."""
        for plan, armed in self._armed:
            if plan.trigger.phase in (None, _FIRST_PHASE):
                armed.disarm()
        self._armed.clear()

    def lift_all(self, *, keep_full: bool = False) -> None:
        """Lift every condition; with ``keep_full`` all but those that take space."""
        for live in self._live:
            if not (keep_full and live.plan.fault.fills):
                self._lift(live)

    def lift_kind(self, kind: str) -> None:
        """Lift every condition of this kind."""
        for live in self._live:
            if live.plan.fault.kind == kind:
                self._lift(live)

    def filled(self) -> list[Station]:
        """Stations on which a condition that takes space is on."""
        full = {live.station.name for live in self._live if live.plan.fault.fills and not live.lifted}
        return [station for station in self.world.stations if station.name in full]

    def settle_accounts(self) -> None:
        """Trading, or the run, is over: report every strike that has bitten and not been reported yet."""
        self._watch_no_longer()
        for live in self._live:
            self._report_bite(live)

    # ------------------------------------------------------------ arming

    def _arm_series(self, plan: FaultPlan, tally: FaultTally, station: Station, scope: str, hit: list[Station]) -> None:
        starts = start_times(self.world.decisions, plan, scope, self.days, self.open_us, self.close_us)
        if plan.per_day is None and is_conditional(plan.trigger):
            # One after the other: armed all at once, they would all strike at the same match.
            self._arm_next(plan, tally, station, scope, hit, sorted(starts), 0)
            return
        for ordinal, start_us in enumerate(starts):
            key = f"{scope}/{ordinal}"
            self._arm_one(plan, station, key, start_us, partial(self._strike, plan, tally, hit, key))

    def _arm_next(
        self,
        plan: FaultPlan,
        tally: FaultTally,
        station: Station,
        scope: str,
        hit: list[Station],
        starts: list[int],
        ordinal: int,
    ) -> None:
        key = f"{scope}/{ordinal}"

        def strike() -> None:
            self._strike(plan, tally, hit, key)
            if ordinal + 1 < len(starts):
                self._arm_next(plan, tally, station, scope, hit, starts, ordinal + 1)

        self._arm_one(plan, station, key, starts[ordinal], strike)

    def _arm_one(self, plan: FaultPlan, station: Station, key: str, start_us: int, strike: Callable[[], None]) -> None:
        self._armed.append((plan, Armed(self.world, station, plan.trigger, start_us, key, strike)))

    def _watch_writes(self, station: Station) -> FileAges:
        ages = FileAges()
        self._taps.append(tap_storage(station, lambda call: ages.heard(call, self.world.now_us)))
        return ages

    def _watch_no_longer(self) -> None:
        """Of damage that strikes after trading nobody can say any more what it left alone."""
        while self._taps:
            self._taps.pop()()
        self._ages.clear()

    # ------------------------------------------------------------ striking

    def _strike(self, plan: FaultPlan, tally: FaultTally, stations: list[Station], key: str) -> None:
        if plan.fault.damage and plan.trigger.storage_operation is not None:
            # Damage lies on the medium, between calls: a call that has looked its file up must still find it.
            timer = self.world.env.timeout(0)
            timer.callbacks.append(lambda _: self._strike_now(plan, tally, stations, key))
            return
        self._strike_now(plan, tally, stations, key)

    def _strike_now(self, plan: FaultPlan, tally: FaultTally, stations: list[Station], key: str) -> None:
        world = self.world
        tally.strikes += 1
        name = f"{plan.name}#{tally.strikes}"
        tally.struck += len(stations)
        strikes = [self._strikers[plan.name, each.name](f"{key}/{each.name}") for each in stations]
        names = tuple(each.name for each in stations)
        detail = _details(names, [strike.detail for strike in strikes])
        world.recorder.emit(FaultStruck(world.now_us, name, plan.fault.kind, names, detail, key))
        for station, strike in zip(stations, strikes, strict=True):
            strike.begin()
            self._tell_damage(name, station, strike)
            live = _Live(plan, station, strike, tally, name)
            self._live.append(live)
            self._looked_at.setdefault(station.name, []).append(live)
            self._report_bite(live)
            if plan.lift_after_us is not None and not plan.fault.damage:
                timer = world.env.timeout(plan.lift_after_us)
                timer.callbacks.append(partial(self._lift_later, live))

    def _tell_damage(self, name: str, station: Station, strike: Strike) -> None:
        ranges, ages, now_us = strike.damaged(), self._ages.get(station.name), self.world.now_us
        if not ranges:
            return
        youngest_us = now_us if ages is None else max(ages.youngest_us(*each) for each in ranges)
        self.world.recorder.emit(DataDamaged(now_us, station.name, name, ranges[0][0], youngest_us))

    def _lift_later(self, live: _Live, _timer: object) -> None:
        self._lift(live)

    def look(self) -> None:
        """As after an action of each device, for a world in which none ever ends: that of somebody else's terminals."""
        for device in tuple(self._looked_at):
            self._look_at(device)

    def _after_action(self, _: int, event: ActionEnded) -> None:
        self._look_at(event.device)

    def _look_at(self, device: str) -> None:
        """Tell bites soon after they happened, and lift what has done all it can do."""
        found = self._looked_at.get(device)
        if not found:
            return
        for live in tuple(found):
            self._report_bite(live)
            if live.strike.spent():
                self._lift(live)
            if live.lifted or (live.reported and live.plan.fault.damage):
                found.remove(live)

    def _lift(self, live: _Live) -> None:
        if live.lifted:
            return
        live.lifted = True
        self._report_bite(live)
        live.strike.lift()
        if not live.plan.fault.damage:
            self.world.recorder.emit(
                FaultLifted(self.world.now_us, live.name, live.plan.fault.kind, (live.station.name,))
            )

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


def _details(names: tuple[str, ...], details: list[str]) -> str:
    """What the strike does, in one line; by device where it is not the same on all of them."""
    if len(set(details)) == 1:
        text = details[0]
    else:
        text = "; ".join(f"{name}: {detail}" for name, detail in zip(names, details, strict=True) if detail)
    return presentable(text)


def _refuse_endless(plan: FaultPlan) -> None:
    """A condition that begins after trading has no recovery before it that would end it."""
    fault, phase = plan.fault, plan.trigger.phase
    if phase in (None, _FIRST_PHASE) or fault.instant or fault.damage or plan.lift_after_us is not None:
        return
    raise UsageError(f"fault {plan.name!r} strikes in phase {phase!r} and would never be lifted; give it 'lift_after'")

"""What a hunt begins with: shipped scenarios made small, and all the faults in them as a pool to draw from.

Models: one terminal, a few hours of at most two days, at most some forty sales; people, device, host, medium and faults stay as
they were, and times of day are moved into the shorter hours. Faults that strike at random are drawn once. Faults that no
correct software survives are left out unless they are asked for (``harsh``): a symptom that they explain says nothing about the
software.
Does not model: stores of several terminals, wear over months.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.units import US_PER_HOUR, US_PER_SECOND
from harness.faults.base import FAULTS, FaultPlan
from harness.scenario import find
from harness.scenario.load import load_file
from harness.scenario.plan import Budgets, InvariantChoice, Plan

QUIET = "a quiet counter"
DAYS_MAX = 2
OPEN_US = 9 * US_PER_HOUR
HOURS = 3
_SALES = (12, 40)
_TIMES_MAX = 4
_LIFT_MAX_US = HOURS * US_PER_HOUR
_WALL_US = 60 * US_PER_SECOND
_EVENTS = 2_000_000


@dataclass(frozen=True, slots=True)
class Stage:
    """A small scenario to begin with, by the name of what it was made from."""

    label: str
    plan: Plan

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of fault in it."""
        return frozenset(fault.fault.kind for fault in self.plan.faults)


def shipped_stages(*, harsh: bool = False) -> list[Stage]:
    """One small stage for each scenario that ships, in order, then a plain one without any fault."""
    made = [Stage(label, small(load_file(path), harsh=harsh)) for label, path in find.names().items()]
    return [*made, Stage(QUIET, small(Plan("quiet counter"), harsh=harsh))]


def given_stages(files: Sequence[Path], *, harsh: bool = False) -> list[Stage]:
    """Scenarios that somebody named: each as it is, then each made small where that is another one."""
    labels = {path.absolute(): name for name, path in find.names().items()}
    whole = [Stage(labels.get(path.absolute(), _short(path)), load_file(path)) for path in files]
    made = [
        Stage(f"{each.label}, made small", small(each.plan, harsh=harsh)) for each in whole if not is_written(each.plan)
    ]
    return [*whole, *made]


def _short(path: Path) -> str:
    """As somebody would name it from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def is_written(plan: Plan) -> bool:
    """Whether it says who comes and when: then its days and hours cannot be others."""
    return plan.decisions is not None or bool(getattr(plan, "actions", ()))


def pool(found: Sequence[Stage], *, harsh: bool = False) -> list[FaultPlan]:
    """Every fault of the stages once, then every other kind that needs no parameter."""
    faults: dict[tuple[object, ...], FaultPlan] = {}
    for stage in found:
        for fault in stage.plan.faults:
            faults.setdefault((fault.fault, fault.trigger, fault.lift_after_us), replace(fault, name=fault.fault.kind))
    known = {fault.fault.kind for fault in faults.values()}
    return [*faults.values(), *(each for each in _defaults(harsh=harsh) if each.fault.kind not in known)]


def _defaults(*, harsh: bool) -> Iterator[FaultPlan]:
    for kind, cls in FAULTS.items():
        try:
            fault = cls()
        except TypeError:
            continue  # it needs to be told what it does
        if harsh or not fault.survivability:
            yield FaultPlan(kind, fault)


def small(plan: Plan, *, harsh: bool = False) -> Plan:
    """``plan`` on one terminal in a few hours; judged by everything, and bound to nothing but the hunt's question."""
    days = min(plan.days.count, DAYS_MAX)
    open_us = plan.days.open_us if plan.days.open_us is not None else OPEN_US
    close_us = plan.days.close_us if plan.days.close_us is not None else 18 * US_PER_HOUR
    short = replace(plan.days, count=days, open_us=OPEN_US, close_us=OPEN_US + HOURS * US_PER_HOUR)
    sales = 30.0 if plan.sales_per_day is None else min(max(plan.sales_per_day, _SALES[0]), _SALES[1])
    several = len(plan.faults) > _TIMES_MAX
    faults = tuple(
        _placed(fault, days, open_us, max(close_us, open_us + US_PER_HOUR))
        for fault in plan.faults
        # A scenario in which everything strikes at random is a pool and no story.
        if (harsh or not fault.fault.survivability) and not (several and fault.per_day is not None)
    )
    return replace(
        plan,
        covers=(),
        terminals=1,
        software="reference",
        days=short,
        sales_per_day=sales,
        surge=None,
        faults=unique(faults),
        invariants=InvariantChoice(),
        must_happen=(),
        acceptance_percent=0.0,
        thresholds=(),
        budgets=Budgets(_EVENTS, _WALL_US),
        seed=None,
        source="",
    )


def unique(faults: Sequence[FaultPlan]) -> tuple[FaultPlan, ...]:
    """The same faults, no two under one name: names are part of what is drawn."""
    taken: dict[str, int] = {}
    named = []
    for fault in faults:
        base = fault.fault.kind
        taken[base] = taken.get(base, 0) + 1
        named.append(replace(fault, name=base if taken[base] == 1 else f"{base}_{taken[base]}"))
    return tuple(named)


def _placed(fault: FaultPlan, days: int, open_us: int, close_us: int) -> FaultPlan:
    trigger = fault.trigger
    day = None if trigger.day is None else min(trigger.day, days)
    time_us = trigger.time_us
    if time_us is not None and open_us <= time_us <= close_us:
        share = (time_us - open_us) / (close_us - open_us)
        time_us = OPEN_US + int(share * HOURS * 60) * 60 * US_PER_SECOND
    return replace(
        fault,
        trigger=replace(trigger, day=day, time_us=time_us, occurrence=min(trigger.occurrence, _SALES[0])),
        devices="all",
        times=1 if fault.per_day is not None else min(fault.times, _TIMES_MAX),
        per_day=None,
        lift_after_us=None if fault.lift_after_us is None else min(fault.lift_after_us, _LIFT_MAX_US),
        together=False,
        scheduled=True,
    )

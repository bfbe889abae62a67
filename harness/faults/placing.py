"""Placing faults: which devices a plan hits, and at what instants its triggers are armed.

Models: devices by name, by number drawn, or all; times of day, drawn times within trading hours, and strikes of a Poisson
process with a mean a day. Does not model: strikes that attract each other (a cold snap, a bad batch of chips).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.decisions import Decisions
from harness.core.units import US_PER_DAY
from harness.faults.base import FaultPlan
from harness.faults.trigger import needs_drawn_time, start_of

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

_COUNT_MAX = 1000


def choose_stations(world: World, plan: FaultPlan) -> list[Station]:
    """The stations that ``plan`` hits, in order of their places."""
    stations = world.stations
    if plan.devices == "all":
        return list(stations)
    if isinstance(plan.devices, int):
        decisions = world.decisions
        ranked = sorted(
            stations, key=lambda each: (decisions.uniform(f"{each.name}/fault/{plan.name}/chosen"), each.index)
        )
        return sorted(ranked[: plan.devices], key=lambda each: each.index)
    return [each for each in stations if each.name in plan.devices]


def start_times(decisions: Decisions, plan: FaultPlan, scope: str, days: int, open_us: int, close_us: int) -> list[int]:
    """The instants at which the plan's trigger is armed for one station, or for all at once."""
    trigger = plan.trigger
    starts: list[int] = []
    if plan.per_day is not None:
        rate = plan.per_day
        for day in range(days):
            if trigger.day is not None and day != trigger.day - 1:
                continue
            count = decisions.integer(f"{scope}/day{day + 1}/count", 0, lambda u: poisson(rate, u))
            for ordinal in range(count):
                u = decisions.uniform(f"{scope}/day{day + 1}/{ordinal}/time")
                starts.append(start_of(trigger, day, open_us, close_us, u))
        return starts
    for ordinal in range(plan.times):
        if trigger.day is None and trigger.time_us is None and not needs_drawn_time(trigger):
            starts.append(0)
            continue
        if trigger.day is not None:
            day = trigger.day - 1
        else:
            day = decisions.integer(f"{scope}/{ordinal}/day", 0, lambda u: int(u * days))
        if needs_drawn_time(trigger):
            u = decisions.uniform(f"{scope}/{ordinal}/time")
            starts.append(start_of(trigger, day, open_us, close_us, u))
        else:
            starts.append(day * US_PER_DAY + (trigger.time_us or 0))
    return starts


def poisson(mean: float, u: float) -> int:
    """The ``u`` quantile of a Poisson distribution, by walking its cumulative sum."""
    term = math.exp(-mean)
    total, count = term, 0
    while u >= total and count < _COUNT_MAX:
        count += 1
        term *= mean / count
        total += term
    return count

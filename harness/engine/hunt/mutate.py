"""One scenario from another: a fault more, less, or placed elsewhere; other parameters; other people, another medium.

Models: small steps, each drawn from the hunt's own stream. What no scenario may say is refused by the scenario's own check: a
mutant is written out and read back. Does not model: crossing two scenarios; changes to who sells what.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, cast

from harness.core.errors import UsageError
from harness.core.units import US_PER_MINUTE, US_PER_SECOND
from harness.engine.hunt.stages import HOURS, OPEN_US, unique
from harness.faults.base import Fault, FaultPlan, MessageMatch, Trigger
from harness.scenario.fields import Field, fields_of
from harness.scenario.load import load_text
from harness.scenario.plan import Plan
from harness.scenario.resolve import plan_text

FAULTS_MAX = 4
_LASTS_US = 10 * US_PER_MINUTE
MOMENTS: tuple[Trigger, ...] = (
    Trigger(message=MessageMatch("down", "0210", response_code="00"), occurrence=3),
    Trigger(action="sale", occurrence=3),
    Trigger(message=MessageMatch("up", "0200", moment="sent"), occurrence=3),
    Trigger(message=MessageMatch("down", "0210", response_code="00"), occurrence=3, storage_operation=(2, 2)),
    Trigger(action="settle"),
    Trigger(message=MessageMatch("up", "0500", moment="sent")),
    Trigger(message=MessageMatch("down", "0510")),
    Trigger(message=MessageMatch("up", "0400", moment="sent")),
)
"""Where most of what the field reports goes wrong: between a sale's answer and its record first of all (domain.md 1.7, 7)."""
_TRIES = 20
_KINDS = ("sale", "sale", "sale", "settle", "settle", "void", "refund", "scan_sale", "sign_on")
_REQUESTS = ("0200", "0200", "0200", "0200", "0400", "0500", "0320", "0220", "0600")
"""Sales most often: between a sale's answer and its record is where most of what the field reports goes wrong."""
_FILL_PERCENT = (25.0, 50.0, 80.0, 95.0)
_PROFILES = ("ext4-ordered", "posix-weak", "f2fs", "ubifs", "jffs2", "fat")
_HINTED = 4
"""How much rather a fault is drawn that tends to bring about what is looked for."""

Step = Callable[[Plan, Random], Plan]


def placements(plan: Plan, faults: Sequence[FaultPlan], kinds: Collection[str]) -> Iterator[Plan]:
    """``plan`` with one fault more, of each of ``kinds`` at each of the moments, moment by moment."""
    first = {fault.fault.kind: fault for fault in reversed(faults) if fault.fault.kind in kinds}
    for moment in MOMENTS:
        for kind in sorted(first):
            fault = first[kind].fault
            lasts_us = None if fault.damage or fault.instant else _LASTS_US
            placed = FaultPlan(kind, fault, moment, lift_after_us=lasts_us)
            found = replace(plan, faults=unique((*plan.faults, placed)))
            if sound(found):
                yield found


class Mutator:
    """Draws the next scenarios. ``faults`` is the pool; ``hints`` are kinds to prefer when one is added."""

    def __init__(self, faults: Sequence[FaultPlan], random: Random) -> None:
        self._faults = faults
        self._random = random

    def mutated(self, plan: Plan, hints: Collection[str]) -> Plan:
        """``plan`` after one to three steps; itself when nothing that was tried made sense."""
        for _ in range(_TRIES):
            found = plan
            for _ in range(self._random.choice((1, 1, 2, 3))):
                found = self._step(found, hints)
            if found != plan and sound(found):
                return found
        return plan

    def fresh(self, plan: Plan, hints: Collection[str]) -> Plan:
        """A restart: ``plan`` with one or two faults of the pool, placed anew, in place of its own."""
        for _ in range(_TRIES):
            faults = [self._drawn(hints) for _ in range(self._random.choice((1, 1, 2)))]
            faults = [self._moved(each, plan) if self._random.random() < 0.5 else each for each in faults]
            found = replace(plan, faults=unique(faults))
            if sound(found):
                return found
        return replace(plan, faults=())

    def _step(self, plan: Plan, hints: Collection[str]) -> Plan:
        draw = self._random.random()
        faults = list(plan.faults)
        if not faults or (draw < 0.25 and len(faults) < FAULTS_MAX):
            place = self._random.randint(0, len(faults))
            faults.insert(place, self._drawn(hints))
            return replace(plan, faults=unique(faults))
        place = self._random.randrange(len(faults))
        if draw < 0.60:
            faults[place] = self._moved(faults[place], plan)
        elif draw < 0.75:
            faults[place] = replace(faults[place], fault=self._turned(faults[place].fault))
        elif draw < 0.82 and len(faults) > 1:
            del faults[place]
        elif draw < 0.88:
            faults[place] = self._lasting(faults[place])
        else:
            return self._otherwise(plan)
        return replace(plan, faults=unique(faults))

    # ------------------------------------------------------------ faults

    def _drawn(self, hints: Collection[str]) -> FaultPlan:
        weights = [_HINTED if each.fault.kind in hints else 1 for each in self._faults]
        return self._random.choices(self._faults, weights)[0]

    def _moved(self, fault: FaultPlan, plan: Plan) -> FaultPlan:
        """The fault at another instant: sometimes only the next occurrence or storage operation."""
        random, trigger = self._random, fault.trigger
        if trigger.storage_operation is not None and random.random() < 0.5:
            number = max(1, trigger.storage_operation[0] + random.choice((-2, -1, 1, 2, 3)))
            return replace(fault, trigger=replace(trigger, storage_operation=(number, number)))
        if trigger.occurrence > 1 and random.random() < 0.3:
            return replace(
                fault, trigger=replace(trigger, occurrence=max(1, trigger.occurrence + random.choice((-1, 1))))
            )
        return replace(fault, trigger=self._trigger(plan))

    def _trigger(self, plan: Plan) -> Trigger:
        random = self._random
        day = random.randint(1, plan.days.count) if random.random() < 0.5 else None
        draw = random.random()
        if draw < 0.2:
            minute = random.randrange(HOURS * 60 + 5)
            return Trigger(day=day or 1, time_us=OPEN_US + minute * US_PER_MINUTE)
        if draw < 0.25:
            return Trigger(day=day, fill_percent=random.choice(_FILL_PERCENT))
        if draw < 0.5:
            trigger = Trigger(day=day, action=random.choice(_KINDS), occurrence=random.choice((1, 1, 2, 3, 5, 8)))
        else:
            mti = random.choice(_REQUESTS)
            up = random.random() < 0.4
            match = (
                MessageMatch("up", mti, moment="sent") if up else MessageMatch("down", f"{mti[:2]}{int(mti[2]) + 1}0")
            )
            if not up and random.random() < 0.4:
                match = replace(match, response_code="00")
            trigger = Trigger(day=day, message=match, occurrence=random.choice((1, 2, 3, 5)))
        if random.random() < 0.4:
            number = random.randint(1, 12)
            return replace(trigger, storage_operation=(number, number))
        if random.random() < 0.2:
            return replace(trigger, delay_us=random.choice((1, 2, 4, 30, 120)) * US_PER_SECOND)
        return trigger

    def _lasting(self, fault: FaultPlan) -> FaultPlan:
        """For another time, or more often."""
        if fault.fault.damage or fault.fault.instant or self._random.random() < 0.4:
            return replace(fault, times=self._random.choice((1, 2, 3, 4)))
        minutes = self._random.choice((None, 1, 5, 20, 60))
        return replace(fault, lift_after_us=None if minutes is None else minutes * US_PER_MINUTE)

    def _turned(self, fault: Fault) -> Fault:
        """One parameter otherwise."""
        parameters = [each for each in fields_of(cast(type, type(fault))) if _turns(each, getattr(fault, each.name))]
        if not parameters:
            return fault
        parameter = self._random.choice(parameters)
        value = self._turn(parameter, getattr(fault, parameter.name))
        try:
            changed: Fault = replace(cast(Any, fault), **{parameter.name: value})
        except ValueError:
            return fault  # out of what makes sense
        return changed

    def _turn(self, parameter: Field, value: object) -> object:
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return self._random.choice((value // 2, value * 2, value * 4, value + 1, max(0, value - 1)))
        assert isinstance(value, float)
        return min(100.0, value * self._random.choice((0.5, 2.0)))

    # ------------------------------------------------------------ the rest

    def _otherwise(self, plan: Plan) -> Plan:
        random = self._random
        draw = random.randrange(4)
        if draw == 0:
            return replace(plan, profile=random.choice(_PROFILES))
        if draw == 1:
            return replace(plan, sales_per_day=float(random.choice((8, 15, 25, 40, 60))))
        if draw == 2:
            late = random.choice((0.0, 100.0))
            habits = replace(
                plan.people,
                settles_on_time_percent=100.0 - late,
                settles_late_percent=late,
                when_full_settles_percent=random.choice((0.0, 95.0)),
                when_full_clears_cache_percent=0.0,
            )
            return replace(plan, people=habits)
        return replace(
            plan, people=replace(plan.people, attempts=random.choice((1, 3)), retries_after_unknown_percent=100.0)
        )


def _turns(parameter: Field, value: object) -> bool:
    return isinstance(value, bool | int | float) and parameter.key not in ("volume",)


def sound(plan: Plan) -> bool:
    """Whether a scenario file may say this."""
    try:
        load_text(plan_text(plan))
    except (UsageError, ValueError):
        return False
    return True

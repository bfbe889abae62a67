"""Edits that make a plan simpler, each a generator of candidates, the boldest first. None knows whether a finding survives it.

Models: leaving out (faults, days, keys of the scenario, conditions of a trigger), usual values instead of special ones, small and
round numbers. Does not model: edits that make something larger so that something else becomes smaller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.engine.shrink.script import later, on_days
from harness.faults.base import Fault, FaultPlan, Trigger
from harness.scenario.check_actions import hours_of
from harness.scenario.fields import fields_of
from harness.scenario.plan import (
    ACCEPTANCE_PERCENT_DEFAULT,
    Budgets,
    DaysPlan,
    DevicePlan,
    HostPlan,
    InvariantChoice,
    MerchantShare,
    Plan,
)
from harness.workload.behaviour import Behaviour
from harness.workload.script import Scripted

_QUIET_HOST = HostPlan(no_reply_percent=0.0, decline_percent=0.0)
_ROUND_US = (US_PER_HOUR, 10 * US_PER_MINUTE, 5 * US_PER_MINUTE, US_PER_MINUTE, 10 * US_PER_SECOND, US_PER_SECOND)
_SEEDS = 8
_ORDINAL = re.compile(r"\d+")


# ---------------------------------------------------------------- what stands around the trade


def bare(plan: Plan) -> Iterator[Plan]:
    """Without what only says how a run is judged or told."""
    yield replace(
        plan, covers=(), must_happen=(), thresholds=(), invariants=InvariantChoice(), budgets=Budgets(),
        acceptance_percent=ACCEPTANCE_PERCENT_DEFAULT,
    )  # fmt: skip
    yield replace(plan, covers=())
    yield replace(plan, must_happen=())
    for place in range(len(plan.thresholds)):
        yield replace(plan, thresholds=plan.thresholds[:place] + plan.thresholds[place + 1 :])
    yield replace(plan, invariants=InvariantChoice())
    yield replace(plan, budgets=Budgets())
    yield replace(plan, acceptance_percent=ACCEPTANCE_PERCENT_DEFAULT)


def usual(plan: Plan) -> Iterator[Plan]:
    """The usual device, medium, host, merchant and habits instead of the scenario's own."""
    for host in (HostPlan(), _QUIET_HOST):
        yield replace(plan, people=Behaviour(), host=host, device=DevicePlan(), funds=None, profile=Plan("").profile)
    yield replace(plan, people=Behaviour())
    yield replace(plan, device=DevicePlan())
    yield replace(plan, profile=Plan("").profile)
    for host in (HostPlan(), _QUIET_HOST):
        yield replace(plan, host=host)
    yield replace(plan, funds=None)
    yield replace(plan, surge=None)
    yield replace(plan, trace_number=None)
    yield replace(plan, release="current")
    yield replace(plan, disk="vfs")
    yield replace(plan, merchants=(MerchantShare("convenience"),))
    yield replace(plan, days=DaysPlan(plan.days.count))
    yield replace(plan, days=replace(plan.days, start=DaysPlan().start))
    yield replace(plan, days=replace(plan.days, open_us=None, close_us=None))
    for people in _nearer(plan.people, Behaviour()):
        yield replace(plan, people=people)
    for host in _nearer(plan.host, HostPlan()):
        yield replace(plan, host=host)
    for device in _nearer(plan.device, DevicePlan()):
        yield replace(plan, device=device)
    for place, volume in enumerate(plan.device.volumes):
        others = plan.device.volumes[:place], plan.device.volumes[place + 1 :]
        if len(plan.device.volumes) > 1:
            yield replace(plan, device=replace(plan.device, volumes=(*others[0], *others[1])))
        for simpler in _nearer(volume, type(volume)(volume.name)):
            yield replace(plan, device=replace(plan.device, volumes=(*others[0], simpler, *others[1])))
    if plan.funds is not None:
        for funds in _nearer(plan.funds, type(plan.funds)()):
            yield replace(plan, funds=funds)


def _nearer(value: Any, usual_one: Any) -> Iterator[Any]:
    """``value`` with one of its fields as usual."""
    for each in fields(value):
        if getattr(value, each.name) != getattr(usual_one, each.name):
            try:
                yield replace(value, **{each.name: getattr(usual_one, each.name)})
            except ValueError:
                continue  # habits that add up to more than they may


def fewer_days(plan: Plan) -> Iterator[Plan]:
    """The first days only; or, of days that are written down, without one of them."""
    for count in sorted({*_doubling(plan.days.count), plan.days.count - 1} - {0}):
        yield on_days(plan, count)
    if plan.actions is None or plan.days.count < 2:
        return
    for day in range(1, plan.days.count + 1):
        yield replace(
            plan,
            days=replace(plan.days, count=plan.days.count - 1),
            actions=later(plan.actions, day),
            faults=tuple(_earlier(each, day) for each in plan.faults),
        )


def _earlier(plan: FaultPlan, day: int) -> FaultPlan:
    at = plan.trigger.day
    return plan if at is None or at < day or at == 1 else replace(plan, trigger=replace(plan.trigger, day=at - 1))


def fewer_terminals(plan: Plan) -> Iterator[Plan]:
    """The first so many terminals."""
    for count in _doubling(plan.terminals):
        yield on_terminals(plan, count)


def on_terminals(plan: Plan, count: int) -> Plan:
    """The first ``count`` terminals of ``plan``, with the faults that strike there."""
    names = frozenset(replace(plan, terminals=count).station_names())
    return replace(plan, terminals=count, faults=tuple(_on(each, names, count) for each in plan.faults))


def _doubling(below: int) -> list[int]:
    """1, 2, 4 and so on: what is tried again and again halves what is left."""
    counts = [1]
    while 2 * counts[-1] < below:
        counts.append(2 * counts[-1])
    return [each for each in counts if each < below]


def _on(plan: FaultPlan, names: frozenset[str], count: int) -> FaultPlan:
    if isinstance(plan.devices, int):
        return replace(plan, devices=min(plan.devices, count))
    if isinstance(plan.devices, tuple):
        kept = tuple(each for each in plan.devices if each in names)
        return replace(plan, devices=kept or "all")
    return plan


def seeds(plan: Plan) -> Iterator[Plan]:
    """A small seed, or none at all."""
    yield replace(plan, seed=None)
    for seed in range(1, min(_SEEDS, plan.seed or 0) + 1):
        yield replace(plan, seed=seed)


# ---------------------------------------------------------------- faults


def simpler_faults(plan: Plan) -> Iterator[Plan]:
    """One fault at a time with less to say about it."""
    for place, fault in enumerate(plan.faults):
        for simpler in _simpler(fault, plan):
            yield replace(plan, faults=(*plan.faults[:place], simpler, *plan.faults[place + 1 :]))


def _simpler(plan: FaultPlan, of: Plan) -> Iterator[FaultPlan]:
    kind = plan.fault.kind
    if sum(kind in (each.name, each.fault.kind) for each in of.faults) == 1:
        yield replace(plan, name=kind)
    if of.terminals == 1:
        yield replace(plan, devices="all", together=False)
    for times in _fewer(plan.times):
        yield replace(plan, times=times)
    yield replace(plan, lift_after_us=None)
    if plan.lift_after_us is not None:
        for lift_us in rounded(plan.lift_after_us, 0):
            yield replace(plan, lift_after_us=lift_us)
    for trigger in _triggers(plan.trigger):
        yield replace(plan, trigger=trigger)
    for fault in _parameters(plan.fault):
        yield replace(plan, fault=fault)


def _triggers(trigger: Trigger) -> Iterator[Trigger]:
    for occurrence in _fewer(trigger.occurrence):
        yield replace(trigger, occurrence=occurrence)
    yield from _nearer(trigger, Trigger())
    if trigger.storage_operation is not None:
        low, high = trigger.storage_operation
        for operation in range(low, min(high, low + 12) + 1) if low != high else range(1, low):
            yield replace(trigger, storage_operation=(operation, operation))
    if trigger.message is not None:
        for message in _nearer(trigger.message, type(trigger.message)()):
            yield replace(trigger, message=message)
    if trigger.time_us is not None:
        for time_us in rounded(trigger.time_us, 0):
            yield replace(trigger, time_us=time_us)


def _parameters(fault: Fault) -> Iterator[Fault]:
    for parameter in fields_of(type(fault)):
        value = getattr(fault, parameter.name)
        if parameter.required:
            options: Iterator[Any] = iter(())
        else:
            options = iter(() if value == parameter.default else (parameter.default,))
        for option in options:
            try:
                yield replace(fault, **{parameter.name: option})  # type: ignore[type-var]
            except ValueError:
                continue
        if parameter.unit == "duration" and isinstance(value, int):
            for duration_us in rounded(value, 0):
                try:
                    yield replace(fault, **{parameter.name: duration_us})  # type: ignore[type-var]
                except ValueError:
                    continue


def _fewer(number: int) -> Iterator[int]:
    """Smaller numbers from 1 up, few of them."""
    nearer = (number - number // part for part in (2, 4, 8, 16))
    yield from dict.fromkeys(each for each in (1, 2, 3, *nearer, number - 1) if 1 <= each < number)


def rounded(amount_us: int, least_us: int) -> Iterator[int]:
    """Rounder amounts next to ``amount_us``, the roundest first."""
    for unit_us in _ROUND_US:
        if amount_us % unit_us == 0:
            return
        for near_us in (amount_us // unit_us * unit_us, -(-amount_us // unit_us) * unit_us):
            if near_us > least_us:
                yield near_us


# ---------------------------------------------------------------- actions


def merged(plan: Plan) -> Iterator[Plan]:
    """Like actions of one day as one action so many times: all at once, then those of one kind, then neighbours."""
    actions = plan.actions or ()
    groups: dict[tuple[str, int, str], list[int]] = {}
    for place, each in enumerate(actions):
        groups.setdefault((each.do, each.day, each.pays_by), []).append(place)
    several = [places for places in groups.values() if len(places) > 1]
    if len(several) > 1:
        yield from _with_merged(plan, several)
    for places in several:
        yield from _with_merged(plan, [places])
    for before in range(len(actions) - 1):
        first, second = actions[before], actions[before + 1]
        if (first.do, first.day, first.pays_by) == (second.do, second.day, second.pays_by):
            yield from _with_merged(plan, [[before, before + 1]])


def _with_merged(plan: Plan, groups: list[list[int]]) -> Iterator[Plan]:
    actions = plan.actions or ()
    gone = {place for places in groups for place in places}
    for keep_amount in (False, True):
        made = {places[0]: _one_of([actions[place] for place in places], keep_amount) for places in groups}
        yield replace(
            plan,
            actions=tuple(
                made.get(place, each) for place, each in enumerate(actions) if place not in gone or place in made
            ),
        )


def _one_of(actions: list[Scripted], keep_amount: bool) -> Scripted:
    first, last = min(actions, key=lambda each: each.time_us), max(actions, key=lambda each: each.last_us)
    times = sum(each.times for each in actions)
    every_us = (last.last_us - first.time_us) // (times - 1) if times > 1 else first.every_us
    every_us = next(rounded(every_us, 0), every_us) if every_us > US_PER_MINUTE else every_us
    while first.time_us + (times - 1) * every_us > last.last_us and every_us > US_PER_SECOND:
        every_us = max(US_PER_SECOND, every_us - US_PER_MINUTE)
    amount_fen = first.amount_fen if keep_amount else None
    return replace(first, times=times, every_us=every_us, amount_fen=amount_fen)


def simpler_actions(plan: Plan) -> Iterator[Plan]:
    """Fewer repetitions, usual amounts, no card in particular, round times: of all actions at once, then of one."""
    actions = plan.actions or ()
    if len(actions) > 1:
        yield replace(plan, actions=tuple(replace(each, amount_fen=None, card=None) for each in actions))
        for unit_us in _ROUND_US[2:]:
            yield replace(plan, actions=tuple(_on_the(each, unit_us) for each in actions))
    hours = hours_of(plan, 0)
    for place, action in enumerate(actions):
        for simpler in _simpler_action(action, 0 if hours is None else hours.open_us):
            yield replace(plan, actions=(*actions[:place], simpler, *actions[place + 1 :]))


def _on_the(action: Scripted, unit_us: int) -> Scripted:
    every_us = max(unit_us, action.every_us // unit_us * unit_us) if action.times > 1 else action.every_us
    return replace(action, time_us=action.time_us // unit_us * unit_us, every_us=every_us)


def _simpler_action(action: Scripted, open_us: int) -> Iterator[Scripted]:
    for times in _fewer(action.times):
        yield replace(action, times=times)
    if action.amount_fen is not None:
        yield replace(action, amount_fen=None)
        for unit in (10_000, 1_000, 100):
            if action.amount_fen % unit and action.amount_fen > unit:
                yield replace(action, amount_fen=action.amount_fen // unit * unit)
    if action.card is not None:
        yield replace(action, card=None)
    if action.pays_by != "card":
        yield replace(action, pays_by="card")
    if action.day > 1:
        yield replace(action, day=1)
    usual_us = Scripted("sale", 0).every_us
    if action.times > 1 and action.every_us != usual_us:
        for every_us in (usual_us, *rounded(action.every_us, 0)):
            yield replace(action, every_us=every_us)
    for time_us in rounded(action.time_us, open_us - 1):
        if time_us < US_PER_DAY:
            yield replace(action, time_us=time_us)


# ---------------------------------------------------------------- stretches of a list


def without_faults(plan: Plan, place: int, stretch: int) -> Plan:
    """Without so many faults from there on."""
    return replace(plan, faults=plan.faults[:place] + plan.faults[place + stretch :])


def without_actions(plan: Plan, place: int, stretch: int) -> Plan:
    """Without so many actions from there on."""
    actions = plan.actions or ()
    return replace(plan, actions=actions[:place] + actions[place + stretch :])


def without_intents(plan: Plan, place: int, stretch: int) -> Plan:
    """Without so many customers from there on."""
    intents = plan.only_intents or ()
    return replace(plan, only_intents=intents[:place] + intents[place + stretch :])


def without_pins(plan: Plan, place: int, stretch: int) -> Plan:
    """Without so many pinned decisions from there on."""
    pins = list((plan.decisions or {}).items())
    return replace(plan, decisions=dict(pins[:place] + pins[place + stretch :]))


def unpinned(plan: Plan) -> Iterator[Plan]:
    """Without any pinned decision."""
    if plan.decisions is not None:
        yield replace(plan, decisions=None, unpinned="neutral")


def fewer_pins(plan: Plan) -> Iterator[Plan]:
    """Without all decisions of one kind, the most numerous first."""
    if plan.decisions is None:
        return
    groups: dict[str, list[str]] = {}
    for key in plan.decisions:
        groups.setdefault(_group(key), []).append(key)
    for keys in sorted(groups.values(), key=len, reverse=True):
        gone = frozenset(keys)
        yield replace(plan, decisions={key: value for key, value in plan.decisions.items() if key not in gone})


def _group(key: str) -> str:
    """Decisions of one kind and device: ``T03/a17/link.up/0`` is one of ``T03/a/link.up``."""
    device, _, rest = key.partition("/")
    return f"{device}/{_ORDINAL.sub('', rest)}"

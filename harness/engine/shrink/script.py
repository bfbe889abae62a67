"""From a run to a script: who came and what was done at one terminal, as ``actions`` of a scenario with that terminal alone.

Models: customers as they opened their purchases, check-outs, and what somebody did to the terminal under its people's hands.
What habits make of it (retries, a sale keyed in once more, settlements) stays with the habits.
Does not model: the queue, the very card, how long keying took: a script says the same of all customers. Whether the finding is
still there is for a run to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from harness.core.units import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND
from harness.faults.base import FaultPlan, Trigger
from harness.faults.trigger import is_conditional
from harness.history.events import ActionStarted, Event, FaultStruck, IntentOpened, OperatorDid, PhaseStarted
from harness.scenario.check_actions import hours_of
from harness.scenario.plan import MerchantShare, Plan
from harness.workload.script import CUSTOMERS, Do, Scripted

_OF_HABITS = 8_000
"""Visits from this number in their day on come of a habit, which brings them again."""
_VISITS_A_DAY_MAX = 10_000
_FEW = (0, 1, 2, 3, 5)
_AFTER_OPENING_US = 5 * US_PER_MINUTE
_EVERY_US = 2 * US_PER_MINUTE
_SALES_MAX = 1_500


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run showed of one terminal, as far as a script can say it."""

    device: str
    steps: tuple[Scripted, ...]
    intents: tuple[int, ...]
    """Whoever came, at any terminal."""
    own: tuple[int, ...]
    """Of those, whoever came to this one."""
    strikes: dict[str, tuple[int, ...]]
    """By fault: when it struck there or, where it never did, elsewhere."""
    came_us: tuple[int, ...] = ()
    """When each of ``own`` came first."""

    def last_before(self, at_us: int, most: int) -> tuple[int, ...]:
        """The last ``most`` customers of this terminal who came until then."""
        before = [who for who, came_us in zip(self.own, self.came_us, strict=False) if came_us <= at_us]
        return tuple(before[-most:])


def seen_at(device: str, events: Iterable[Event]) -> Seen:
    """What happened at ``device`` while there was trade; the steps are told of terminal T01."""
    steps: list[Scripted] = []
    strikes: dict[str, list[int]] = {}
    elsewhere: dict[str, list[int]] = {}
    intents: list[int] = []
    own: dict[int, int] = {}
    by_code: set[int] = set()
    for event in events:
        if isinstance(event, PhaseStarted) and event.phase != "trading":
            break
        if isinstance(event, FaultStruck):
            (strikes if device in event.devices else elsewhere).setdefault(event.fault.rpartition("#")[0], []).append(
                event.at_us
            )
            continue
        if isinstance(event, IntentOpened):
            intents.append(event.intent)
        if getattr(event, "device", None) != device:
            continue
        if isinstance(event, IntentOpened):
            own.setdefault(event.intent, event.at_us)
            step = _customer(event)
            if step is not None:
                steps.append(step)
        elif isinstance(event, ActionStarted):
            if event.kind == "scan_sale" and event.intent is not None and event.intent not in by_code:
                by_code.add(event.intent)
                if steps and steps[-1].do == "sale":
                    steps[-1] = replace(steps[-1], pays_by="code")
            elif event.kind in ("clear_cache", "read_log"):
                steps.append(_step(cast(Do, event.kind), event.at_us))
        elif isinstance(event, OperatorDid) and event.what == "restarted the terminal":
            steps.append(_step("restart", event.at_us))
    struck = {name: tuple(times) for name, times in (elsewhere | strikes).items()}
    return Seen(device, tuple(steps), tuple(dict.fromkeys(intents)), tuple(own), struck, tuple(own.values()))


def _customer(event: IntentOpened) -> Scripted | None:
    if event.repeats is not None or event.intent % _VISITS_A_DAY_MAX >= _OF_HABITS:
        return None
    do = "void" if event.kind == "completion_void" else event.kind
    if do not in CUSTOMERS:
        return None
    amount_fen = event.amount_fen if do in ("sale", "preauth", "completion") else None
    return _step(cast(Do, do), event.at_us, amount_fen)


def _step(do: Do, at_us: int, amount_fen: int | None = None) -> Scripted:
    day, time_us = divmod(at_us, US_PER_DAY)
    return Scripted(do, time_us // US_PER_SECOND * US_PER_SECOND, day + 1, amount_fen=amount_fen)


# ---------------------------------------------------------------- the plan that follows it


def alone(plan: Plan, seen: Seen, until_us: int | None = None) -> Plan:
    """``plan`` with the terminal of ``seen`` only, and with nobody who is drawn but what the steps say.

    Of a fault's strikes it keeps the last one until ``until_us``; without that, the first.
    """
    place = int(seen.device[1:]) - 1
    merchant = plan.merchant_of(place) if place < plan.terminals else plan.merchants[0].merchant
    hours = hours_of(plan, min(place, plan.terminals - 1))
    assert hours is not None
    people = replace(
        plan.people,
        voids_percent=0.0, refunds_percent=0.0,
        clears_cache_per_day=0.0, restarts_per_day=0.0, reads_log_per_day=0.0,
    )  # fmt: skip
    faults = tuple(_here(each, seen, until_us) for each in plan.faults if each.name in seen.strikes)
    last_us = hours.close_us - US_PER_SECOND
    return replace(
        plan,
        terminals=1,
        merchants=(MerchantShare(merchant),),
        sales_per_day=None,
        surge=None,
        only_intents=None,
        decisions=None,
        unpinned="neutral",
        people=people,
        faults=faults,
        # Who stood in the queue at closing time was served after it.
        actions=tuple(
            replace(each, time_us=min(max(each.time_us, hours.open_us), last_us))
            for each in seen.steps
            if each.day <= plan.days.count
        ),
    )


def _here(plan: FaultPlan, seen: Seen, until_us: int | None) -> FaultPlan:
    """The fault on the one terminal that is left; where its time was drawn, at the time that came out."""
    here = replace(plan, devices="all", together=False)
    trigger, times = plan.trigger, seen.strikes[plan.name]
    drawn = plan.per_day is not None or (trigger.time_us is None and not is_conditional(trigger))
    if not drawn:
        return here
    before = [each for each in times if until_us is not None and each <= until_us]
    return at_time(here, before[-1] if before else times[0])


def at_time(plan: FaultPlan, at_us: int) -> FaultPlan:
    """One strike, at that time; what else its trigger waits for it still does."""
    day, time_us = divmod(at_us, US_PER_DAY)
    trigger: Trigger = replace(plan.trigger, day=day + 1, time_us=time_us // US_PER_SECOND * US_PER_SECOND)
    return replace(plan, per_day=None, times=1, scheduled=True, trigger=trigger)


def templates(plan: Plan, most: int) -> Iterator[Plan]:
    """``plan`` (of one terminal) with equal sales only: none, a few, and as many as were seen (``most``), spread over the day.

    What needs fewer than were seen and more than a few is found by taking away from the last.
    """
    hours = hours_of(plan, 0)
    assert hours is not None
    begin_us = hours.open_us + _AFTER_OPENING_US
    room_us = hours.close_us - begin_us - _AFTER_OPENING_US
    if room_us <= 0:
        return
    for days in dict.fromkeys((1, plan.days.count)):
        for number in sorted({*_FEW, min(_SALES_MAX, -(-most // days))}):
            spread_us = room_us // max(1, number - 1) // US_PER_SECOND * US_PER_SECOND
            for every_us in dict.fromkeys((min(_EVERY_US, spread_us), spread_us if number > 1 else _EVERY_US)):
                actions = tuple(
                    Scripted("sale", begin_us, day, times=number, every_us=every_us)
                    for day in range(1, days + 1)
                    if number
                )
                yield on_days(replace(plan, actions=actions), days)


def on_days(plan: Plan, count: int) -> Plan:
    """The first ``count`` days of ``plan``, without what is placed on later ones."""
    actions = None if plan.actions is None else tuple(each for each in plan.actions if each.day <= count)
    faults = tuple(each for each in plan.faults if each.trigger.day is None or each.trigger.day <= count)
    return replace(plan, days=replace(plan.days, count=count), actions=actions, faults=faults)


def later(actions: Sequence[Scripted], day: int) -> tuple[Scripted, ...]:
    """``actions`` without those of ``day``, and what comes after it a day earlier."""
    return tuple(replace(each, day=each.day - (each.day > day)) for each in actions if each.day != day)

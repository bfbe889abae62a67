"""The steps of a stepped run as a scenario: a file that ``harness run`` takes, as far as steps can be said so.

Models: customers and operators as ``actions`` at the times of their steps, faults at the times at which they were ordered, lifted
when they were. Does not model: the very instants between two steps, as people in a scenario take their own time; whoever keeps
such a scenario runs it first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

from harness.core.units import US_PER_DAY, US_PER_SECOND
from harness.engine.stepped.orders import Lift, Operate, Order, Restart, Strike, Visit
from harness.scenario.load import load_text
from harness.scenario.quantities import clock_text, duration_text
from harness.scenario.resolve import Written, plan_values
from harness.workload.script import PAYING, Do


@dataclass(frozen=True, slots=True)
class Taken:
    """A step, and when it began."""

    at_us: int
    order: Order


def scenario_of(head: str, taken: Sequence[Taken]) -> str | None:
    """``head`` (a scenario's text without days, faults and actions) with the steps behind it; None when one cannot be said."""
    actions: list[dict[str, Written]] = []
    faults: list[dict[str, Written]] = []
    struck_us: list[int] = []
    for step in taken:
        order = step.order
        if isinstance(order, Strike):
            faults.append(_fault(order.fault, step.at_us, len(faults) + 1))
            struck_us.append(step.at_us)
        elif isinstance(order, Lift):
            for fault, at_us in zip(faults, struck_us, strict=True):
                if fault["type"] == order.kind:
                    fault.setdefault("lift_after", duration_text(_whole(step.at_us - at_us)))
        elif isinstance(order, Visit | Operate | Restart):
            action = _action(order, step.at_us)
            if action is None:
                return None
            actions.append(action)
    days = 1 + max((step.at_us // US_PER_DAY for step in taken), default=0)
    lines = [head.rstrip("\n"), f'days: {{count: {days}, open: "00:00", close: "24:00"}}']
    lines += ["actions:", *(f"  - {json.dumps(each)}" for each in actions)] if actions else ["actions: []"]
    lines += ["faults:", *(f"  - {json.dumps(each)}" for each in faults)] if faults else []
    return "\n".join(lines) + "\n"


def _action(order: Visit | Operate | Restart, at_us: int) -> dict[str, Written] | None:
    do = "restart" if isinstance(order, Restart) else order.kind if isinstance(order, Visit) else order.action
    if do not in get_args(Do):
        return None
    action: dict[str, Written] = {"do": do, **_place(at_us)}
    if isinstance(order, Visit):
        if do in PAYING:
            action["amount_fen"] = order.amount_fen
        if order.by_code:
            action["pays_by"] = "code"
    return action


def _fault(text: str, at_us: int, number: int) -> dict[str, Written]:
    """The entry of a strike: as it was ordered, armed when it was ordered, under a name of its own."""
    (entry,) = cast("list[dict[str, Written]]", plan_values(load_text(f"name: step\nfaults:\n  - {text}\n"))["faults"])
    at = cast("dict[str, Written]", entry.get("at") or {})
    return {**entry, "name": f"{entry['type']}-{number}", "at": {**at, **_place(at_us)}}


def _place(at_us: int) -> dict[str, Written]:
    at_us = _whole(at_us)
    return {"day": at_us // US_PER_DAY + 1, "time": clock_text(at_us % US_PER_DAY)}


def _whole(duration_us: int) -> int:
    """In whole seconds: steps are seconds apart."""
    return duration_us - duration_us % US_PER_SECOND

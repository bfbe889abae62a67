"""How large a case is: what shrinking makes less of, the most telling first."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from harness.scenario.brief import unpinned_text
from harness.scenario.plan import Plan

_NUMBER = re.compile(r"\d+")
UNKNOWN = 1 << 40
"""Of customers who are drawn nobody knows how many come until the day is run."""


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """Ordered: a case is smaller when the first of these that differs is less."""

    pins: int
    """Pinned decisions. A case without any is one that people can read."""
    drawn: bool
    """Whether customers are drawn. Who is written down can be left out one by one."""
    terminals: int
    faults: int
    actions: int
    """"A sale, twenty times" is one."""
    days: int
    repeats: int
    """Actions with each repetition counted."""
    characters: int
    digits: int
    """All numbers added up: 2 is simpler than 7."""


def size_of(plan: Plan) -> Size:
    """The size of ``plan``. What it is called and what is told of it counts for nothing."""
    actions = repeats = UNKNOWN
    if plan.actions is not None:
        actions, repeats = len(plan.actions), sum(each.times for each in plan.actions)
    elif plan.only_intents is not None:
        actions = repeats = len(plan.only_intents)
    text = unpinned_text(replace(plan, name="", summary=""))
    return Size(
        len(plan.decisions or {}),
        plan.actions is None,
        plan.terminals,
        len(plan.faults),
        actions,
        plan.days.count,
        repeats,
        len(text),
        sum(int(each) for each in _NUMBER.findall(text)),
    )

"""Checks of a scenario's ``actions``: terminals and days that there are, and times at which somebody is in the shop.

Does not model: whether an action succeeds, or whether a terminal has a key for it: that is the software's.
"""

from __future__ import annotations

from collections import Counter

from harness.core.documents.source import Document, Path
from harness.core.registry import nearest
from harness.scenario import registries
from harness.scenario.plan import Plan
from harness.scenario.quantities import clock_text
from harness.workload.arrivals import Hours
from harness.workload.script import STEPS_A_DAY_MAX, Scripted

_ACTIONS_MAX = 2_000
_DRAWN = ("sales_per_day", "surge", "only_intents")


def check_actions(document: Document, plan: Plan) -> None:
    """Note what does not fit together."""
    if plan.actions is None:
        return
    for key in _DRAWN:
        if (key,) in document.places:
            document.complain(
                (key,), f"expected either actions or {key}: actions name everybody who comes", at_key=True
            )
    if len(plan.actions) > _ACTIONS_MAX:
        document.complain(
            ("actions",), f"expected at most {_ACTIONS_MAX}, found {len(plan.actions)}; 'times' repeats one"
        )
        return
    steps: Counter[tuple[str, int]] = Counter()
    for number, action in enumerate(plan.actions):
        _check_action(document, plan, action, ("actions", number))
        steps[action.terminal, action.day] += action.times
        if steps[action.terminal, action.day] > STEPS_A_DAY_MAX:
            document.complain(
                ("actions", number), f"expected at most {STEPS_A_DAY_MAX} actions a day at {action.terminal}"
            )
            return


def _check_action(document: Document, plan: Plan, action: Scripted, path: Path) -> None:
    if action.day > plan.days.count:
        document.complain((*path, "day"), f"expected a day from 1 to {plan.days.count}, found {action.day}")
    names = plan.station_names()
    if action.terminal not in names:
        hint = nearest(action.terminal, list(names[:40]))
        document.complain((*path, "terminal"), f"no terminal named {action.terminal!r}; {hint}")
        return
    hours = hours_of(plan, names.index(action.terminal))
    if hours is None:
        return  # the merchant's name is wrong, and that is told elsewhere
    shut = f"{action.terminal} is open from {clock_text(hours.open_us)} to {clock_text(hours.close_us)}"
    if not hours.open_us <= action.time_us < hours.close_us:
        document.complain((*path, "time"), f"{shut}, and nobody is there at {clock_text(action.time_us)}")
    elif action.last_us >= hours.close_us:
        fit = 1 + (hours.close_us - 1 - action.time_us) // action.every_us
        document.complain((*path, "times"), f"{shut}, and the last of {action.times} is later; at most {fit} fit in")


def hours_of(plan: Plan, place: int) -> Hours | None:
    """When the shop of the terminal at ``place`` (from 0) is open; None for a merchant that there is not."""
    from harness.workload.merchants import MERCHANTS

    name = plan.merchant_of(place)
    if name not in registries.merchant_names():
        return None
    merchant = MERCHANTS.get(name)
    opening, closing = plan.days.open_us, plan.days.close_us
    return Hours(merchant.open_us if opening is None else opening, merchant.close_us if closing is None else closing)

"""Which rows of the trade have a scenario, what happens in it, and what sees it.

Models: the ``covers`` key of scenario files, read against the rows. Does not model: whether a scenario really shows its row;
the ablation test does (tests/engine/test_ablation.py), and a run whose fault did not bite says so itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from harness.scenario.plan import FundsPlan, HostPlan, Plan
from harness.scenario.trade import TradeRow, trade_rows
from harness.workload.behaviour import Behaviour


@dataclass(frozen=True, slots=True)
class Covered:
    """One row with the scenarios that cover it, by name, and what each of them does."""

    row: TradeRow
    scenarios: Mapping[str, tuple[str, ...]]

    @property
    def is_missing(self) -> bool:
        """No scenario covers it, and it is none that needs none."""
        return not self.scenarios and not self.row.not_simulated


def coverage(plans: Mapping[str, Plan]) -> list[Covered]:
    """All rows, those without a scenario first."""
    happenings = {name: happens(plan) for name, plan in plans.items()}
    found = [
        Covered(row, {name: happenings[name] for name, plan in plans.items() if row.id in plan.covers})
        for row in trade_rows()
    ]
    return sorted(found, key=lambda covered: not covered.is_missing)  # sorted() keeps the articles' order within each


def happens(plan: Plan) -> tuple[str, ...]:
    """What goes wrong in a scenario: its kinds of fault, and the habits of people and host that are not the ordinary ones."""
    kinds = dict.fromkeys(fault.fault.kind for fault in plan.faults)
    habits = (f"people.{name}" for name in _unusual(plan.people, Behaviour()))
    host: Iterable[str] = (f"host.{name}" for name in _unusual(plan.host, HostPlan()))
    if plan.funds is not None:
        host = (*host, *(f"funds.{name}" for name in _unusual(plan.funds, FundsPlan())))
    trade = ("surge",) if plan.surge is not None else ()
    if plan.trace_number is not None:
        trade = ("terminals.trace_number", *trade)
    if not kinds and not trade and plan.sales_per_day is not None:
        trade = ("sales_per_day",)
    return (*kinds, *habits, *host, *trade)


def _unusual(thing: Behaviour | HostPlan | FundsPlan, ordinary: Behaviour | HostPlan | FundsPlan) -> Iterable[str]:
    for each in fields(thing):
        if getattr(thing, each.name) != getattr(ordinary, each.name):
            yield each.name.removesuffix("_percent").removesuffix("_us")

"""``--fail-if``: bounds on what was measured in random runs, in a syntax so small that nothing can hide in it.

Models: ``NAME OPERATOR NUMBER``, with ``>``, ``>=``, ``<`` or ``<=``; the gate fails where it is true of any random run. NAME is
a measure of runs, or one of what all random runs came to. Does not model: sums, words, several conditions (repeat it).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.results.model import RunRow
from harness.scenario.thresholds import MEASURES

_SYNTAX = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,60})\s*(>=|<=|>|<)\s*(-?\d{1,15}(?:\.\d{1,9})?)\s*\Z")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
OF_ALL = ("failed_runs", "inconclusive_runs", "passed_runs", "upper_bound_95_percent", "terminal_days")
"""What the random runs came to, as names."""
_OF_RUNS = (*MEASURES, "sales_asked", "sales_feasible", "sales_accepted", "events")


@dataclass(frozen=True, slots=True)
class Limit:
    """One condition under which the gate fails."""

    name: str
    sign: str
    number: float

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.number:.12g}"

    def worst(self, values: Iterable[float]) -> float | None:
        """Of the values of all runs the one that comes closest to failing; None when there is none."""
        found = list(values)
        if not found:
            return None
        return max(found) if self.sign in (">", ">=") else min(found)

    def fails(self, value: float) -> bool:
        """Whether that value makes the gate fail."""
        return _OPERATORS[self.sign](value, self.number)


def parsed(text: str) -> Limit:
    """One ``--fail-if``. UsageError that says what was expected."""
    found = _SYNTAX.match(text)
    if found is None:
        raise UsageError(
            f"--fail-if {text[:120]!r}: expected NAME, one of > >= < <=, and a number, such as 'sale_s_p95 > 5'"
        )
    name = found[1]
    if name not in OF_ALL and name not in _OF_RUNS:
        raise UsageError(f"--fail-if: nothing is measured as {name!r}; {nearest(name, [*_OF_RUNS, *OF_ALL])}")
    return Limit(name, found[2], float(found[3]))


def values_of(limit: Limit, runs: Iterable[RunRow], of_all: Mapping[str, float]) -> list[float]:
    """What was measured under that name: once a run, or once for all of them."""
    if limit.name in OF_ALL:
        return [of_all[limit.name]] if limit.name in of_all else []
    return [each.value for run in runs for each in run.measures if each.name == limit.name]

"""Verdicts and exit codes: nothing that proves nothing ends in 0, and the worst of several runs is what counts."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from harness.core.errors import ExitCode
from harness.engine.verdict import Sales, Status, Verdict, worst

VERDICT = Verdict("pass", "small", "reference", 1, 1, 1, (), (), (), (), (), Sales(), 0, "")


@pytest.mark.parametrize(("status", "code"), [("pass", 0), ("fail", 1), ("inconclusive", 2)])
def test_each_status_has_its_documented_exit_code(status: Status, code: int) -> None:
    assert msgspec.structs.replace(VERDICT, status=status).exit_code == code


@pytest.mark.parametrize(
    ("sales", "percent"), [(Sales(10, 8, 6), 75.0), (Sales(10, 8, 8), 100.0), (Sales(10, 0, 0), 0.0), (Sales(), 0.0)]
)
def test_acceptance_is_of_the_feasible_sales_and_nothing_feasible_is_no_acceptance(
    sales: Sales, percent: float
) -> None:
    assert sales.acceptance_percent == percent


WORSE_FIRST = (ExitCode.HARNESS_ERROR, ExitCode.USAGE, ExitCode.VIOLATED, ExitCode.INCONCLUSIVE, ExitCode.PASS)


def test_the_worst_of_several_runs_is_what_counts_in_whatever_order_they_ran() -> None:
    for place, code in enumerate(WORSE_FIRST):
        for codes in permutations(WORSE_FIRST[place:], min(3, len(WORSE_FIRST) - place)):
            assert worst(list(codes)) == min(codes, key=WORSE_FIRST.index)
        assert worst([code]) == code
    assert worst([]) == ExitCode.NOTHING_SELECTED

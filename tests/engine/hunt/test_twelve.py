"""Each of twelve symptoms of the field is found on the terminal that has it, and on the reference in as many runs on none."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from harness.engine.hunt.report import HuntReport
from harness.engine.hunt.search import Hunt
from harness.engine.hunt.stages import Stage, shipped_stages
from harness.engine.request import RunRequest
from harness.history.symptoms.parse import parse
from harness.terminals.catalogue import CATALOGUE
from tests.engine.hunt.twelve import TWELVE, Known

BUDGET_S = 300.0
_REFERENCE_RUNS_MIN = 16


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return shipped_stages()


def hunt(stages: list[Stage], symptom: str, terminal: str, runs: int) -> HuntReport:
    base = RunRequest(scenario="", terminal=terminal, wall_limit_s=60.0)
    return Hunt(parse(symptom), base, stages, 1, 2, BUDGET_S, runs).run()


def test_they_are_three_of_each_family_on_terminals_that_ship() -> None:
    assert Counter(each.family for each in TWELVE) == dict.fromkeys(("storage", "power", "network", "memory"), 3)
    assert {each.terminal for each in TWELVE} <= set(CATALOGUE)
    assert all(parse(each.symptom).steps for each in TWELVE)


@pytest.mark.soak
@pytest.mark.parametrize("known", TWELVE, ids=[each.terminal for each in TWELVE])
def test_it_is_found_where_it_is_and_not_on_the_reference(known: Known, stages: list[Stage]) -> None:
    began_s = time.monotonic()
    found = hunt(stages, known.symptom, known.terminal, known.runs)
    assert found.state == "found", found.best
    assert time.monotonic() - began_s < BUDGET_S
    right = hunt(stages, known.symptom, "reference", max(found.runs, _REFERENCE_RUNS_MIN))
    assert right.state == "not_found", right.best

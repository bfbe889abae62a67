"""The unseen defects: what the general list of an assay did not see when they were first measured, and does now.

A row says which scenario of that list shows a defect and who finds it; the reference passes the same. The list itself knows
nothing of them: what is in it happens in shops.
"""

from __future__ import annotations

import pytest

from harness.engine.assay.plan import tasks_of
from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.sut import interpreter, software
from harness.terminals.assays import ASSAYS, UNSEEN_TRIALS
from harness.terminals.beyond import BEYOND
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.unseen import UNSEEN
from tests.engine.small_runs import found, run, small, told

CAUGHT = (
    ("reprints_request", 7, "reprints: 100%"),
    ("settle_forgotten", 23, "off_for: 14 min"),
    ("put_off_by_clock", 22, "clock_jump"),
    ("batch_adopted_full", 12, "off_for: 1379 min"),
    ("hang_up_is_no", 5, "link_reset"),
    ("hold_left_behind", 5, "merchants: hotel"),
    ("refund_sent_as_new", 2, "{action: refund}"),
    ("last_part_unsent", 1, "host_miscounts, messages: 12"),
    ("cutover_settled", 11, "day_cut_over"),
    ("duplicate_as_approved", 18, "device_lost"),
    ("no_paper_no_sale", 3, "paper_out, at: {day: 1"),
    ("leaks_without_line", 26, "partition"),
    ("keys_never_renewed", 24, "cloned_tid"),
    ("stan_wraps_to_zero", 8, "trace_number: 999997"),
    ("stops_at_damage", 1, 'time: "09:40"}}\n  - {type: crash'),
)
TEXTS = (*BEYOND, *(each.scenario for each in ASSAYS if each.mutant in ("stan_by_size", "begins_anew")))
_SOON = (
    "reprints_request",
    "settle_forgotten",
    "put_off_by_clock",
    "batch_adopted_full",
    "stan_wraps_to_zero",
    "stops_at_damage",
)
"""Those that a check had to be sharpened for; the others needed a scenario alone, and are in soak."""


def assayed(name: str, text: str) -> Verdict:
    loaded = software.load(UNSEEN[name].spec, {}, share_modules=True)
    plan = small(text)
    with interpreter.installed():
        return run_plan(plan, loaded, RunRequest(scenario=plan.name, seed=1), lambda _: None)


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [pytest.param(*each, marks=() if each[0] in _SOON else pytest.mark.soak, id=each[0]) for each in CAUGHT],
)
def test_the_general_list_shows_it_where_the_reference_passes(name: str, number: int, words: str) -> None:
    (text,) = [each for each in TEXTS if words in each]
    verdict = assayed(name, text)
    assert number in found(verdict), told(verdict)
    correct = run(small(text), "reference")
    assert correct.status == "pass", told(correct)


def test_they_are_a_set_of_their_own_that_no_row_was_written_for() -> None:
    assert len(UNSEEN) == 20 and not UNSEEN.keys() & CATALOGUE.keys()
    tasks = tasks_of([], unseen=True)
    assert [task.terminal for task in tasks] == list(UNSEEN)
    assert all(not task.caught_by and len(task.tries) >= len(UNSEEN_TRIALS) for task in tasks)
    assert not any(one.wanted for one in tasks[0].tries if one.text)

"""Terms at rest against the invariants' own small histories: proven where they are true, and not where they only look so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.engine.hunt.proof import Hunted
from harness.history.recorder import Recorder
from harness.history.symptoms.model import Reached
from harness.history.symptoms.parse import parse
from harness.invariants.base import Case
from harness.invariants.casebook import card, ends, intent, leaves, ledger, paid_sale, phase, starts, timed
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.judge import Judge

NOT_TWICE = frozenset({"too much", "completion beyond 115 percent", "more than the bill", "hold sent as a sale"})
"""More than the price was taken, and once: no second charge."""


def reached(case: Case, symptom: str) -> Reached:
    """How far the case's history gets."""
    recorder = Recorder()
    judge = Judge(case.terms)
    judge.attach(recorder)
    hunted = Hunted(parse(symptom), judge, recorder)
    for event in case.events:
        recorder.emit(event)
    return hunted.reached(judge.conclude(case.events[-1].at_us))


def cases(name: str) -> Iterator[tuple[str, Case]]:
    """By id: the cases of one invariant."""
    for case in INVARIANTS.get(name).cases:
        yield case.name, case


TWICE = dict(cases("no_double_charge"))
SILENT = dict(cases("no_silent_charge"))
LOST = dict(cases("no_lost_approval"))


@pytest.mark.parametrize("name", TWICE)
def test_charged_twice_is_what_invariant_3_says_of_two_charges(name: str) -> None:
    case = TWICE[name]
    expected = case.expect == "finding" and name not in NOT_TWICE and not name.startswith("keyed in")
    assert reached(case, "charged twice").shown is expected


@pytest.mark.parametrize("name", SILENT)
def test_a_ledger_entry_without_receipt_is_what_invariant_31_says(name: str) -> None:
    case = SILENT[name]
    assert reached(case, "ledger entry without receipt").shown is (case.expect == "finding")


@pytest.mark.parametrize("name", LOST)
def test_a_shown_approval_is_lost_at_the_terminal_or_without_entry_at_the_host_and_never_both(name: str) -> None:
    case = LOST[name]
    terms = [reached(case, each).shown for each in ("approved sale lost", "receipt without ledger entry")]
    assert sum(terms) == (case.expect == "finding")


TOO_MUCH = (intent(3, 900), *paid_sale(3)[1:])
"""One charge above the price: a finding of invariant 3 beside which nothing was charged twice."""


def test_neither_a_reversed_charge_nor_one_that_was_chosen_is_a_second_one_beside_another_finding() -> None:
    twice = TWICE["told at boot, paid again all the same"].events[:-1]
    undone = (intent(), starts(), card(), ledger(), ends(1, "unknown"), leaves(), ledger(1, "REVERSED", "APPROVED"))
    tried = (TOO_MUCH[0], starts(1, intent=3), card("1", 1, 3), *undone[3:5], undone[6], *TOO_MUCH[1:])
    for events in (twice, undone, ()):
        # One second after the other, whatever times they have in the casebook.
        case = Case("beside", "", "finding", timed((*events, *(TOO_MUCH if events else tried), phase("quiescence"))))
        assert reached(case, "finding 3").shown
        assert not reached(case, "charged twice").shown


def test_a_term_at_rest_comes_with_its_proof() -> None:
    found = reached(TWICE["retry without reversal"], "sale unknown then charged twice")
    assert found.shown and found.device == "T01"
    assert len(found.told) == 2 and "charged twice" in found.told[1]
    assert len(found.events) > 2
    assert reached(TWICE["retry without reversal"], "finding 3").shown
    assert not reached(TWICE["retry without reversal"], "finding 4").shown


def test_what_came_near_says_so_and_proves_nothing() -> None:
    late = reached(TWICE["retry with late reversal"], "charged twice")
    never = reached(TWICE["one charge"], "charged twice")
    assert not late.shown and late.partial > never.partial

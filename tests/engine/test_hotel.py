"""A hotel desk over three days: what the scenario holds, who passes it, and who is caught in it."""

from __future__ import annotations

from collections import Counter

import pytest

from harness.history.codec import read_history
from harness.history.events import ActionEnded, IntentOpened, LedgerChanged
from harness.sut import software
from harness.terminals.catalogue import CATALOGUE
from tests.engine.small_runs import found, run, shipped, told

HOTEL = "operator/hotel_checks_out.yaml"
PART = "host/cards_good_for_a_part.yaml"
ON_HOLDS = ("preauth", "preauth_void", "completion", "completion_void")


@pytest.mark.slow
def test_the_reference_passes_and_the_days_hold_all_that_they_are_there_for(tmp_path) -> None:
    verdict = run(shipped(HOTEL, terminals=2), "reference", out=tmp_path)
    assert verdict.status == "pass", told(verdict)
    events = [event for _, event in read_history(tmp_path / "history.jsonl")]
    moves = Counter((event.kind, event.state) for event in events if isinstance(event, LedgerChanged))
    for wanted in (
        ("preauth", "COMPLETED"), ("preauth", "VOIDED"), ("completion", "SETTLED"), ("completion", "REVERSED"),
        ("preauth", "REVERSED"), ("preauth_void", "REVERSED"),
    ):  # fmt: skip
        assert moves[wanted], wanted
    reasons = Counter(event.reason for event in events if isinstance(event, ActionEnded))
    assert reasons["hold_used"] and reasons["above_hold"], reasons
    check_outs = [event for event in events if isinstance(event, IntentOpened) and event.kind == "completion"]
    assert any(event.amount_fen > event.held_fen for event in check_outs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "scenario", "caught_by"),
    [
        ("completes_twice", HOTEL, {21}), ("completes_above", HOTEL, {21}), ("completes_voided", HOTEL, {21}),
        ("hold_as_sale", HOTEL, {3}), ("holds_settled", HOTEL, {2}),
        ("partial_as_whole", PART, {1, 2}), ("partial_declined", PART, {2, 31}),
    ],
)  # fmt: skip
def test_each_mutant_fails_its_scenario(mutant, scenario, caught_by) -> None:
    verdict = run(shipped(scenario, terminals=2), mutant)
    assert verdict.status == "fail"
    assert caught_by <= found(verdict), told(verdict)
    if caught_by == {21}:
        assert found(verdict) == {21}, "nothing else sees it"


@pytest.mark.slow
def test_the_reference_passes_where_cards_are_good_for_a_part() -> None:
    verdict = run(shipped(PART, terminals=2), "reference")
    assert verdict.status == "pass", told(verdict)


@pytest.mark.parametrize("name", ["tinydb", "filequeue", "jsonfile"])
def test_the_simple_terminals_know_nothing_of_holds(name) -> None:
    loaded = software.load(name, {each.name: each.spec for each in CATALOGUE.values()})
    assert not loaded.manifest.actions & set(ON_HOLDS)


def test_an_action_that_a_terminal_lacks_is_answered_unsupported() -> None:
    verdict = run(shipped(HOTEL, terminals=1, faults=()), "jsonfile")
    assert not {1, 2, 3, 31} & found(verdict), told(verdict)

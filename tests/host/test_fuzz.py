"""Damaged messages, both ways and in both dialects: answered as a host would, or not at all; never an error, never a booking."""

import pytest

from tests.host.fuzzing import DIALECTS, fuzz_host, fuzz_terminal


@pytest.mark.parametrize("dialect", DIALECTS)
def test_damaged_requests_are_answered_properly_or_not_at_all(dialect):
    answers = fuzz_host(dialect, 1_500, seed=1)
    assert answers["unreadable"] > 200 and {"00", "30", "A0", "77"} <= set(answers), answers


@pytest.mark.parametrize("dialect", DIALECTS)
def test_damaged_answers_are_believed_by_nobody(dialect):
    answers = fuzz_terminal(dialect, 1_500, seed=2)
    assert min(answers[each] for each in ("answered", "bad_mac", "no_answer")) > 20, answers


@pytest.mark.soak
@pytest.mark.parametrize("fuzz", [fuzz_host, fuzz_terminal])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_hundred_thousand_in_all(fuzz, dialect):
    assert sum(fuzz(dialect, 25_000, seed=3).values()) == 25_000

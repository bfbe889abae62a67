"""Campaigns: what counts and what does not, and a bound that is the textbook's."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import ExitCode
from harness.engine.campaign import CampaignResult, run_campaign, upper_bound
from harness.engine.request import RunRequest
from harness.engine.verdict import FaultView, Sales, Status, Verdict

VERDICT = Verdict("pass", "small", "reference", 1, 4, 3, (), (), (), (), (), Sales(), 0, "")


def ended(status: Status, *faults: FaultView) -> Verdict:
    return msgspec.structs.replace(VERDICT, status=status, faults=faults)


def test_each_run_counts_as_what_it_was() -> None:
    result = CampaignResult([ended("pass"), ended("inconclusive"), ended("fail"), ended("pass"), ended("inconclusive")])
    assert [result.count(status) for status in ("pass", "fail", "inconclusive")] == [2, 1, 2]


def test_inconclusive_runs_add_no_terminal_days() -> None:
    result = CampaignResult([ended("pass"), ended("inconclusive"), ended("fail")])
    assert result.terminal_days == 2 * 4 * 3


def test_bites_are_summed_over_runs_and_strikes_are_no_bites() -> None:
    cut, idle = FaultView("cut", "power_loss", "power", 9, 2), FaultView("idle", "crash", "power", 5, 0)
    assert CampaignResult([ended("pass", cut, idle), ended("pass", cut)]).bites() == {"cut": 4, "idle": 0}


# ---------------------------------------------------------------- the bound


def binomial_tail(failures: int, runs: int, rate: float) -> float:
    """P(at most so many failures), summed in the plainest way."""
    return math.fsum(math.comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(failures + 1))


@given(st.integers(1, 300).flatmap(lambda runs: st.tuples(st.integers(0, runs - 1), st.just(runs))))
def test_at_the_bound_so_few_failures_would_be_seen_in_one_campaign_of_twenty(counts: tuple[int, int]) -> None:
    failures, runs = counts
    bound = upper_bound(failures, runs)
    assert failures / runs < bound < 1.0
    assert binomial_tail(failures, runs, bound) == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize("runs", [1, 59, 3_000, 1_000_000])
def test_the_bound_without_a_failure_has_a_closed_form(runs: int) -> None:
    assert upper_bound(0, runs) == pytest.approx(1.0 - 0.05 ** (1.0 / runs), rel=1e-9)


def test_the_bound_holds_where_probabilities_are_too_small_for_a_float() -> None:
    # The normal approximation is good here; (1 - rate) ** runs is 0 as a float.
    for failures, runs in ((1_000, 3_000), (50_000, 1_000_000)):
        rate = failures / runs
        normal = rate + 1.6449 * math.sqrt(rate * (1 - rate) / runs)
        assert upper_bound(failures, runs) == pytest.approx(normal, rel=2e-3)


def test_nothing_but_failures_or_no_runs_at_all_bound_nothing() -> None:
    assert upper_bound(0, 0) == upper_bound(3, 3) == 1.0


# ---------------------------------------------------------------- real runs

SCENARIO = """
name: small
terminals: 1
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 4
host: {no_reply: 0%, decline: 0%}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false}
"""


@pytest.mark.slow
def test_every_run_is_run_and_one_that_cannot_be_is_an_error_and_no_pass(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SCENARIO)
    bad.write_text("name: bad\nterminals: none\n")
    places = [good, bad, good, good]
    requests = [RunRequest(scenario=str(place), seed=seed) for seed, place in enumerate(places, 1)]
    heard: list[Verdict] = []
    result = run_campaign(requests, 2, heard.append)
    assert sorted(verdict.seed for verdict in result.verdicts) == [1, 3, 4]
    assert result.count("pass") == 3
    assert heard == result.verdicts
    ((request, error),) = result.errors
    assert request.seed == 2
    assert error.exit_code == ExitCode.USAGE

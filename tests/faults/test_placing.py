"""Where and how often: Poisson strikes, and keys that make every placing repeatable and independent of the others."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.faults.base import FaultPlan, Trigger
from harness.faults.crash import Crash
from harness.faults.placing import poisson, start_times
from harness.faults.trigger import is_conditional, needs_drawn_time

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
OPEN_US, CLOSE_US = 8 * HOUR_US, 20 * HOUR_US


def starts(plan: FaultPlan, seed: int = 1, days: int = 3, scope: str = "T01/fault/f") -> list[int]:
    return start_times(Decisions(Streams(seed)), plan, scope, days, OPEN_US, CLOSE_US)


def test_counts_follow_poisson() -> None:
    """Mean and variance of 20,000 drawn counts are the rate, within five standard errors."""
    for rate in (0.2, 1.0, 4.5):
        n = 20_000
        counts = [poisson(rate, (k + 0.5) / n) for k in range(n)]
        mean = sum(counts) / n
        variance = sum((each - mean) ** 2 for each in counts) / n
        assert abs(mean - rate) < 5 * math.sqrt(rate / n)
        assert abs(variance - rate) < 0.05 * rate + 0.01
        share = Counter(counts)[0] / n
        assert abs(share - math.exp(-rate)) < 0.001


def test_strikes_of_many_terminals_follow_the_rate() -> None:
    plan = FaultPlan("f", Crash(), per_day=1.5, scheduled=False)
    counts = [len(starts(plan, seed, days=1)) for seed in range(4_000)]
    mean = sum(counts) / len(counts)
    assert abs(mean - 1.5) < 5 * math.sqrt(1.5 / len(counts))
    assert abs(counts.count(0) / len(counts) - math.exp(-1.5)) < 0.03


@given(st.floats(0.0, 50.0), st.floats(0.0, 0.999999), st.floats(0.0, 0.999999))
def test_more_luck_is_never_fewer_strikes(rate: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= poisson(rate, low) <= poisson(rate, high) <= 1000
    assert poisson(0.0, high) == 0


@given(st.integers(0, 1000), st.integers(1, 5), st.none() | st.integers(1, 5), st.integers(1, 4))
def test_drawn_times_lie_within_trading_hours_of_the_days_asked_for(
    seed: int, days: int, day: int | None, times: int
) -> None:
    day = None if day is None or day > days else day
    for plan in (
        FaultPlan("f", Crash(), Trigger(day=day), times=times),
        FaultPlan("f", Crash(), Trigger(day=day), per_day=2.0),
    ):
        found = starts(plan, seed, days)
        assert found == starts(plan, seed, days), "the same seed places the same"
        assert plan.per_day is not None or len(found) == times
        for at_us in found:
            on_day, time_us = divmod(at_us, DAY_US)
            assert 0 <= on_day < days and (day is None or on_day == day - 1)
            assert OPEN_US <= time_us < CLOSE_US


def test_another_scope_draws_other_times() -> None:
    plan = FaultPlan("f", Crash(), times=2)
    assert starts(plan) != starts(plan, scope="T02/fault/f")


def test_conditions_are_armed_at_once_or_from_their_day_on() -> None:
    assert starts(FaultPlan("f", Crash(), Trigger(action="sale"), times=3)) == [0, 0, 0]
    assert starts(FaultPlan("f", Crash(), Trigger(day=2, action="sale"))) == [DAY_US]
    assert starts(FaultPlan("f", Crash(), Trigger(day=2, time_us=HOUR_US, action="sale"))) == [DAY_US + HOUR_US]


def test_what_counts_as_a_condition() -> None:
    assert needs_drawn_time(Trigger()) and needs_drawn_time(Trigger(day=2, delay_us=5))
    assert not needs_drawn_time(Trigger(time_us=0))
    for trigger in (Trigger(action="sale"), Trigger(fill_percent=0.0), Trigger(storage_operation=(1, 1))):
        assert is_conditional(trigger) and not needs_drawn_time(trigger)
    assert not is_conditional(Trigger(day=1, time_us=5))

"""Arrivals: as many as the merchant has, when it has them, the same for the same seed, and independent of each other."""

import datetime
import random
import statistics
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.workload.arrivals import Hours, Surge, arrivals_key, poisson_times, visits_of_day
from harness.workload.merchants import MERCHANTS

MONDAY = datetime.date(2026, 3, 2)
SATURDAY = datetime.date(2026, 3, 7)

HOURLY = st.lists(st.floats(0.0, 20.0), min_size=24, max_size=24).map(tuple)
HOURS = st.tuples(st.integers(0, 23), st.integers(1, 24)).map(
    lambda pair: Hours(pair[0] * US_PER_HOUR, min(24, pair[0] + pair[1]) * US_PER_HOUR)
)


@given(seed=st.integers(0, 2**64), hourly=HOURLY, hours=HOURS, mean=st.floats(0.0, 300.0))
@settings(max_examples=60, deadline=None)
def test_everybody_comes_in_order_and_within_opening_hours(
    seed: int, hourly: tuple[float, ...], hours: Hours, mean: float
) -> None:
    times = list(poisson_times(random.Random(seed), hourly, hours, mean))
    assert times == sorted(times)
    assert all(hours.open_us <= each < hours.close_us for each in times)


@given(seed=st.integers(0, 2**64))
@settings(max_examples=20, deadline=None)
def test_nobody_comes_in_an_hour_without_trade(seed: int) -> None:
    hourly = tuple(1.0 if hour in (8, 17) else 0.0 for hour in range(24))
    times = list(poisson_times(random.Random(seed), hourly, Hours(0, US_PER_DAY), 100.0))
    assert {each // US_PER_HOUR for each in times} <= {8, 17}


@pytest.mark.parametrize("name", MERCHANTS.names())
def test_a_day_has_its_mean_and_its_variance(name: str) -> None:
    """Poisson: over many days the mean is what was asked for and the variance is near the mean."""
    merchant = MERCHANTS.get(name)
    hours = Hours(merchant.open_us, merchant.close_us)
    counts = [
        len(visits_of_day(Decisions(Streams(seed)), "T01", merchant, 0, MONDAY, hours, 100.0)) for seed in range(200)
    ]
    assert statistics.mean(counts) == pytest.approx(100.0, abs=3.0)  # four standard errors
    assert 65.0 < statistics.variance(counts) < 145.0


def test_each_hour_has_its_share() -> None:
    merchant = MERCHANTS.get("restaurant")
    hours = Hours(merchant.open_us, merchant.close_us)
    by_hour = [0] * 24
    for seed in range(100):
        for visit in visits_of_day(Decisions(Streams(seed)), "T01", merchant, 0, MONDAY, hours, 200.0):
            by_hour[visit.at_us // US_PER_HOUR] += 1
    total = sum(by_hour)
    weights = [weight if 10 <= hour < 22 else 0.0 for hour, weight in enumerate(merchant.hourly)]
    for hour, count in enumerate(by_hour):
        assert count / total == pytest.approx(weights[hour] / sum(weights), abs=0.012)


def test_shares_and_tickets_are_the_merchants() -> None:
    merchant = MERCHANTS.get("hotel")
    hours = Hours(merchant.open_us, merchant.close_us)
    visits = [
        visit
        for seed in range(60)
        for visit in visits_of_day(Decisions(Streams(seed)), "T01", merchant, 0, MONDAY, hours, 100.0)
    ]
    assert all(merchant.ticket_min_fen <= visit.amount_fen <= merchant.ticket_max_fen for visit in visits)
    assert sum(visit.pays_by_code for visit in visits) / len(visits) == pytest.approx(0.50, abs=0.03)
    assert sum(visit.kind == "void" for visit in visits) / len(visits) == pytest.approx(0.01, abs=0.006)
    assert sum(visit.kind == "refund" for visit in visits) / len(visits) == pytest.approx(0.02, abs=0.008)


def test_a_weekend_is_busier_where_it_is() -> None:
    merchant = MERCHANTS.get("restaurant")
    hours = Hours(merchant.open_us, merchant.close_us)

    def mean(date: datetime.date) -> float:
        return statistics.mean(
            len(visits_of_day(Decisions(Streams(seed)), "T01", merchant, 0, date, hours, 100.0)) for seed in range(80)
        )

    assert mean(SATURDAY) / mean(MONDAY) == pytest.approx(1.3, abs=0.07)


def test_a_day_hangs_on_one_decision_of_its_own() -> None:
    merchant = MERCHANTS.get("stall")
    hours = Hours(merchant.open_us, merchant.close_us)
    drawn = Decisions(Streams(5))
    visits_of_day(drawn, "T01", merchant, 0, MONDAY, hours, 50.0)
    second = visits_of_day(drawn, "T01", merchant, 1, MONDAY, hours, 50.0)
    assert visits_of_day(Decisions(Streams(5)), "T01", merchant, 1, MONDAY, hours, 50.0) == second

    pinned = Decisions(Streams(99), pinned={arrivals_key("T01", 1): Streams(5).bits("T01/day2/arrivals")})
    assert visits_of_day(pinned, "T01", merchant, 1, MONDAY, hours, 50.0) == second
    assert visits_of_day(Decisions(Streams(6)), "T01", merchant, 1, MONDAY, hours, 50.0) != second


def test_a_shop_has_its_own_volume_within_its_kind() -> None:
    merchant = MERCHANTS.get("convenience")
    volumes = {merchant.sales_per_day(Decisions(Streams(seed)), "T01") for seed in range(50)}
    assert len(volumes) > 20
    assert all(merchant.sales_per_day_min <= each <= merchant.sales_per_day_max for each in volumes)


def test_opening_at_an_unusual_hour_trades_evenly() -> None:
    times = list(poisson_times(random.Random(1), (0.0,) * 24, Hours(3 * US_PER_HOUR, 5 * US_PER_HOUR), 400.0))
    first = sum(each < 4 * US_PER_HOUR for each in times)
    assert len(times) > 300
    assert first / len(times) == pytest.approx(0.5, abs=0.1)


def test_vanishing_weights_are_shares_like_any_other() -> None:
    hourly = (5e-324,) * 24
    assert 50 < len(list(poisson_times(random.Random(1), hourly, Hours(0, US_PER_DAY), 100.0))) < 150


def test_a_surge_brings_more_people_in_its_hours_and_moves_nobody_before_them() -> None:
    merchant = MERCHANTS.get("restaurant")
    hours = Hours(merchant.open_us, merchant.close_us)
    surge = Surge(factor=8.0, open_us=17 * US_PER_HOUR + US_PER_HOUR // 2, close_us=19 * US_PER_HOUR)

    def times(surge: Surge | None, day: int = 0) -> list[int]:
        visits = visits_of_day(Decisions(Streams(3)), "T01", merchant, day, MONDAY, hours, 200.0, surge)
        return [visit.at_us - day * US_PER_DAY for visit in visits]

    calm, busy = times(None), times(surge)
    before = [each for each in calm if each < surge.open_us]
    assert [each for each in busy if each < surge.open_us] == before and before
    inside = [sum(surge.open_us <= each < surge.close_us for each in day) for day in (calm, busy)]
    assert inside[1] == pytest.approx(8 * inside[0], rel=0.25) and inside[0] > 10
    after = [sum(each >= surge.close_us for each in day) for day in (calm, busy)]
    assert after[1] == pytest.approx(after[0], abs=4 * after[0] ** 0.5)
    assert times(replace(surge, day=2)) == calm and len(times(replace(surge, day=2), day=1)) > 1.3 * len(times(None, 1))


@pytest.mark.parametrize("values", [{"factor": 0.0}, {"open_us": 5, "close_us": 5}])
def test_a_surge_of_nothing_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Surge(**values)

"""Measures of tiny histories, each worked out by hand, and what a threshold makes of a run."""

from __future__ import annotations

import msgspec
import pytest

from harness.contract import Manifest
from harness.core.errors import UsageError
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.engine.measures import Meter
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    BatchSettled,
    Booted,
    Event,
    LedgerChanged,
    MemorySampled,
    PayoutMade,
    PhaseStarted,
    PowerLost,
    Presented,
    SoftwareReady,
)
from harness.scenario.load import load_text
from harness.scenario.resolve import plan_text
from tests.engine.small_runs import run, small, told

T01 = "T01"


def measured(*events: Event, until_us: int = US_PER_DAY, limit: int | None = None) -> dict[str, float]:
    meter = Meter({T01: Manifest("m", max_transactions=limit)}, with_funds=True)
    for number, event in enumerate(events):
        meter.observe(number, event)
    return meter.measures(until_us, 99.0)


def booked(entry: int, at_us: int, amount_fen: int = 1000, state: str = "APPROVED", before: str = "") -> LedgerChanged:
    return LedgerChanged(at_us, T01, entry, "sale", state, before, "000001", f"{entry:06d}", amount_fen, "1")


def payout(at_h: float, state: str, due_h: float, *entries: int) -> PayoutMade:
    parts = tuple((entry, 1000) for entry in entries)
    at_us, due_us = int(at_h * US_PER_HOUR), int(due_h * US_PER_HOUR)
    return PayoutMade(at_us, T01, 1, state, "*1234", "T+1", 1000 * len(parts), 0, due_us, parts)


def sale(action: int, begins_us: int, lasts_us: int) -> tuple[Event, ...]:
    return (
        ActionStarted(begins_us - US_PER_SECOND, T01, action, "sale", 1000, action),
        Presented(begins_us, T01, action, str(action), action),
        ActionEnded(begins_us + lasts_us, T01, action, "approved"),
    )


def test_availability_is_of_trading_and_recovery_of_all() -> None:
    found = measured(
        PowerLost(6 * US_PER_HOUR, T01, "cut"),
        SoftwareReady(6 * US_PER_HOUR + 36 * US_PER_MINUTE, T01, 2),
        PhaseStarted(US_PER_DAY, "recovery"),
        PowerLost(US_PER_DAY + 1, T01, "cut"),
        SoftwareReady(US_PER_DAY + 1 + US_PER_HOUR, T01, 3),
    )
    assert found["availability_percent"] == 97.5
    assert (found["recovery_s_p95"], found["recovery_s_max"]) == (3600.0, 3600.0)
    assert found["acceptance_percent"] == 99.0


def test_what_never_came_back_counts_until_the_end_of_trading() -> None:
    found = measured(PowerLost(18 * US_PER_HOUR, T01, "cut"), PhaseStarted(US_PER_DAY, "recovery"))
    assert found["availability_percent"] == 75.0 and "recovery_s_max" not in found


def test_sales_are_timed_from_the_card_and_sorted_by_fill() -> None:
    events: list[Event] = []
    for number in range(60):
        begins_us = (number + 1) * US_PER_MINUTE
        events += sale(number, begins_us, (3 if number < 30 else 9) * US_PER_SECOND)
        events.append(booked(number, begins_us + US_PER_SECOND))
    found = measured(*events, limit=60)
    assert (found["sale_s_p95"], found["sale_s_p95_from_50_percent_full"]) == (9.0, 9.0)
    assert found["sale_s_p95_from_10_percent_full"] == 3.0
    assert "sale_s_p95_from_90_percent_full" not in found, "six sales say nothing about one in twenty"
    assert found["value_at_risk_yuan"] == 600.0


def test_money_is_at_risk_until_it_is_settled() -> None:
    found = measured(
        booked(1, 1), booked(2, 2), booked(1, 3, 1000, "VOIDED", "APPROVED"), booked(2, 4, 1000, "SETTLED", "APPROVED"),
        BatchSettled(5, T01, "000001", True, True, (1, 1000, 0, 0), (1, 1000, 0, 0), (2,)), booked(3, 6, 1500),
    )  # fmt: skip
    assert found["value_at_risk_yuan"] == 20.0


def test_a_leak_is_seen_through_reboots_and_told_as_a_day() -> None:
    events: list[Event] = []
    for boot in range(3):
        events.append(Booted(boot * US_PER_DAY, T01, boot + 1))
        # A hundred sales a boot, a thousand bytes a sale; the warm-up of thirty is steeper and does not count.
        for place in range(100):
            held = 1_000_000 + 1000 * place + 50_000 * min(place, 30)
            at_us = boot * US_PER_DAY + place * US_PER_MINUTE
            events.append(MemorySampled(at_us, T01, held, 0, 4_000_000, boot * 100 + place))
    found = measured(*events, until_us=3 * US_PER_DAY)
    assert found["leak_bytes_per_sale"] == 1000.0
    # 1,470,000 bytes left, 100 sales of 1,000 bytes a day: fifteen days and a bit.
    assert found["dies_on_day"] == 15.0
    flat = [
        msgspec.structs.replace(each, software_bytes=7) if isinstance(each, MemorySampled) else each for each in events
    ]
    assert measured(*flat, until_us=3 * US_PER_DAY)["dies_on_day"] == 3650.0


def test_money_in_the_account_is_timed_and_late_is_late_once() -> None:
    found = measured(
        booked(1, 9 * US_PER_HOUR), booked(2, 11 * US_PER_HOUR), booked(3, 20 * US_PER_HOUR),
        payout(34, "paid", 42, 1), payout(58, "bounced", 42, 2, 3), payout(82, "paid", 42, 2, 3),
        until_us=4 * US_PER_DAY,
    )  # fmt: skip
    assert found["to_account_h_p95"] == 71.0
    assert (found["late_payouts"], found["late_payout_h_max"]) == (1.0, 40.0)
    never = measured(booked(1, 9 * US_PER_HOUR), payout(34, "held", 42, 1), until_us=2 * US_PER_DAY)
    assert (never["late_payouts"], never["late_payout_h_max"]) == (1.0, 6.0)


def test_a_threshold_makes_a_run_fail_or_prove_nothing() -> None:
    text = "funds: {}\nmeasures: {acceptance_percent: 50, sale_s_p95: 1, to_account_h_p95: 40}"
    plan = small(text + "\nsales_per_day: 40")
    assert load_text(plan_text(plan)).thresholds == plan.thresholds
    verdict = run(plan, "reference")
    assert verdict.status == "fail" and not verdict.findings, told(verdict)
    assert [each.name for each in verdict.missed] == ["sale_s_p95"]
    assert verdict.inconclusive_because == (
        "nothing was measured for to_account_h_p95, for which there is a threshold",
    )


def test_a_measure_that_does_not_exist_is_refused_where_it_stands() -> None:
    with pytest.raises(
        UsageError, match=r"no measure named 'availabilty_percent'; did you mean 'availability_percent'"
    ):
        load_text("name: x\nmeasures: {availabilty_percent: 99}\n")

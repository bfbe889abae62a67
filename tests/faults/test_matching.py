"""What a trigger fits and what it does not: a match too many lets a fault strike where it proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.faults.base import FaultPlan, MessageMatch, Trigger
from harness.faults.crash import Crash
from harness.faults.trigger import fits, is_conditional, needs_drawn_time, start_of
from harness.history.events import FaultStruck, MessageSent
from harness.scenario.plan import DevicePlan, VolumePlan
from tests.faults.fault_bench import SMALL, run

MESSAGE = MessageSent(1, "T01", 1, "down", "0210", "000000", response_code="51")
MATCH = MessageMatch("down", "0210", "000000", "51")


def test_every_field_that_is_given_must_fit_and_empty_ones_fit_all() -> None:
    assert fits(MATCH, MESSAGE)
    assert fits(MessageMatch("down"), MESSAGE)
    for change in ({"direction": "up"}, {"mti": "0410"}, {"processing_code": "200000"}, {"response_code": "00"}):
        assert not fits(replace(MATCH, **change), MESSAGE), change  # type: ignore[arg-type]


def test_a_time_is_on_its_day_and_a_drawn_time_within_opening_hours() -> None:
    open_us, close_us = 9 * US_PER_HOUR, 18 * US_PER_HOUR
    noon = Trigger(time_us=12 * US_PER_HOUR)
    assert [start_of(noon, day, open_us, close_us, 0.9) for day in (0, 1, 5)] == [
        12 * US_PER_HOUR,
        US_PER_DAY + 12 * US_PER_HOUR,
        5 * US_PER_DAY + 12 * US_PER_HOUR,
    ]
    assert start_of(Trigger(), 2, open_us, close_us, 0.0) == 2 * US_PER_DAY + open_us
    assert start_of(Trigger(), 2, open_us, close_us, 0.5) == 2 * US_PER_DAY + (open_us + close_us) // 2
    assert start_of(Trigger(), 2, open_us, close_us, 1 - 2**-53) < 2 * US_PER_DAY + close_us


@pytest.mark.parametrize(
    ("trigger", "conditional"),
    [
        (Trigger(), False),
        (Trigger(day=2), False),
        (Trigger(delay_us=5), False),
        (Trigger(phase="recovery"), True),
        (Trigger(action="sale"), True),
        (Trigger(message=MATCH), True),
        (Trigger(fill_percent=0.0), True),
        (Trigger(storage_operation=(1, 1)), True),
    ],
)
def test_what_waits_for_something_draws_no_time(trigger: Trigger, conditional: bool) -> None:
    assert is_conditional(trigger) == conditional
    assert needs_drawn_time(trigger) != conditional
    assert not needs_drawn_time(replace(trigger, time_us=0))


def test_a_volume_that_is_not_so_full_is_not_struck_at() -> None:
    plan = replace(SMALL, terminals=1, sales_per_day=10, device=DevicePlan(volumes=(VolumePlan("data", 1 << 20),)))
    for percent, strikes in ((1.0, 1), (99.0, 0)):
        outcome = run(plan, FaultPlan("f", Crash(), Trigger(fill_percent=percent)))
        assert len(outcome.of(FaultStruck)) == strikes

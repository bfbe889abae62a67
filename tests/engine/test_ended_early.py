"""Runs that are cut short: trading is over for everybody before recovery is judged, and what was proven until then counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.engine.request import RunRequest
from harness.engine.run import Interrupted
from harness.history.events import (
    ActionStarted,
    FaultStruck,
    IntentClosed,
    IntentOpened,
    OperatorDid,
    PhaseStarted,
    Presented,
)
from harness.invariants.judge import Judge
from harness.scenario.build import Built
from harness.scenario.plan import Budgets, Plan
from tests.engine.small_runs import found, small, told
from tests.engine.told_runs import Attended, Told, tell

_FIRST_SUPPORT_VISIT = 9_000
BUSY = """
terminals: 2
days: {count: 3, open: "00:10", close: "23:50"}
sales_per_day: 900
people: {settles_on_time: 100%, settles_late: 0%, restarts_per_day: 40, clears_cache_per_day: 40}
"""
LATER = "faults: [{type: crash, name: later, per_day: 48}]\n"


def interrupted() -> Told:
    asked = Interrupted()
    asked.ask()
    return tell(small(BUSY + LATER), interrupted=asked)


def over_budget() -> Told:
    return tell(replace(small(BUSY + LATER), budgets=Budgets(events=300)))


def short_of_time() -> Told:
    return tell(replace(small(BUSY + LATER), budgets=Budgets(wall_us=1)))


@pytest.mark.parametrize("run", [interrupted, over_budget, short_of_time])
def test_nobody_acts_and_nothing_strikes_once_recovery_is_judged(run: Callable[[], Told]) -> None:
    done = run()
    assert done.verdict.status == "inconclusive", told(done.verdict)
    phases = done.of(PhaseStarted)
    ended_us = phases[1].at_us
    assert ended_us < 3 * US_PER_HOUR, "an interrupt does not wait for the end of the day"
    assert phases[-1].at_us - ended_us > 10 * US_PER_MINUTE, "long enough for somebody to have come"
    for phase in ("settle_while_full", "recovery", "quiescence", "final_settlement"):
        visits = [each.intent % 10_000 for each in done.of(IntentOpened, phase)]
        assert all(visit >= _FIRST_SUPPORT_VISIT for visit in visits), phase
        assert not [each for each in done.of(OperatorDid, phase) if "support" not in each.what], phase
        assert not done.of(FaultStruck, phase), phase
        assert {each.kind for each in done.of(ActionStarted, phase)} <= {"sale", "settle"}, phase
    # Whoever was at the till has left it, each purchase with its end.
    opened = {each.intent for each in done.of(IntentOpened, "trading")}
    assert opened and opened == {each.intent for each in done.of(IntentClosed, "trading")}


def test_a_customer_at_the_till_is_not_cut_off() -> None:
    """The half hour ends in the middle of a sale: it goes to its end in trading, and no other begins."""
    plan = small('days: {count: 1, open: "00:10", close: "00:50"}\nsales_per_day: 200')
    asked = Interrupted()
    asked.ask()
    done = tell(plan, interrupted=asked)
    half_past_us = 30 * US_PER_MINUTE
    late = [each for each in done.of(IntentClosed, "trading") if each.at_us > half_past_us]
    assert [each.belief for each in late] == ["paid"], "no sale was under way: choose another rate"
    assert [each for each in done.of(Presented, "trading") if each.intent == late[0].intent]
    assert not [each for each in done.of(IntentOpened, "trading") if each.at_us > half_past_us]


def test_the_last_midnight_too_waits_for_whoever_is_at_the_till() -> None:
    plan = small('days: {count: 1, open: "23:30", close: "24:00"}\nsales_per_day: 150')
    done = tell(plan)
    late = [each for each in done.of(IntentClosed, "trading") if each.at_us > US_PER_DAY]
    assert late, "nobody was there at midnight: choose another rate"
    assert done.of(PhaseStarted)[1].at_us >= late[-1].at_us


# ---------------------------------------------------------------- real time is over


class _OutOfTime(Attended):
    """Real time is over as soon as the run comes to a phase."""

    phase = ""

    def _spent_s(self) -> float:
        here = getattr(self, "built", None)
        return 1e9 if here is not None and here.world.phase == self.phase else 0.0


def out_of_time(phase: str, plan: Plan, terminal: str) -> Told:
    attended = type("_OutOfTimeIn", (_OutOfTime,), {"phase": phase})
    return tell(plan, terminal, request=RunRequest(scenario="x", wall_limit_s=10.0), run=attended)


USED_AGAIN = "faults: [{type: crash, at: {action: sale, occurrence: 4}}]"


@pytest.mark.parametrize(
    ("phase", "left"),
    [
        ("settle_while_full", "recovery, quiescence, final_settlement"),
        ("recovery", "quiescence, final_settlement"),
        ("quiescence", "final_settlement"),
    ],
)
def test_what_trading_has_shown_is_kept_and_what_was_not_reached_is_told(phase: str, left: str) -> None:
    bad = out_of_time(phase, small(USED_AGAIN), "stan_in_ram").verdict
    assert (bad.status, bad.exit_code) == ("fail", 1), told(bad)
    assert 8 in found(bad)
    good = out_of_time(phase, small(USED_AGAIN), "reference").verdict
    assert (good.status, good.exit_code, good.findings) == ("inconclusive", 2, ()), told(good)
    for verdict in (bad, good):
        assert f"10 s of wall time were over in phase {phase}; not finished: {left}" in verdict.inconclusive_because
    # Liveness is only judged where terminals were given the time to come back.
    not_checked = {each.name: each.reason for each in good.not_checked}
    assert "wall time were over" in not_checked["returns_to_service"]
    assert "returns_to_service" not in " ".join(good.checked)


def test_a_phase_under_way_when_time_is_over_is_not_finished() -> None:
    plan = small("faults: [{type: crash, at: {action: sale, occurrence: 3}}]")
    verdict = out_of_time("recovery", plan, "StartsOnceAndTakesItsTime").verdict
    assert verdict.status == "inconclusive", told(verdict)
    why = "10 s of wall time were over in phase recovery; not finished: recovery, quiescence, final_settlement"
    assert why in verdict.inconclusive_because


def test_a_reversal_that_had_no_time_is_no_double_charge() -> None:
    """The last sale's answer is lost, its retry is charged; the reversal waits for the next sale, which never comes."""
    lost = """
people: {settles_on_time: 0%, settles_late: 0%, daily_reboot: false, retries_after_unknown: 0%}
faults: [{type: half_open, at: {action: sale, occurrence: 3}}]
"""
    early = out_of_time("settle_while_full", small(lost), "reference").verdict
    assert early.findings == (), told(early)
    full = tell(small(lost), "reference").verdict
    assert full.findings == (), told(full)


def test_a_promise_that_the_host_reversed_is_broken_without_any_recovery() -> None:
    cut = """
profile: posix-weak
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 2}
    off_for: 30 s
"""
    plans = (replace(small(cut), seed=seed) for seed in range(1, 41))
    early = next(
        verdict
        for plan in plans
        if found(verdict := out_of_time("settle_while_full", plan, "reverse_after_commit").verdict)
    )
    assert found(early) == {7}, told(early)
    assert "7 exclusive_fate" in early.checked


class _HangsAtOnce(Attended):
    def look(self, built: Built, judge: Judge) -> None:
        (station,) = built.world.stations
        for second in (0, 10, 20):
            timer = built.world.env.timeout(10 * US_PER_HOUR + second * US_PER_SECOND)
            timer.callbacks.append(lambda _: station.crash("spinning", "test"))


def test_software_that_hangs_in_the_middle_of_a_day_is_not_at_rest() -> None:
    done = tell(small('days: {count: 1, open: "09:00", close: "20:00"}'), run=_HangsAtOnce)
    assert not done.judge.books.at_rest
    reasons = {each.name: each.reason for each in done.verdict.not_checked}
    assert reasons["no_double_charge"] == "the run never came to rest"

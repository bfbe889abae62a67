"""What keeps a run from passing: each reason alone turns a good run into an inconclusive one, and none of them hides a loss."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.units import US_PER_HOUR
from harness.engine.request import RunRequest
from harness.engine.run import Interrupted
from harness.history.events import FaultStruck, PhaseStarted, StorageAfterPowerLoss
from harness.invariants.base import Finding, Invariant
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.judge import Judge
from harness.scenario.build import Built
from harness.scenario.plan import Budgets, DevicePlan, InvariantChoice, VolumePlan
from tests.engine.small_runs import run as small_run
from tests.engine.small_runs import small, told
from tests.engine.told_runs import Attended, tell

NEVER_STRUCK = "faults: [{type: crash, name: late, at: {action: sale, occurrence: 500}}]"
NEVER_BIT = "faults: [{type: partition, name: at_night, at: {day: 1, time: '01:00'}, lift_after: 1 min}]"
ANSWER_LOST = "faults: [{type: host_silent, at: {action: sale, occurrence: 3}}]"
NOBODY_PAYS_TWICE = "people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}\n"


def test_a_good_run_passes_and_has_no_reason_not_to() -> None:
    run = tell(small())
    assert run.verdict.status == "pass", told(run.verdict)
    assert run.verdict.inconclusive_because == ()
    assert run.verdict.exit_code == 0
    # Everything that one quiet hour can show was checked, and nothing was excused.
    assert run.checked() >= {1, 2, 3, 7, 8, 11, 12, 31}
    assert not [each for each in run.verdict.not_checked if "unsurvivable" in each.reason]


def test_texts_that_nobody_could_read_prove_nothing() -> None:
    verdict = tell(small(), "Unreadable").verdict
    assert verdict.status == "inconclusive", told(verdict)
    garbled, unlike = verdict.inconclusive_because
    assert (
        "T01 wrote to the display are not in the encoding that the manifest declares (gbk), the first of T01" in garbled
    )
    assert unlike.startswith("none of the ") and unlike.endswith(" fits a pattern of manifest.screens")


def test_messages_that_the_host_could_not_read_are_told() -> None:
    verdict = tell(small(), "SpeaksGibberish").verdict
    said = [each for each in verdict.inconclusive_because if each.startswith("the host could read none of the ")]
    assert len(said) == 1 and "with the first: " in said[0], told(verdict)
    assert not any("the host could read" in each for each in tell(small()).verdict.inconclusive_because)


@pytest.mark.parametrize(
    ("text", "why"),
    [(NEVER_STRUCK, "fault 'late' never struck"), (NEVER_BIT, "fault 'at_night' struck 1 times and never bit")],
)
def test_a_scheduled_fault_that_did_nothing_proves_nothing(text: str, why: str) -> None:
    verdict = tell(small(text)).verdict
    assert (verdict.status, verdict.inconclusive_because) == ("inconclusive", (why,)), told(verdict)
    assert verdict.exit_code == 2


def test_a_random_fault_need_not_bite_in_each_run() -> None:
    plan = small(NEVER_BIT)
    plan = replace(plan, faults=tuple(replace(fault, scheduled=False) for fault in plan.faults))
    assert tell(plan).verdict.status == "pass"


def test_software_that_sells_nothing_does_not_pass() -> None:
    verdict = tell(replace(small(), invariants=InvariantChoice(excluded=("returns_to_service",))), "RefusesAll").verdict
    assert verdict.status == "inconclusive", told(verdict)
    (why,) = verdict.inconclusive_because
    assert "(0.0 %) were accepted; at least 90 % are needed" in why


def test_software_that_takes_no_trace_number_has_shown_nothing_of_its_wrap() -> None:
    plan = replace(small(), trace_number=999_999)
    assert tell(plan).verdict.status == "pass"
    (reason,) = tell(plan, "jsonfile").verdict.inconclusive_because
    assert reason == "T01 did not take trace number 999999, which was to be keyed in"


def test_acceptance_is_measured_against_what_the_scenario_asks_for() -> None:
    plan = replace(small(), acceptance_percent=100.0)
    assert tell(plan).verdict.status == "pass"
    assert tell(replace(plan, acceptance_percent=100.5)).verdict.status == "inconclusive"


def test_a_day_without_customers_shows_nothing() -> None:
    verdict = tell(replace(small(), only_intents=())).verdict
    assert verdict.status == "inconclusive", told(verdict)
    assert "no sale was feasible, so nothing was shown" in verdict.inconclusive_because


def test_support_s_sale_in_recovery_is_no_trade() -> None:
    # No customer can pay, as the line is dead all day; in recovery it is mended and support sells one yuan.
    verdict = tell(small("faults: [{type: partition, at: {day: 1, time: '00:01'}}]")).verdict
    assert verdict.status == "inconclusive", told(verdict)
    assert (verdict.sales.feasible, verdict.sales.accepted) == (0, 0)


def test_a_probe_that_must_be_reached_is_waited_for() -> None:
    plan = replace(small(), must_happen=("settled_once",))
    assert tell(plan, "Probing").verdict.status == "pass"
    verdict = tell(plan, "reference").verdict
    assert (verdict.status, verdict.inconclusive_because) == (
        "inconclusive",
        ("probe 'settled_once' was never reached",),
    )


class _Broken(Invariant):
    """A checker with a mistake in it."""

    number = 99
    name = "broken"
    kind = "safety"
    evidence = "none"

    def conclude(self, at_us: int) -> Iterator[Finding]:
        raise ZeroDivisionError("a mistake of the checker")


class _WithBrokenChecker(Attended):
    def look(self, built: Built, judge: Judge) -> None:
        judge.invariants.append(_Broken(judge.books.terms, judge.books))


def test_a_checker_that_fails_makes_the_run_inconclusive() -> None:
    verdict = tell(small(), run=_WithBrokenChecker).verdict
    assert verdict.status == "inconclusive"
    assert verdict.inconclusive_because == (
        "the checker of invariant 99 broken failed: ZeroDivisionError: a mistake of the checker",
    )
    assert "99 broken" not in verdict.checked
    assert verdict.exit_code == 2


def test_a_loss_is_a_fail_whatever_else_was_not_shown() -> None:
    plan = replace(small("faults: [{type: crash, at: {action: sale, occurrence: 4}}]"), must_happen=("nowhere",))
    verdict = tell(plan, "stan_in_ram").verdict
    assert verdict.status == "fail"
    assert verdict.exit_code == 1
    assert verdict.inconclusive_because, "and what was not shown is told as well"


# ---------------------------------------------------------------- ended early


def test_a_run_that_was_interrupted_proves_nothing() -> None:
    interrupted = Interrupted()
    interrupted.ask()
    run = tell(small(), interrupted=interrupted)
    assert run.verdict.status == "inconclusive"
    assert any(why.startswith("interrupted on day") for why in run.verdict.inconclusive_because)
    assert run.of(PhaseStarted)[-1].phase == "check", "what it has seen is judged all the same"


def test_a_run_whose_budget_of_events_is_over_proves_nothing() -> None:
    plan = small('days: {count: 3, open: "09:00", close: "10:00"}')
    run = tell(replace(plan, budgets=Budgets(events=100)))
    assert run.verdict.status == "inconclusive"
    assert any("the budget of 100 events was over on day" in why for why in run.verdict.inconclusive_because)
    assert run.of(PhaseStarted)[-1].at_us < 2 * 24 * US_PER_HOUR


def test_a_run_whose_time_is_over_proves_nothing() -> None:
    run = tell(replace(small(), budgets=Budgets(wall_us=1)))
    assert run.verdict.status == "inconclusive"
    assert any("the time limit was near on day" in why for why in run.verdict.inconclusive_because)


def test_a_phase_that_does_not_end_is_told() -> None:
    plan = small("faults: [{type: crash, at: {action: sale, occurrence: 3}}]")
    run = tell(plan, "StartsOnceAndTakesItsTime")
    assert "phase recovery did not end within a day of virtual time" in run.verdict.inconclusive_because
    assert run.of(PhaseStarted)[-1].phase == "check"


def test_a_run_whose_real_time_is_over_after_trading_does_not_go_on() -> None:
    run = tell(small(), request=RunRequest(scenario="x", wall_limit_s=0.0))
    assert [event.phase for event in run.of(PhaseStarted)] == ["trading", "check"]
    assert "0 s of wall time were over in phase trading" in run.verdict.inconclusive_because[0]


class _Hanging(Attended):
    """The software hangs at ten, eleven and twelve o'clock, and whoever watches it ends it each time."""

    def look(self, built: Built, judge: Judge) -> None:
        (station,) = built.world.stations
        for hour in (10, 11, 12):
            timer = built.world.env.timeout(hour * US_PER_HOUR)
            timer.callbacks.append(lambda _: station.crash("spinning", "test"))


def test_software_that_hung_too_often_ends_the_run_and_that_is_told() -> None:
    run = tell(small('days: {count: 1, open: "09:00", close: "20:00"}'), run=_Hanging)
    assert any(
        "the software of T01 hung 3 times, so the run was ended" in why for why in run.verdict.inconclusive_because
    )
    assert run.verdict.status != "pass"
    assert [event.phase for event in run.of(PhaseStarted)] == ["trading", "check"]


def test_every_day_is_traded() -> None:
    run = tell(small('days: {count: 3, open: "09:00", close: "10:00"}'))
    assert run.verdict.status == "pass", told(run.verdict)
    assert run.of(PhaseStarted)[1].at_us == 3 * 24 * US_PER_HOUR


# ---------------------------------------------------------------- what is judged, and what is excused


def test_the_scenario_chooses_what_is_judged() -> None:
    only = tell(replace(small(), invariants=InvariantChoice(only=("stan_unique", "no_lost_approval"))))
    assert only.checked() == {1, 8}
    without = tell(replace(small(), invariants=InvariantChoice(excluded=("stan_unique",))))
    assert 8 not in without.checked() and 1 in without.checked()
    assert len(tell(small()).judge.invariants) == len(INVARIANTS.names())


@pytest.mark.parametrize("own", [True, False])
def test_what_a_medium_takes_away_is_excused_from_the_cut_on_and_says_why(own: bool) -> None:
    volume = VolumePlan("data", profile="fat" if own else None)
    medium = {"profile": "ext4-ordered" if own else "fat", "device": DevicePlan(volumes=(volume,))}
    plan = replace(small("faults: [{type: power_loss, at: {action: sale, occurrence: 2}}]\n"), **medium)
    cuts = {seed: tell(replace(plan, seed=seed), "jsonfile") for seed in (1, 2)}
    # One of the two cuts left clusters without an owner; the other took nothing that removing files does not give back.
    (lossy,) = (run for run in cuts.values() if any(each.unsurvivable for each in run.of(StorageAfterPowerLoss)))
    (harmless,) = (run for run in cuts.values() if run is not lossy)
    assert any(reason.startswith("T01: unsurvivable: fat: ") for reason in lossy.not_checked(15)), lossy.verdict
    assert not any("unsurvivable" in reason for reason in harmless.not_checked(15)), harmless.verdict
    # Without a cut the medium takes nothing away.
    assert not any("unsurvivable" in reason for reason in tell(replace(small(), **medium)).not_checked(15))


FORGOTTEN = """
terminals: 2
days: {count: 2, open: "09:00", close: "10:00"}
faults:
  - {type: host_silent, at: {action: sale, occurrence: 2}}
  - {type: forgotten_reversal, at: {day: 2, time: "09:00"}, devices: [T01]}
"""


def test_a_fault_excuses_its_own_device_its_own_invariants_and_only_from_its_strike_on() -> None:
    run = tell(small(NOBODY_PAYS_TWICE + FORGOTTEN), "silent_charge")
    struck = next(event for event in run.of(FaultStruck) if event.kind == "forgotten_reversal")
    excused = {(each.invariant, each.reason[:3]) for each in run.verdict.not_checked if "unsurvivable" in each.reason}
    assert excused == {(2, "T01"), (3, "T01"), (20, "T01"), (31, "T01")}
    silent = {finding.device for finding in run.verdict.findings if finding.invariant == 31}
    # On T01 the charge of the first day was settled, and so beyond remedy, before the strike: that stays lost.
    assert silent == {"T01", "T02"}, told(run.verdict)
    assert all(finding.at_us < struck.at_us for finding in run.verdict.findings)


LATE = """
faults:
  - {type: forgotten_reversal, at: {action: sale, occurrence: 1}}
  - {type: host_silent, at: {action: sale, occurrence: 4}}
"""


def test_what_nobody_could_keep_is_no_finding() -> None:
    run = tell(small(NOBODY_PAYS_TWICE + LATE), "silent_charge")
    assert not [finding for finding in run.verdict.findings if finding.invariant in (2, 3, 31)], told(run.verdict)


# ---------------------------------------------------------------- what is left on disk


def test_the_verdict_s_digest_is_that_of_the_history_beside_it(tmp_path: Path) -> None:
    verdict = small_run(small(), "reference", out=tmp_path)
    history = (tmp_path / "history.jsonl").read_bytes()
    assert verdict.history_sha256 == hashlib.sha256(history).hexdigest()
    assert verdict.events == history.count(b"\n")


@pytest.mark.parametrize("terminal", ["reference", "stan_in_ram"])
def test_a_finding_leaves_a_resolved_scenario_and_a_pass_does_not(terminal: str, tmp_path: Path) -> None:
    plan = small("faults: [{type: crash, at: {action: sale, occurrence: 4}}]")
    verdict = small_run(plan, terminal, out=tmp_path)
    assert (tmp_path / "resolved.yaml").exists() == bool(verdict.findings) == (terminal == "stan_in_ram")
    assert not (tmp_path / "decisions.tsv").exists()


def test_software_that_needs_what_the_second_disk_lacks_is_not_judged_on_it() -> None:
    plan = replace(small(), disk="pyfakefs", profile="posix-weak")
    assert tell(plan).verdict.status == "pass"
    with pytest.raises(UsageError, match="which --disk pyfakefs does not have"):
        tell(plan, "LocksItsFiles")


# ---------------------------------------------------------------- how to do it again


def test_the_replay_line_says_what_the_command_line_had_changed() -> None:
    request = RunRequest(scenario="x", seed=9, days=1, terminals=1, profile="posix-weak", disk="vfs")
    plan = replace(small(), source="")
    said = tell(plan, request=request).verdict.replay
    assert said.startswith("harness run small --terminal reference --seed 9 ")
    for flag in ("--days 1", "--terminals 1", "--profile posix-weak", "--disk vfs"):
        assert flag in said
    assert tell(plan).verdict.replay == "harness run small --terminal reference --seed 1"

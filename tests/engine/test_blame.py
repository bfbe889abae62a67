"""What struck before a finding, and where the software was: from the last strike that bit, and only where that says something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.core.units import US_PER_HOUR, US_PER_MINUTE
from harness.engine.blame import Blames
from harness.engine.crashpoints.callsites import CallSites
from harness.history.events import AnyEvent, FaultBit, FaultLifted, FaultStruck, RequestUnanswered
from harness.history.recorder import Recorder
from harness.invariants.base import Finding
from harness.scenario.load import load_text
from harness.terminals.small_scenarios import hour
from tests.engine.small_runs import run

T01 = "T01"
CUT = "  - {type: power_loss, at: {action: sale, occurrence: 4, storage_operation: 1}, off_for: 30 s}\n"
LATER = "  - {type: host_silent, at: {action: sale, occurrence: 6}}\n"


@pytest.mark.slow
def test_a_cut_is_blamed_with_the_code_that_it_hit_and_a_condition_without() -> None:
    verdict = run(load_text(hour(f"faults:\n{CUT}{LATER}")), "log_in_ram")
    lost = [each for each in verdict.findings if each.invariant == 1]
    assert lost and {each.fault for each in lost} == {"power_loss"}
    # The innermost functions of its own code, and the call that it was in the middle of.
    assert all(each.place.endswith(" write: write") and " append > " in each.place for each in lost)
    verdict = run(load_text(hour("faults: [{type: host_silent, at: {action: sale, occurrence: 2}}]")), "never_resent")
    assert {(each.fault, each.place) for each in verdict.findings if each.invariant == 22} == {("host_silent", "")}
    # What is found at the end of the day and follows from it is told with the same blame, and not with any other.
    assert {each.fault for each in verdict.findings} == {"host_silent"}
    assert {each.invariant: each.follows for each in verdict.findings} == {31: 0, 22: 0, 24: 31, 15: 22}


@pytest.mark.slow
def test_what_did_not_bite_or_came_after_is_not_blamed_and_a_wait_is_told_by_where_it_waits() -> None:
    early = "  - {type: paper_out, at: {time: '09:01'}, lift_after: 1 s}\n"
    idle = "  - {type: power_loss, at: {time: '09:30'}, off_for: 30 s}\n"
    verdict = run(load_text(hour(f"faults:\n{early}{idle}")), "log_in_ram")
    lost = [each for each in verdict.findings if each.invariant == 1]
    assert lost and {each.fault for each in lost} == {"power_loss"}
    assert all(".py:" in each.place and not each.place.endswith(": write") for each in lost)


@pytest.mark.parametrize(
    ("terminal", "fault", "failed"),
    [
        ("log_in_ram", "{type: storage_error, on: write, at: {action: sale, occurrence: 3}}", "write: write EIO"),
        ("log_in_ram", "{type: fsync_failure, at: {action: sale, occurrence: 3}}", "write: fsync EIO"),
        (
            "report_first",
            "{type: full_storage, free: 0 B, at: {action: sale, occurrence: 3}}",
            "settlement: call ENOSPC",
        ),
    ],
)
def test_a_condition_of_storage_is_blamed_with_the_first_call_that_it_refused(
    terminal: str, fault: str, failed: str
) -> None:
    verdict = run(load_text(hour(f"faults: [{fault}]\n")), terminal)
    blamed = {(each.fault, each.place) for each in verdict.findings}
    ((kind, place),) = blamed
    assert kind in fault and ".py:" in place and place.endswith(failed), blamed


# ---------------------------------------------------------------- which of several


def _of(*events: AnyEvent, at_us: int, evident_us: int | None = None, proof_us: tuple[int, ...] = ()) -> str:
    blames, recorder = Blames({}, CallSites(())), Recorder()
    blames.attach(recorder)
    for event in sorted(events, key=lambda each: each.at_us):
        recorder.emit(event)
    return blames.of(T01, at_us, at_us if evident_us is None else evident_us, proof_us).fault


def _condition(kind: str, from_us: int, until_us: int | None = None) -> tuple[AnyEvent, ...]:
    """A fault that bites at once."""
    name = f"{kind}#{from_us}"
    bit = FaultStruck(from_us, name, kind, (T01,)), FaultBit(from_us + 1, name, kind, T01, "it did something")
    return bit if until_us is None else (*bit, FaultLifted(until_us, name, kind, (T01,)))


MINUTE, HOUR = US_PER_MINUTE, US_PER_HOUR


def test_a_condition_that_was_over_long_before_is_not_blamed_and_one_that_was_just_over_is() -> None:
    dead = _condition("half_open", 9 * HOUR, 9 * HOUR + 5 * MINUTE)
    assert _of(*dead, at_us=15 * HOUR) == ""
    assert _of(*dead, at_us=9 * HOUR + 15 * MINUTE) == "half_open"
    assert _of(*dead, at_us=9 * HOUR + 16 * MINUTE) == ""
    assert _of(*_condition("half_open", 9 * HOUR), at_us=15 * HOUR) == "half_open", "it is still on"
    # What it is about happened while it was on, and was found out hours later.
    assert _of(*dead, at_us=18 * HOUR, proof_us=(9 * HOUR + MINUTE, 18 * HOUR)) == "half_open"


def test_a_state_without_a_cause_of_its_own_has_that_of_the_finding_before_on_the_same_terminal() -> None:
    blames, recorder = Blames({}, CallSites(())), Recorder()
    blames.attach(recorder)
    for event in (
        *_condition("half_open", 9 * HOUR, 9 * HOUR + MINUTE),
        *_condition("late_reply", 11 * HOUR, 12 * HOUR),
    ):
        recorder.emit(event)
    found = [
        Finding("any", number, device, at_us, "", 0, events, "major")
        for number, device, at_us, events in (
            (24, T01, 8 * HOUR, ()), (31, T01, 9 * HOUR, (7,)), (24, "T02", 18 * HOUR, ()), (24, T01, 18 * HOUR, ()),
            (3, T01, 19 * HOUR, ()),
        )
    ]  # fmt: skip
    told = blames.of_all(found, {7: 9 * HOUR})
    assert [each.cause for each in told] == [None, 0, None, 0, None]
    assert [(each.fault, each.follows) for each in told] == [
        ("", 0), ("half_open", 0), ("", 0), ("half_open", 31), ("", 0),
    ]  # fmt: skip
    assert [each.fault for each in blames.of_all(found[3:], {})] == ["", ""]


def test_what_struck_while_the_thing_was_still_in_order_has_not_done_it() -> None:
    """The terminal's own totals counted the sale in the evening: no cut at noon has taken it."""
    blames, recorder = Blames({}, CallSites(())), Recorder()
    blames.attach(recorder)
    for event in (
        *_condition("bit_flip", 12 * HOUR),
        *_condition("half_open", 13 * HOUR),
        *_condition("zero_file", 18 * HOUR),
    ):
        recorder.emit(event)
    sale = Finding("any", 1, T01, 9 * HOUR, "", 0, (), "major", evident_us=20 * HOUR)
    told = [
        blames.of_all([replace(sale, kept_until_us=kept_us, evident_us=evident_us)], {})[0].fault
        for kept_us, evident_us in (
            (0, 20 * HOUR), (11 * HOUR, 20 * HOUR), (15 * HOUR, 20 * HOUR), (15 * HOUR, 17 * HOUR), (19 * HOUR, 20 * HOUR)
        )
    ]  # fmt: skip
    assert told == ["bit_flip", "bit_flip", "zero_file", "half_open", "half_open"]


def test_the_harm_of_cuts_damage_and_refused_writes_stays() -> None:
    damage = _condition("corrupt_file", 9 * HOUR)
    assert _of(*damage, at_us=15 * HOUR) == "corrupt_file"
    assert _of(*_condition("full_storage", 9 * HOUR, 10 * HOUR), at_us=15 * HOUR) == "", "nothing was refused"
    # The latest of several, and what came between deed and discovery before anything earlier.
    assert _of(*damage, *_condition("bit_flip", 10 * HOUR), at_us=15 * HOUR) == "bit_flip"
    late = _condition("zero_file", 16 * HOUR)
    assert _of(*damage, *late, at_us=15 * HOUR, evident_us=17 * HOUR) == "zero_file"
    assert _of(*damage, *late, at_us=15 * HOUR, evident_us=15 * HOUR + MINUTE) == "corrupt_file"


def test_what_was_at_work_at_the_proof_comes_before_what_came_later() -> None:
    dead = _condition("half_open", 11 * HOUR, 11 * HOUR + 3 * MINUTE)
    later = _condition("late_reply", 14 * HOUR, 14 * HOUR + MINUTE)
    assert _of(*dead, *later, at_us=18 * HOUR, proof_us=(11 * HOUR + MINUTE, 18 * HOUR)) == "half_open"
    assert _of(*dead, *later, at_us=14 * HOUR, proof_us=(11 * HOUR - HOUR, 14 * HOUR)) == "late_reply"


def test_what_was_there_is_lost_by_the_first_harm_since_and_by_none_before() -> None:
    first, second = _condition("lose_file", 9 * HOUR), _condition("zero_file", 9 * HOUR + 8 * MINUTE)
    closing = 10 * HOUR + 30 * MINUTE
    # Its record was written after the first one, and is missed at the settlement.
    since = 9 * HOUR + MINUTE
    assert _of(*first, *second, at_us=closing, proof_us=(since, closing)) == "zero_file"
    assert _of(*first, *second, at_us=closing, proof_us=(8 * HOUR, closing)) == "lose_file"
    assert _of(*first, *second, at_us=closing) == "zero_file", "the last, where nothing says since when"
    assert _of(*first, at_us=since, proof_us=(since,)) == "lose_file", "where there was none since"
    assert _of(*first, *second, at_us=9 * HOUR) == "lose_file", "at the very instant"
    # What was on at the proof is nearer than what came hours later.
    silent = _condition("host_silent", 7 * HOUR + 59 * MINUTE, 8 * HOUR)
    assert _of(*silent, *first, at_us=closing, proof_us=(8 * HOUR, closing)) == "host_silent"


@pytest.mark.slow
def test_what_struck_a_terminal_that_was_off_or_a_line_that_nobody_used_is_not_blamed() -> None:
    faults = """
faults:
  - {type: power_loss, at: {time: "09:10"}, off_for: 30 min}
  - {type: crash, at: {time: "09:20"}}
  - {type: link_reset, at: {time: "09:25"}}
  - {type: host_silent, at: {action: sale, occurrence: 1}}
"""
    verdict = run(load_text(hour(faults)), "never_resent")
    assert {each.kind: each.struck for each in verdict.faults} == {each.kind: 1 for each in verdict.faults}
    assert len(verdict.findings) > 2 and {each.fault for each in verdict.findings} == {"power_loss", "host_silent"}


@pytest.mark.slow
def test_a_sale_that_is_missed_at_the_settlement_has_the_cut_that_took_it() -> None:
    again = "  - {type: power_loss, name: again, at: {action: sale, occurrence: 6}, off_for: 20 s}\n"
    verdict = run(load_text(hour(f"faults:\n{CUT}{again}")), "log_in_ram")
    causes: list[dict[str, int | None]] = [
        {each.summary.partition(" yuan")[0][-6:]: each.cause for each in verdict.findings if each.invariant == number}
        for number in (1, 2)
    ]
    lost, missed = causes
    assert len(set(lost.values())) == 2 and {amount: missed[amount] for amount in lost} == lost


@pytest.mark.slow
def test_a_connection_that_was_reset_and_a_clock_that_jumped_have_lost_no_record() -> None:
    faults = """
sales_per_day: 10
faults:
  - {type: link_reset, at: {action: sale, occurrence: 4, message: {direction: up, mti: '0200', moment: sent}}}
  - {type: clock_jump, jump: 1 h, at: {time: '09:32'}}
  - {type: power_loss, at: {action: sale, occurrence: 8, storage_operation: 1}, off_for: 20 s}
"""
    verdict = run(load_text(hour(faults)), "log_in_ram")
    struck = {each.kind for each in verdict.faults if each.bit}
    assert struck >= {"link_reset", "power_loss"}
    lost = [each for each in verdict.findings if each.invariant in (1, 2)]
    assert len(lost) > 10 and {each.fault for each in lost} == {"power_loss"}


def test_of_several_the_one_that_came_first_since_the_deed_or_was_nearest_to_the_proof() -> None:
    # A harm between deed and discovery comes before what was at work at the deed, and what was on meanwhile before any other.
    on, harm = _condition("half_open", 9 * HOUR, 10 * HOUR), _condition("zero_file", 12 * HOUR)
    assert _of(*on, *harm, at_us=9 * HOUR + MINUTE, evident_us=18 * HOUR) == "zero_file"
    late = _condition("late_reply", 13 * HOUR, 14 * HOUR)
    harm = _condition("zero_file", 12 * HOUR)
    assert _of(*harm, *late, at_us=12 * HOUR + 30 * MINUTE, evident_us=18 * HOUR, proof_us=(11 * HOUR,)) == "late_reply"
    # What began last of two that were both on; of two at one distance what is over at once.
    both = (*_condition("half_open", 9 * HOUR), *_condition("late_reply", 10 * HOUR))
    assert _of(*both, at_us=15 * HOUR) == "late_reply"
    lost = _condition("lose_file", 15 * HOUR - 2 * MINUTE)
    over = _condition("congestion", 14 * HOUR, 15 * HOUR - 2 * MINUTE)
    assert _of(*over, *lost, at_us=15 * HOUR) == "lose_file"
    # Nearest is counted from its end: long over is not near.
    near = _condition("late_reply", 15 * HOUR - 3 * MINUTE, 15 * HOUR - MINUTE)
    ended = _condition("half_open", 9 * HOUR, 15 * HOUR - 5 * MINUTE)
    assert _of(*ended, *near, at_us=15 * HOUR) == "late_reply"
    # Of two that are on, how much longer they will be does not matter.
    longer, later = _condition("half_open", 9 * HOUR, 18 * HOUR), _condition("late_reply", 14 * HOUR, 16 * HOUR)
    assert _of(*longer, *later, at_us=15 * HOUR) == "late_reply"


def test_a_strike_that_did_nothing_is_not_blamed_and_a_bite_is_that_of_the_last_strike_of_its_name() -> None:
    never = FaultStruck(9 * HOUR, "half_open#1", "half_open", (T01,))
    assert _of(never, at_us=9 * HOUR + MINUTE) == ""
    again = FaultStruck(12 * HOUR, "half_open#1", "half_open", (T01,))
    bit = FaultBit(12 * HOUR + 1, "half_open#1", "half_open", T01, "it did something")
    ended = FaultLifted(12 * HOUR + MINUTE, "half_open#1", "half_open", (T01,))
    assert _of(never, again, bit, ended, at_us=12 * HOUR) == "half_open"
    before = _condition("half_open", 9 * HOUR, 9 * HOUR + MINUTE)
    name = before[0].fault if isinstance(before[0], FaultStruck) else ""
    again = FaultStruck(12 * HOUR, name, "half_open", (T01,)), FaultLifted(13 * HOUR, name, "half_open", (T01,))
    assert _of(*before, *again, at_us=11 * HOUR) == "", "that it ends again later says nothing of the first time"


@pytest.mark.parametrize(
    ("how", "bit", "blamed"), [("battery_dead: true", 0, ("", False)), ("jump: 2 s", 1, ("clock_jump", True))]
)
def test_a_clock_is_blamed_when_it_was_read_and_with_the_code_at_its_jump(
    how: str, bit: int, blamed: tuple[str, bool]
) -> None:
    # A dead battery does nothing before the power is lost, which it is not.
    text = hour(f"faults: [{{type: clock_jump, {how}, at: {{time: '09:05'}}}}]")
    verdict = run(load_text(text), "batch_stays")
    assert [each.bit for each in verdict.faults] == [bit]
    assert {(each.fault, ".py:" in each.place) for each in verdict.findings} == {blamed}


def test_a_request_without_an_answer_on_any_day_is_blamed_by_the_scenarios_key() -> None:
    asked = RequestUnanswered(12 * HOUR, T01, 7, "no_reply")
    dead = _condition("half_open", 9 * HOUR, 9 * HOUR + MINUTE)
    assert _of(*dead, asked, at_us=12 * HOUR + MINUTE) == "host.no_reply"
    assert _of(*dead, asked, at_us=15 * HOUR) == "", "it has nothing to do with it"
    # Any other silence is a fault that has struck, and is told by its name.
    assert _of(RequestUnanswered(12 * HOUR, T01, 7, "withheld"), at_us=12 * HOUR + MINUTE) == ""
    assert _of(RequestUnanswered(12 * HOUR, "T02", 7, "no_reply"), at_us=12 * HOUR + MINUTE) == ""


def test_a_run_without_faults_whose_host_is_silent_says_so_and_passes_where_it_answers() -> None:
    silent = load_text(hour("").replace("no_reply: 0%", "no_reply: 25%"))
    verdict = run(silent, "silent_charge")
    assert verdict.findings and {each.fault for each in verdict.findings} == {"host.no_reply"}
    assert run(silent.without_families(("host.no_reply",)), "silent_charge").status == "pass"

"""After trading: what is lifted when, what each terminal is asked to do, and what is measured, phase by phase."""

from __future__ import annotations

import pytest

from harness.core.units import US_PER_MINUTE
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Booted,
    FaultLifted,
    Inspected,
    OperatorDid,
    PhaseStarted,
    SoftwareReady,
    SpaceMeasured,
)
from tests.engine.small_runs import found, small, told
from tests.engine.told_runs import Told, tell

FULL_AND_OFFLINE = """
terminals: 3
sales_per_day: 15
device: {volumes: {data: {size: 1 MiB, block_size: 4 KiB}}}
people: {settles_on_time: 0%, settles_late: 0%, daily_reboot: false}
faults:
  - {type: full_storage, name: full, free: 0 B, at: {day: 1, time: "09:30"}, devices: [T01, T02]}
  - {type: partition, name: dead_line, at: {day: 1, time: "09:40"}}
"""
NOBODY_SETTLES = "people: {settles_on_time: 0%, settles_late: 0%, daily_reboot: false}\n"
PHASES = ["trading", "settle_while_full", "recovery", "quiescence", "final_settlement", "check"]


def actions(run: Told, phase: str, kind: str) -> dict[str, list[str]]:
    """By device: how the actions of ``kind`` that began in ``phase`` ended."""
    ends = {(event.device, event.action): event.outcome for event in run.of(ActionEnded)}
    found: dict[str, list[str]] = {}
    for event in run.of(ActionStarted, phase):
        if event.kind == kind:
            found.setdefault(event.device, []).append(ends[event.device, event.action])
    return found


def lifted(run: Told, phase: str) -> list[tuple[str, str]]:
    return sorted((event.fault, device) for event in run.of(FaultLifted, phase) for device in event.devices)


@pytest.fixture(scope="module")
def full() -> Told:
    """Two of three terminals full, all of them without a line, and nobody has settled."""
    return tell(small(FULL_AND_OFFLINE))


@pytest.fixture(scope="module")
def quiet() -> Told:
    return tell(small(NOBODY_SETTLES + "terminals: 2"))


def test_the_phases_come_in_order(full: Told, quiet: Told) -> None:
    for run in (full, quiet):
        assert [event.phase for event in run.of(PhaseStarted)] == PHASES


def test_the_line_is_mended_before_space_is_given_back(full: Told) -> None:
    assert not full.verdict.findings, told(full.verdict)
    assert lifted(full, "trading") == []
    assert lifted(full, "settle_while_full") == [("dead_line#1", "T01"), ("dead_line#2", "T02"), ("dead_line#3", "T03")]
    assert lifted(full, "recovery") == [("full#1", "T01"), ("full#2", "T02")]


def test_those_that_are_full_settle_and_sell_and_the_others_wait(full: Told) -> None:
    assert actions(full, "settle_while_full", "settle") == {"T01": ["done"], "T02": ["done"]}
    assert set(actions(full, "settle_while_full", "sale")) == {"T01", "T02"}
    assert 15 in full.checked()


def test_space_is_told_without_the_bytes_of_others(full: Told) -> None:
    installed = {
        event.device: event for event in full.of(SpaceMeasured) if (event.volume, event.when) == ("data", "installed")
    }
    assert set(installed) == {"T01", "T02", "T03"}
    told_full = [event for event in full.of(SpaceMeasured, "settle_while_full") if event.volume == "data"]
    assert [(event.device, event.when) for event in told_full] == [
        ("T01", "before_settlement"),
        ("T02", "before_settlement"),
        ("T01", "after_settlement"),
        ("T02", "after_settlement"),
    ]
    for event in told_full:
        # Not one block is free; of what is taken, the terminal's own part is small.
        assert event.free_bytes > event.total_bytes // 2
        assert event.free_bytes <= installed[event.device].free_bytes


def test_every_terminal_trades_again_and_is_not_restarted_first(full: Told, quiet: Told) -> None:
    for run, devices in ((full, {"T01", "T02", "T03"}), (quiet, {"T01", "T02"})):
        assert {device: ends[-1] for device, ends in actions(run, "recovery", "sale").items()} == dict.fromkeys(
            devices, "approved"
        )
        assert run.of(Booted, "recovery") == []
        assert not [event for event in run.of(OperatorDid) if "support" in event.what]


def test_the_terminals_own_records_are_read_at_rest_and_after_the_last_settlement(full: Told) -> None:
    told_by: dict[str, list[str]] = {}
    for event in full.of(Inspected):
        told_by.setdefault(event.when, []).append(event.device)
    assert told_by == {"quiescence": ["T01", "T02", "T03"], "after_settlement": ["T01", "T02", "T03"]}
    by_phase = [len(full.of(Inspected, phase)) for phase in PHASES]
    assert by_phase == [0, 0, 0, 3, 3, 0]
    assert all(event.records for event in full.of(Inspected, "quiescence"))
    assert not any(event.records for event in full.of(Inspected, "final_settlement"))


def test_nothing_is_in_flight_when_records_are_read(quiet: Told) -> None:
    last_action = max(event.at_us for event in quiet.of(ActionEnded, "recovery"))
    assert quiet.of(PhaseStarted)[3].at_us >= last_action + 5 * US_PER_MINUTE


def test_everybody_settles_at_last_and_space_is_measured_around_it(quiet: Told) -> None:
    assert actions(quiet, "final_settlement", "settle") == {"T01": ["done"], "T02": ["done"]}
    when = [
        event.when
        for event in quiet.of(SpaceMeasured, "final_settlement")
        if (event.device, event.volume) == ("T01", "data")
    ]
    assert when == ["before_settlement", "after_settlement"]


# ---------------------------------------------------------------- terminals that need help


def support(run: Told) -> list[str]:
    return [event.what for event in run.of(OperatorDid) if "support" in event.what]


def test_a_terminal_that_sells_nothing_is_restarted_by_support_and_that_is_told() -> None:
    run = tell(small(), "RefusesOnceItHasSold")
    assert support(run) == ["support restarted it: no sale was accepted"]
    assert len(run.of(Booted, "recovery")) == 1
    sales = actions(run, "recovery", "sale")["T01"]
    assert sales[-1] == "approved" and set(sales[:-1]) == {"refused"}
    assert len(sales) >= 4, "a restart is the last thing that is tried"
    assert 24 in found(run.verdict), told(run.verdict)


def test_a_card_that_the_host_declines_is_no_reason_to_restart_the_terminal() -> None:
    run = tell(small("host: {no_reply: 0%, decline: 100%}"), "reference")
    assert set(actions(run, "recovery", "sale")["T01"]) == {"declined"}
    assert support(run) == [] and found(run.verdict) == set()


def test_a_terminal_whose_settlement_fails_is_restarted_by_support() -> None:
    run = tell(small(), "SettlesAfterRestart")
    assert support(run) == ["support restarted it: settlement failed"]
    assert actions(run, "final_settlement", "settle")["T01"][-1] == "done"


def test_a_terminal_that_does_not_come_back_is_waited_for_as_long_as_it_declares() -> None:
    run = tell(small("faults: [{type: crash, at: {action: sale, occurrence: 3}}]"), "StartsOnce")
    assert 24 in found(run.verdict), told(run.verdict)
    recovery = next(event.at_us for event in run.of(PhaseStarted) if event.phase == "recovery")
    restarted = [event.at_us for event in run.of(OperatorDid, "recovery") if "it did not come back" in event.what]
    assert restarted == [recovery + 600 * 1_000_000]
    assert not run.of(SoftwareReady, "recovery")


def test_power_that_is_still_off_comes_back_for_recovery() -> None:
    run = tell(small("faults: [{type: power_loss, at: {action: sale, occurrence: 4}, off_for: 400 h}]"))
    assert run.verdict.status == "pass", told(run.verdict)
    assert len(run.of(Booted, "recovery")) == 1
    assert actions(run, "recovery", "sale")["T01"] == ["approved"]


# ---------------------------------------------------------------- when faults may strike


def test_nothing_strikes_after_trading_but_what_waits_for_its_phase() -> None:
    # The shop is closed by then; the next sale is the one in recovery.
    plan = small("faults: [{type: crash, name: late, at: {day: 1, time: '23:00', action: sale}}]")
    run = tell(plan)
    assert run.verdict.faults[0].struck == 0
    during = small("faults: [{type: crash, name: late, at: {phase: recovery, action: sale}}]")
    assert tell(during).verdict.faults[0].struck == 1

"""What struck before a finding, and where the software was: from the last strike that bit, and only where that says something."""

from __future__ import annotations

import pytest

from harness.scenario.load import load_text
from harness.terminals.small_scenarios import hour
from tests.engine.small_runs import run

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

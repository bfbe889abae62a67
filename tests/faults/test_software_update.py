"""An update on a device: what is staged where, when it is installed, and what runs afterwards."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from harness.core.errors import UsageError
from harness.faults.base import FaultPlan, Trigger
from harness.faults.software_update import SoftwareUpdate
from harness.history.events import ActionEnded, ActionStarted, Booted, FaultBit, Inspected, OperatorDid
from harness.scenario.plan import DaysPlan, DevicePlan, VolumePlan
from tests.faults.fault_bench import HOUR_US, SMALL, Outcome, run

KIB = 1024
MORNING = replace(
    SMALL,
    terminals=1,
    days=DaysPlan(1, SMALL.days.start, 9 * HOUR_US, 11 * HOUR_US),
    sales_per_day=20,
    release="previous",
    device=DevicePlan(volumes=(VolumePlan("data", 512 * KIB),)),
)
AT_TEN = Trigger(day=1, time_us=9 * HOUR_US + HOUR_US // 2)


@cache
def ran(fault: SoftwareUpdate, terminal: str = "reference", lift_after_us: int | None = None) -> Outcome:
    return run(MORNING, FaultPlan("u", fault, AT_TEN, lift_after_us=lift_after_us), terminal=terminal)


def told(outcome: Outcome) -> list[str]:
    return [event.what for _, event in outcome.of(OperatorDid)]


def test_a_package_that_fits_is_asked_for_installed_and_tried() -> None:
    outcome = ran(SoftwareUpdate(size_bytes=256 * KIB))
    assert told(outcome) == [
        "reference_v1 1 is installed, the release before the one under test",
        "an update was installed: reference_v1 1 gave way to reference 2",
        "the update is tried: it is restarted once more",
    ]
    (asked,) = [event for _, event in outcome.of(ActionStarted) if event.kind == "update"]
    # Half an hour past nine, ten minutes of download, and then as soon as the till is free.
    assert 10 * 60_000_000 <= asked.at_us - AT_TEN.time_us < 13 * 60_000_000  # type: ignore[operator]
    assert len(outcome.of(Booted)) == 3
    once, twice = [event for _, event in outcome.of(Inspected) if event.when == "recovered"]
    assert once.records == twice.records != ()
    assert outcome.built.world.stations[0].manifest.version == "2"
    assert outcome.verdict.status == "pass" and "19 recovery_idempotent" in outcome.verdict.checked


def test_a_package_that_does_not_fit_is_never_installed_and_a_patch_of_it_is() -> None:
    whole = ran(SoftwareUpdate(size_bytes=1024 * KIB), lift_after_us=HOUR_US)
    assert told(whole)[1:] == [] and whole.bit("u") == 1
    assert [event.evidence for _, event in whole.of(FaultBit)] == ["there was no room for the package"]
    assert whole.built.world.stations[0].manifest.version == "1"
    patch = ran(SoftwareUpdate(size_bytes=1024 * KIB, patch="incremental"))
    assert len(told(patch)) == 3
    assert whole.verdict.findings == patch.verdict.findings == ()


def test_a_refusal_is_asked_again() -> None:
    outcome = ran(SoftwareUpdate(size_bytes=64 * KIB), terminal="tests.faults.updated_terminals:Reluctant")
    assert "the update waits: the software said refused (busy)" in told(outcome)
    asked = {event.action for _, event in outcome.of(ActionStarted) if event.kind == "update"}
    ends = [event.outcome for _, event in outcome.of(ActionEnded) if event.action in asked]
    assert ends == ["refused", "done"]


def test_software_without_a_release_before_it_gets_itself_again() -> None:
    outcome = ran(SoftwareUpdate(size_bytes=64 * KIB), terminal="tests.faults.updated_terminals:FirstEver")
    assert "an update was installed: reference 2 gave way to reference 2" in told(outcome)
    assert not [event for _, event in outcome.of(ActionStarted) if event.kind == "update"]


def test_a_previous_release_that_is_not_there_is_one_message() -> None:
    with pytest.raises(UsageError, match=r"manifest\.previous ':Nobody'"):
        ran(SoftwareUpdate(), terminal="tests.faults.updated_terminals:Lost")

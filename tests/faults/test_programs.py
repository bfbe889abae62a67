"""Faults on programs of their own: each bites, and comes to the same as for the same terminal in process."""

from dataclasses import replace

import pytest

from harness.faults.catalogue import all_faults
from harness.history.events import Inspected, InspectionMissing
from harness.scenario.plan import Plan, VolumePlan
from tests.faults.fault_table import HOUR_US, NOON, REPLY, ROWS, SMALL, Row
from tests.faults.program_runs import as_program, first_difference, told
from tests.sut.firmware import c_firmware

KINDS = all_faults().names()
REFERENCE = "harness.terminals.reference:ReferenceTerminal"
BY_THE_KERNEL = "a program's memory is what the kernel counts: the budget is passed at another sale"
TO_THE_MILLISECOND = (
    "CPython waits for a socket by poll(2), in whole milliseconds; the socket in process to the microsecond"
)
DIFFERS = {"memory_leak": BY_THE_KERNEL, "mismatched_reply": TO_THE_MILLISECOND}

C_HAS_NO = {
    "clock_jump": "it never looks at the clock",
    "corrupt_nvram": "it keeps nothing in the NVRAM",
    "late_confirmation": "it takes no payment codes",
    "misreported_space": "it never asks how much is free",
}
C_IS_SOONER = {"crash", "scheduled_restart"}
"""Placed by a delay, at which this firmware, which asks for no PIN, has its sale behind it: struck at the answer instead."""
C_READS_ONCE = {"corrupt_file", "lose_erase_block", "unreadable_sector"}
"""SQLite has the page in memory; it is read anew at the next start, unless it has been written by then."""

C_MAY_MISS = {"corrupt_file", "lose_erase_block"}
"""Drawn places of a database, of which SQLite reads what it needs: pages that are free, or written before they are read."""


def roomy(plan: Plan) -> Plan:
    """The plan on a device that has the room which the firmware in C asks for."""
    volumes = tuple(replace(volume, size_bytes=max(volume.size_bytes, 1 << 21)) for volume in plan.device.volumes)
    return replace(plan, device=replace(plan.device, volumes=volumes or (VolumePlan("data", 1 << 21),)))


def placed(kind: str, row: Row, at_hour: float, lift_after_hours: float) -> Row:
    at = replace(row.at, time_us=int(at_hour * HOUR_US)) if row.at == NOON else row.at
    return replace(row, at=at, lift_after_us=int(lift_after_hours * HOUR_US))


def faulty_day() -> list[Row]:
    """Faults of the medium, the power, the process, the link, the host, the paper and the clock, one after another."""
    return [
        placed("paper_out", ROWS["paper_out"], 10, 0.5),
        placed("fsync_failure", ROWS["fsync_failure"], 11, 0.9),
        replace(ROWS["power_loss"], at=replace(REPLY, occurrence=16)),
        replace(ROWS["crash"], at=replace(REPLY, occurrence=22)),
        placed("host_silent", ROWS["host_silent"], 12, 0.9),
        placed("partition", ROWS["partition"], 13, 0.4),
        placed("storage_error", ROWS["storage_error"], 13.4, 0.6),
        placed("half_open", ROWS["half_open"], 14, 0.3),
        placed("clock_jump", ROWS["clock_jump"], 15, 0.9),
        placed("full_storage", ROWS["full_storage"], 14.3, 4.0),
    ]


def test_a_faulty_day_comes_to_the_same_in_process_and_as_a_program() -> None:
    rows = faulty_day()
    plan = replace(ROWS["full_storage"].plan, terminals=1)
    faults = [row.placed for row in rows]
    here = told(plan, *faults, terminal="reference")
    there = told(plan, *faults, terminal=as_program(REFERENCE))
    assert not first_difference(here.events, there.events)
    assert here.images == there.images and len(set(here.images)) > 100
    assert here.outcome.decisions == there.outcome.decisions
    assert all(there.outcome.bit(row.fault.kind) for row in rows), there.outcome.verdict.faults


def test_on_a_faulty_day_every_fault_bites_on_the_firmware_in_c() -> None:
    rows = [row for row in faulty_day() if row.fault.kind not in C_HAS_NO]
    found = told(roomy(replace(SMALL, terminals=1)), *[row.placed for row in rows], terminal=c_firmware())
    assert found.outcome.verdict.status == "pass", found.outcome.verdict
    assert all(found.outcome.bit(row.fault.kind) for row in rows), found.outcome.verdict.faults


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_comes_to_the_same_in_process_and_as_a_program(kind: str) -> None:
    row = ROWS[kind]
    plan = replace(row.plan, terminals=1)
    here = told(plan, row.placed, terminal=row.terminal)
    there = told(plan, row.placed, terminal=as_program(REFERENCE if row.terminal == "reference" else row.terminal))
    assert there.outcome.struck(kind) == here.outcome.struck(kind) == 1
    assert there.outcome.bit(kind) == here.outcome.bit(kind)
    if kind not in DIFFERS:
        assert not first_difference(here.events, there.events)
        assert here.images == there.images
    elif DIFFERS[kind] is TO_THE_MILLISECOND:
        assert [type(event) for event in here.events] == [type(event) for event in there.events]
        assert all(abs(one.at_us - other.at_us) < 1_000 for one, other in zip(here.events, there.events, strict=True))


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_bites_on_the_firmware_in_c(kind: str) -> None:
    row = ROWS[kind]
    faults = [replace(row, at=replace(REPLY, occurrence=20)).placed if kind in C_IS_SOONER else row.placed]
    if kind in C_READS_ONCE:
        faults.append(replace(ROWS["crash"], at=replace(NOON, time_us=NOON.time_us + HOUR_US // 60)).placed)
    found = told(roomy(replace(row.plan, terminals=1)), *faults, terminal=c_firmware()).outcome
    assert found.struck(kind) == 1
    assert kind in C_MAY_MISS or bool(found.bit(kind)) == (kind not in C_HAS_NO), C_HAS_NO.get(kind, "")


def test_a_power_cut_accuses_no_program_of_records_that_it_never_offered() -> None:
    plan = roomy(replace(SMALL, terminals=1, sales_per_day=10))
    found = told(plan, replace(ROWS["power_loss"].placed), terminal=c_firmware(('"--inspect"', '"--look"'))).outcome
    assert found.verdict.status == "pass" and found.bit("power_loss"), found.verdict
    assert len(found.of(InspectionMissing)) == 1 and not found.of(Inspected)
    reasons = {each.name: each.not_checked for each in found.verdict.invariants}
    assert "before any fault, --inspect" in str(reasons["record_atomicity"]), reasons

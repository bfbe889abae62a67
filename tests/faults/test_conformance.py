"""Every registered fault: it describes itself, is written and read back, bites, lifts, repeats, and leaves the past alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from harness.faults.base import FAULTS, Family, Fault, FaultPlan, Trigger
from harness.faults.catalogue import all_faults
from harness.faults.corrupt_file import CorruptFile
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    BatchSettled,
    Booted,
    FaultBit,
    FaultLifted,
    FaultStruck,
    MessageDropped,
    PhaseStarted,
    PowerLost,
    SoftwareReady,
)
from harness.host.knobs import Knobs
from harness.invariants.base import DAMAGE_KINDS, INSTANT_KINDS
from harness.invariants.catalogue import INVARIANTS
from harness.scenario.fields import fields_of
from harness.scenario.load import load_file
from harness.scenario.resolve import write_resolved
from harness.sut.station import Station
from tests.faults.fault_bench import HOUR_US, SMALL, Outcome, run
from tests.faults.fault_table import ROWS

KINDS = all_faults().names()
DAMAGE = [kind for kind in KINDS if FAULTS.get(kind).damage]
CONDITIONS = [kind for kind in KINDS if not FAULTS.get(kind).damage]
# Names that end in no unit: counts, factors, choices, names of things and ranges of counts.
PLAIN = {
    "messages",
    "requests",
    "nth",
    "repeats",
    "slower",
    "again_operation",
    "bit_number",
    "inodes",
    "corrected_reads",
    "ages_per_day",
    "first_try_fails_nth",
    "above_fen",
}


@cache
def struck(kind: str) -> Outcome:
    """The kind's own run, once for all tests that look at it."""
    row = ROWS[kind]
    return run(row.plan, row.placed, terminal=row.terminal)


def first_strike(outcome: Outcome) -> int:
    return outcome.of(FaultStruck)[0][0]


# ---------------------------------------------------------------- the class


def test_there_is_a_run_for_every_kind() -> None:
    assert sorted(ROWS) == sorted(KINDS)


def test_kinds_are_listed_by_name_whoever_was_imported_first() -> None:
    code = (
        "import harness.faults.wrong_mac, harness.faults.crash\n"
        "from harness.faults.catalogue import all_faults\n"
        "print(*all_faults().names())\nprint(*(name for name, _ in all_faults().items()))"
    )
    listed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30)
    assert [line.split() for line in listed.stdout.splitlines()] == [sorted(KINDS)] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_it_models_and_where_from(kind: str) -> None:
    cls = FAULTS.get(kind)
    module = __import__(cls.__module__, fromlist=["_"]).__doc__ or ""
    for heading in ("Models:", "oes not model:", "Source:"):
        assert heading in module, f"{cls.__module__} does not say {heading!r}"
    summary = (cls.__doc__ or "").split("\n")[0]
    assert summary.endswith(".") and 20 < len(summary) <= 130
    assert cls.kind == kind
    assert cls.family in get_args(Family)


@pytest.mark.parametrize("kind", KINDS)
def test_its_parameters_have_units_and_readable_keys(kind: str) -> None:
    for parameter in fields_of(FAULTS.get(kind)):
        assert parameter.unit != "none" or parameter.type not in (int, float) or parameter.name in PLAIN, parameter.name
        assert parameter.key.replace("_", "").isalpha() and not parameter.required


@pytest.mark.parametrize("kind", KINDS)
def test_survivability_names_invariants_and_argues(kind: str) -> None:
    numbers = {invariant.number for _, invariant in INVARIANTS.items()}
    for number, reason in FAULTS.get(kind).survivability.items():
        assert number in numbers
        assert len(reason.split()) > 8


def test_only_damage_at_rest_and_a_host_that_forgets_excuse_anything() -> None:
    """Whoever excuses more has to say so here, too: the table is never widened to make a run green."""
    at_rest = (
        "brown_out", "corrupt_file", "dead_chip", "lose_erase_block", "lose_file", "misdirected_write", "stale_backup",
        "truncate_file", "unreadable_sector",
    )  # fmt: skip
    excused = {kind: set(FAULTS.get(kind).survivability) for kind in KINDS if FAULTS.get(kind).survivability}
    records, requests = {1, 2, 3, 17, 20, 23, 25, 30, 31}, {4, 5, 6}
    assert excused == {
        **dict.fromkeys(at_rest, records | requests),
        # Everything the device knew is gone with it, the trace number too.
        "device_lost": records | requests | {8},
        "forgotten_reversal": {2, 3, 20, 31},
    }
    assert {*at_rest, "device_lost"} == set(DAMAGE)


def test_invariants_know_damage_and_instants() -> None:
    assert set(DAMAGE) <= DAMAGE_KINDS
    instant = {kind for kind in KINDS if FAULTS.get(kind).instant}
    assert instant <= INSTANT_KINDS
    # A reset strikes one message, a jump of the clock shows at once: neither excuses anything while it waits.
    assert set(KINDS) & (INSTANT_KINDS - DAMAGE_KINDS) - instant == {"link_reset", "clock_jump"}


@pytest.mark.parametrize("kind", KINDS)
def test_written_as_a_resolved_scenario_it_reads_back_equal(kind: str, tmp_path: Path) -> None:
    row = ROWS[kind]
    plan = replace(row.plan, faults=(row.placed, replace(row.placed, name="again", fault=type(row.fault)())))
    path = tmp_path / "resolved.yaml"
    write_resolved(replace(plan, seed=7), path, {"T01/x/0": 3})
    read = load_file(path)
    assert read.faults == plan.faults
    assert read.decisions == {"T01/x/0": 3}


NONSENSE: list[tuple[str, dict[str, object]]] = [
    ("host_responds", {"code": "00"}),
    ("host_responds", {"code": "25"}),
    ("host_responds", {"code": "5"}),
    ("host_silent", {"messages": 0}),
    ("wrong_mac", {"messages": 0}),
    ("mismatched_reply", {"messages": 0}),
    ("late_reply", {"requests": 0}),
    ("settlement_error", {"messages": 0}),
    ("late_confirmation", {"messages": 0}),
    ("late_confirmation", {"after_us": 0}),
    ("host_miscounts", {"messages": 0}),
    ("host_responds", {"messages": 0}),
    ("clock_jump", {"jump_us": 0}),
    ("maintenance", {"closed_us": 0}),
    ("maintenance", {"notice_us": 12 * 3_600_000_000}),
    ("congestion", {"bandwidth_percent": 0.0}),
    ("congestion", {"loss_percent": 100.0}),
    ("link_reset", {"nth": 0}),
    ("storage_error", {"nth": 0}),
    ("fsync_failure", {"nth": 0}),
    ("corrupt_read", {"nth": 0}),
    ("misdirected_write", {"nth": 0}),
    ("memory_leak", {"per_action_bytes": 0}),
    ("slow_with_fill", {"from_fill_percent": 100.0}),
    ("slow_with_fill", {"slower": 1.0}),
    ("stale_backup", {"every_us": 0}),
    ("full_storage", {"step_bytes": 0}),
    ("shrink_capacity", {"remaining_percent": 100.0}),
    ("corrupt_file", {"range_bytes": 0}),
    ("corrupt_file", {"offset_bytes": -1}),
    ("corrupt_file", {"bit_number": 8}),
    ("inode_exhaustion", {"inodes": -1}),
    ("no_clean_block", {"reserve_bytes": 0}),
    ("unreadable_sector", {"sector_bytes": 0}),
    ("brown_out", {"sector_bytes": 0}),
    ("lose_erase_block", {"block_bytes": 0}),
    ("latency_drift", {"more_per_day_percent": 0.5}),
    ("latency_drift", {"slower": 1.0}),
    ("wear_out", {"ages_per_day": 0}),
    ("wear_out", {"first_try_fails_nth": 1}),
    ("dead_chip", {"replaced_after_us": 0}),
    ("card_unreadable", {"failure_percent": 0.0}),
    ("power_loss", {"again_operation": (3, 2)}),
    ("bad_contact", {"error_percent": 0.0, "reset_percent": 0.0}),
    ("interference", {"garbled_percent": 0.0, "unread_percent": 0.0}),
    ("issuer_declines", {"code": "96"}),
    ("issuer_declines", {"messages": 0}),
    ("slow_reply", {"late_us": 0}),
    ("slow_reply", {"messages": 0}),
    ("cloned_tid", {"every_us": 0}),
    ("device_lost", {"takes_us": 0}),
    ("device_swap", {"takes_us": 0}),
    ("overheating", {"slower": 1.0}),
    ("overheating", {"cuts_every_us": 0}),
    ("software_update", {"size_bytes": 0}),
    ("software_update", {"download_us": 1}),
]


@pytest.mark.parametrize(("kind", "values"), NONSENSE, ids=str)
def test_nonsense_is_refused_before_the_run_and_not_in_it(kind: str, values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        FAULTS.get(kind)(**values)


# ---------------------------------------------------------------- the run


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_strikes_and_bites(kind: str) -> None:
    outcome = struck(kind)
    assert outcome.struck(kind) == 2, "both terminals are struck"
    assert outcome.bit(kind) >= 1
    bites = outcome.of(FaultBit)
    assert len(bites) == outcome.bit(kind)
    assert all(number > first_strike(outcome) and bite.evidence for number, bite in bites)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_survives_it(kind: str) -> None:
    verdict = struck(kind).verdict
    assert [(each.invariant, each.summary) for each in verdict.findings] == []
    assert verdict.status == "pass", verdict.inconclusive_because


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_after_recovery_the_terminal_sells_and_settles(kind: str) -> None:
    outcome = struck(kind)
    recovery = next(number for number, event in outcome.of(PhaseStarted) if event.phase == "recovery")
    for device in ("T01", "T02"):
        actions = {
            event.action: event.kind
            for number, event in outcome.of(ActionStarted)
            if number > recovery and event.device == device
        }
        ended = [
            (actions[event.action], event.outcome)
            for number, event in outcome.of(ActionEnded)
            if number > recovery and event.device == device and event.action in actions
        ]
        assert ("sale", "approved") in ended or ("sale", "declined") in ended
        assert ("settle", "done") in ended
        closed = [number for number, event in outcome.of(BatchSettled) if event.device == device and event.closed]
        assert closed and closed[-1] > recovery


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stays_on_after_lifting(kind: str) -> None:
    outcome = struck(kind)
    for station in outcome.built.world.stations:
        assert_clean(station)
        assert outcome.built.world.acquirer.knobs(station.tid) == replace(
            Knobs(), respond_code=outcome.built.world.acquirer.knobs(station.tid).respond_code,
            struck=outcome.built.world.acquirer.knobs(station.tid).struck,
        )  # fmt: skip


def assert_clean(station: Station) -> None:
    hardware = station.hardware
    assert hardware.powered and hardware.disk.before_operation is None
    assert not list(hardware.link.conditions)
    assert not hardware.card_reader.conditions and not hardware.rtc.conditions and not hardware.memory.conditions
    assert hardware.printer.has_paper()
    for volume in hardware.disk.volumes:
        assert not volume.read_only and not volume.foreign_blocks
        assert volume.media is None or not volume.media.conditions
    spec = {each.name: each.total_bytes // each.block_size_bytes for each in hardware.spec.volumes}
    assert {volume.name: volume.total_blocks for volume in hardware.disk.volumes} == spec


@pytest.mark.slow
@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_condition_is_told_to_be_lifted_on_every_device(kind: str) -> None:
    outcome = struck(kind)
    lifted = [(event.fault, device) for _, event in outcome.of(FaultLifted) for device in event.devices]
    hit = [(event.fault, device) for _, event in outcome.of(FaultStruck) for device in event.devices]
    assert sorted(lifted) == sorted(hit)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_never_told_to_be_lifted(kind: str) -> None:
    assert struck(kind).of(FaultLifted) == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_history(kind: str) -> None:
    row = ROWS[kind]
    again = run(row.plan, row.placed, terminal=row.terminal)
    assert again.verdict.history_sha256 == struck(kind).verdict.history_sha256
    assert again.decisions == struck(kind).decisions


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_without_it_the_history_differs_only_after_the_first_strike(kind: str) -> None:
    row, outcome = ROWS[kind], struck(kind)
    without = unstruck(kind)
    strike = first_strike(outcome)
    assert outcome.events[:strike] == without.events[:strike]
    assert outcome.events[strike:] != without.events[strike:]
    assert len(without.events) > strike and row.fault.kind == kind


@cache
def unstruck(kind: str) -> Outcome:
    row = ROWS[kind]
    return run(row.plan, terminal=row.terminal)


@pytest.mark.slow
def test_an_absent_fault_moves_no_other_fault() -> None:
    """Each fault draws under keys of its own."""
    row = ROWS["corrupt_file"]
    other = FaultPlan("other", ROWS["clock_jump"].fault, devices=1)
    alone, both = run(row.plan, other), run(row.plan, row.placed, other)
    times = [[event.at_us for _, event in each.of(FaultStruck) if event.kind == "clock_jump"] for each in (alone, both)]
    assert times[0] == times[1]


def test_a_fault_that_was_used_up_excuses_nothing_any_more() -> None:
    """One error on one write is over with it: the rest of the run is judged as trade on a sound device."""
    for kind in ("storage_error", "host_silent", "link_reset", "settlement_error", "corrupt_read"):
        outcome = struck(kind)
        recovery = next(number for number, event in outcome.of(PhaseStarted) if event.phase == "settle_while_full")
        lifts = [number for number, event in outcome.of(FaultLifted)]
        bites = [number for number, event in outcome.of(FaultBit)]
        assert all(number < recovery for number in lifts), kind
        assert sorted(lifts)[0] > sorted(bites)[0]


def test_every_fault_leaves_a_terminal_that_was_ready_once() -> None:
    assert all(isinstance(cls, type) and issubclass(cls, Fault) for _, cls in all_faults().items())
    assert {event.device for _, event in struck("crash").of(SoftwareReady)} == {"T01", "T02"}


# ---------------------------------------------------------------- what the history tells of a strike


@pytest.mark.parametrize("kind", KINDS)
def test_a_strike_is_told_before_what_it_does(kind: str) -> None:
    outcome = struck(kind)
    for number, event in outcome.of(FaultStruck):
        for before in outcome.events[max(0, number - 20) : number]:
            if before.at_us == event.at_us and getattr(before, "device", "") in event.devices:
                assert not isinstance(before, PowerLost | MessageDropped | Booted), before
                assert not (isinstance(before, ActionEnded) and before.outcome == "interrupted"), before


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("power_loss", "off for "),
        ("corrupt_file", "/data/"),
        ("truncate_file", "/data/"),
        ("lose_file", "/data/"),
        ("misdirected_write", "/data/"),
        ("stale_backup", "/data: as it was "),
        ("brown_out", "a sector of "),
    ],
)
def test_what_a_strike_does_is_told_whether_or_not_it_bites(kind: str, detail: str) -> None:
    for _, event in struck(kind).of(FaultStruck):
        assert event.detail.startswith(detail), event
        assert f"/fault/{event.fault.rpartition('#')[0]}/" in event.key


def test_devices_that_are_struck_otherwise_are_told_apart() -> None:
    together = FaultPlan("f", CorruptFile(), Trigger(day=1, time_us=14 * HOUR_US), together=True)
    nothing = CorruptFile(path="/data/nothing*")
    missed = FaultPlan("g", nothing, Trigger(day=1, time_us=15 * HOUR_US), together=True)
    outcome = run(SMALL, together, missed)
    (_, first), (_, second) = outcome.of(FaultStruck)
    assert "T01: /data/" in first.detail and "; T02: /data/" in first.detail
    assert second.detail == "no file matches /data/nothing*"
    assert outcome.bit("g") == 0

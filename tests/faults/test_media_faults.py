"""What the faults of the medium do to a terminal that trades: chips die and are replaced, blocks go bad, sectors are garbled."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from harness.faults.base import Fault, FaultPlan, Trigger
from harness.faults.brown_out import BrownOut
from harness.faults.dead_chip import DeadChip
from harness.faults.full_storage import FullStorage
from harness.faults.lose_erase_block import LoseEraseBlock
from harness.faults.no_clean_block import NoCleanBlockFault
from harness.faults.quota import QuotaFault
from harness.faults.shrink_capacity import ShrinkCapacity
from harness.faults.unreadable_sector import UnreadableSector
from harness.faults.wear_out import WearOut
from harness.history.events import (
    ActionEnded,
    Booted,
    FaultBit,
    FaultLifted,
    FaultStruck,
    OperatorDid,
    PowerLost,
    SpaceMeasured,
    StorageFailed,
)
from harness.scenario.load import load_scenario
from harness.scenario.plan import DaysPlan, DevicePlan, VolumePlan
from tests.faults.fault_bench import HOUR_US, SMALL, Outcome, run

NOON = Trigger(day=1, time_us=12 * HOUR_US)
ONE = replace(SMALL, terminals=1)
TWO_DAYS = replace(ONE, days=DaysPlan(2, SMALL.days.start, 9 * HOUR_US, 18 * HOUR_US), sales_per_day=40)


def sold(outcome: Outcome, after: int, until: int | None = None) -> int:
    """Sales that were approved between two events."""
    return sum(
        event.outcome == "approved" for number, event in outcome.of(ActionEnded) if after < number < (until or 1 << 60)
    )


# ---------------------------------------------------------------- a chip dies


def test_a_dead_chip_answers_nothing_until_a_blank_one_is_put_in() -> None:
    outcome = run(ONE, FaultPlan("f", DeadChip(replaced_after_us=3 * HOUR_US), NOON))
    ((struck, strike),) = outcome.of(FaultStruck)
    ((replaced, repair),) = [each for each in outcome.of(OperatorDid) if "was replaced by a blank one" in each[1].what]
    assert repair.at_us == strike.at_us + 3 * HOUR_US
    assert sold(outcome, 0, struck) and not sold(outcome, struck, replaced) and sold(outcome, replaced)
    errors = [number for number, event in outcome.of(StorageFailed) if event.errno == "EIO"]
    assert errors and all(struck < number < replaced for number in errors)
    cuts = [event for _, event in outcome.of(PowerLost)]
    assert [cut.cause for cut in cuts] == ["repair"] and cuts[0].at_us == repair.at_us
    assert outcome.bit("f") == 1 and not outcome.verdict.findings


def test_trace_numbers_go_on_after_the_chip_was_replaced() -> None:
    """NVRAM and PIN pad stay: a terminal that uses them repeats no trace number in its batch."""
    outcome = run(ONE, FaultPlan("f", DeadChip(replaced_after_us=HOUR_US), NOON))
    assert "8 stan_unique" in outcome.verdict.checked
    assert outcome.verdict.status == "pass", outcome.verdict.inconclusive_because


def test_a_chip_that_dies_at_closing_time_is_replaced_before_the_terminal_is_asked_to_recover() -> None:
    evening = Trigger(day=1, time_us=17 * HOUR_US)
    outcome = run(ONE, FaultPlan("f", DeadChip(replaced_after_us=9000 * HOUR_US), evening))
    assert outcome.bit("f") == 1
    assert [event for _, event in outcome.of(OperatorDid) if "replaced" in event.what]
    assert outcome.of(FaultLifted) == [] and not outcome.verdict.findings


def test_the_new_chip_is_blank_and_a_cut_right_after_finds_it_so() -> None:
    outcome = run(replace(ONE, sales_per_day=1))
    world, station = outcome.built.world, outcome.built.world.stations[0]
    world.decisions.spill = None  # the run's file is closed
    station.hardware.disk.mkdir("/data/old")
    station.hardware.disk.sync()
    DeadChip(replaced_after_us=HOUR_US).inject(world, station, "k")
    assert station.hardware.disk.access("/data/old", os.F_OK)
    world.env.run(until=world.now_us + HOUR_US + 1)
    assert not station.hardware.disk.access("/data/old", os.F_OK)
    station.power_cut("test", 1)
    assert not station.hardware.disk.access("/data/old", os.F_OK)


def test_damage_and_cuts_of_before_are_not_in_the_new_chip() -> None:
    bad = FaultPlan("bad", UnreadableSector(), Trigger(day=1, time_us=11 * HOUR_US))
    outcome = run(ONE, bad, FaultPlan("f", DeadChip(replaced_after_us=HOUR_US), NOON))
    volume = next(each for each in outcome.built.world.stations[0].hardware.disk.volumes if each.name == "data")
    assert volume.media is not None and not volume.media.damaged_ranges and not volume.media.conditions


# ---------------------------------------------------------------- brown-outs and lost blocks


def test_a_brown_out_resets_the_device_at_once_and_garbles_a_sector() -> None:
    # Twelve times, so that some sector is one that the terminal had written.
    outcome = run(TWO_DAYS, FaultPlan("f", BrownOut(), times=12))
    cuts = [event for _, event in outcome.of(PowerLost) if event.cause == "brown_out"]
    boots = [event.at_us for _, event in outcome.of(Booted)]
    assert len(cuts) == 12 and all(cut.at_us in boots for cut in cuts)
    assert outcome.bit("f") >= 1 and "garbage in 512 bytes" in outcome.of(FaultBit)[0][1].evidence
    assert not outcome.verdict.findings


@pytest.mark.parametrize("reads", ["erased", "unreadable"])
def test_an_erase_block_takes_all_that_lies_in_it(reads: str) -> None:
    """The journals of the reference lie one behind the other: 128 KiB take both, 4 KiB take a part of one."""
    at = Trigger(day=1, time_us=20 * HOUR_US)
    whole = run(TWO_DAYS, FaultPlan("f", LoseEraseBlock(reads=reads), at))  # type: ignore[arg-type]
    part = run(TWO_DAYS, FaultPlan("f", LoseEraseBlock(block_bytes=4096, reads=reads), at))  # type: ignore[arg-type]
    detail = whole.of(FaultBit)[0][1].evidence
    assert "/data/journal.0, /data/journal.1" in detail and "erase block 0" in detail
    assert not whole.verdict.findings and not part.verdict.findings
    gone = [int(each.of(FaultBit)[0][1].evidence.split(" bytes gone")[0].rpartition(" ")[2]) for each in (whole, part)]
    # Bytes that were 0xFF already are not changed by erasing them.
    assert gone == [32_768, 4096] if reads == "unreadable" else 0 < gone[1] <= 4096 < gone[0]
    if reads == "erased":
        assert sold(whole, whole.of(FaultBit)[0][0]), "it begins anew on erased flash"


def test_a_sector_that_cannot_be_read_does_not_put_the_terminal_out_of_service() -> None:
    """It is read around, what is lost is shown, and the file that failed is left for the other."""
    for seed in range(1, 7):
        # At night: the restart of the next day reads all that there is.
        fault = FaultPlan("f", UnreadableSector(sector_bytes=512), Trigger(day=1, time_us=20 * HOUR_US))
        outcome = run(TWO_DAYS, fault, seed=seed)
        ((struck, _),) = outcome.of(FaultStruck)
        next_day = [n for n, event in outcome.of(ActionEnded) if n > struck and event.at_us > 30 * HOUR_US]
        assert outcome.bit("f") == 1, seed
        assert sold(outcome, next_day[0] - 1) >= 20 and not outcome.verdict.findings, seed


def test_what_is_still_corrected_costs_time_and_no_record() -> None:
    night = Trigger(day=1, time_us=20 * HOUR_US)
    lost = run(TWO_DAYS, FaultPlan("f", UnreadableSector(), night))
    kept = run(TWO_DAYS, FaultPlan("f", UnreadableSector(corrected_reads=1000), night))
    assert (lost.bit("f"), kept.bit("f")) == (1, 1)
    assert [event for _, event in lost.of(StorageFailed)] and not kept.of(StorageFailed)


# ---------------------------------------------------------------- room


FILLING: list[Fault] = [FullStorage(), QuotaFault()]


@pytest.mark.parametrize("fault", FILLING, ids=lambda fault: str(fault.kind))
def test_what_fills_stays_on_while_settlement_is_judged(fault: Fault) -> None:
    plan = replace(
        ONE,
        device=DevicePlan((VolumePlan("data", 128 * 1024),)),
        people=replace(ONE.people, settles_on_time_percent=0.0),
    )
    outcome = run(plan, FaultPlan("f", fault, NOON))
    assert "15 settlement_frees_space" in outcome.verdict.checked
    assert not outcome.verdict.findings


@pytest.mark.parametrize(
    "fault", [ShrinkCapacity(remaining_percent=5.0), QuotaFault(), FullStorage()], ids=lambda each: each.kind
)
def test_what_the_terminal_holds_is_measured_truly_on_a_volume_that_is_short(fault: Fault) -> None:
    """Neither foreign bytes nor lost blocks count as held by the terminal, and none of them twice as free."""
    outcome = run(ONE, FaultPlan("f", fault, NOON))
    for _, event in outcome.of(SpaceMeasured):
        # What it could read by itself, when it called itself full and of how full it was, has foreign bytes in it.
        if event.volume == "data" and event.when not in ("said_full", "fill_level"):
            held_bytes = event.total_bytes - event.free_bytes
            # Two journals of 16 KiB at least, and some more while the batch is open.
            assert 32 * 1024 <= held_bytes <= 160 * 1024, event


def test_no_clean_block_refuses_sales_and_loses_none() -> None:
    outcome = run(ONE, FaultPlan("f", NoCleanBlockFault(), NOON, lift_after_us=2 * HOUR_US))
    ((struck, _),) = outcome.of(FaultStruck)
    ((lifted, _),) = outcome.of(FaultLifted)
    assert not sold(outcome, struck, lifted) and sold(outcome, lifted)
    assert {event.errno for number, event in outcome.of(StorageFailed) if struck < number < lifted} == {"ENOSPC"}
    assert outcome.verdict.status == "pass"


# ---------------------------------------------------------------- wear

NOR = VolumePlan("data", 128 * 1024, medium="spi-nor", erase_block_bytes=4096, program_bytes=4096)
ON_NOR = replace(ONE, device=DevicePlan((NOR,)))
MORNING = Trigger(day=1, time_us=9 * HOUR_US)


def total_blocks_lost(outcome: Outcome) -> int:
    """Bytes that the volume had lost when the fault was reported to bite."""
    evidence = outcome.of(FaultBit)[0][1].evidence
    return int(evidence.rsplit("lost ", 1)[1].split(" ")[0].replace(",", ""))


def test_the_fast_forward_wears_as_many_days_as_it_says() -> None:
    slow = run(ON_NOR, FaultPlan("f", WearOut(life_used_percent=99.0, ages_per_day=1), MORNING))
    fast = run(ON_NOR, FaultPlan("f", WearOut(life_used_percent=99.0, ages_per_day=3000), MORNING))
    assert (slow.bit("f"), fast.bit("f")) == (0, 1)
    assert total_blocks_lost(fast) >= 4096
    assert not fast.verdict.findings


def test_flash_worn_to_nothing_takes_sales_and_loses_none() -> None:
    """Blocks go until writes fail: the terminal refuses, and what it has taken it still has."""
    outcome = run(ON_NOR, FaultPlan("f", WearOut(life_used_percent=99.0, ages_per_day=40_000), MORNING))
    assert {"EIO", "ENOSPC"} & {event.errno for _, event in outcome.of(StorageFailed)}
    assert any(event.outcome == "refused" for _, event in outcome.of(ActionEnded))
    assert not outcome.verdict.findings


@pytest.mark.slow
def test_months_of_wear_pass_in_seconds_and_the_reference_lives_with_them() -> None:
    plan = load_scenario("storage/wear_over_months")
    outcome = run(plan)
    assert outcome.verdict.status == "pass", outcome.verdict.inconclusive_because
    assert (outcome.struck("wear_out"), outcome.bit("wear_out")) == (4, 4)
    measured = [event for _, event in outcome.of(SpaceMeasured) if event.volume == "data"]
    installed = {event.device: event.total_bytes for event in measured if event.when == "installed"}
    shrunk = {event.device: event.total_bytes for event in measured if event.when == "before_settlement"}
    for device, total_bytes in installed.items():
        lost_blocks = (total_bytes - min(shrunk[device], total_bytes)) / (64 * 1024)
        assert lost_blocks == int(lost_blocks), "whole erase blocks"
    worn = [event for event in measured if event.when == "before_settlement" and event.total_bytes < 1 << 20]
    assert worn, "settled while the volume was smaller than it had been"

"""Power loss is unkind enough: it loses, keeps and tears, returns in the middle of recovery, and what follows is judged."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise

import pytest

from harness.core.decisions import read_pins
from harness.faults.base import Fault, FaultPlan, MessageMatch, Trigger
from harness.faults.crash import Crash
from harness.faults.power_loss import PowerLoss
from harness.faults.tap import call_in_flight, once_begun, tap_storage
from harness.history.events import (
    Booted,
    FaultBit,
    FaultStruck,
    IntentClosed,
    LedgerChanged,
    MessageDelivered,
    MessageSent,
    PowerLost,
    Presented,
    SoftwareReady,
    StorageAfterPowerLoss,
)
from harness.storage.calls import StorageCall
from harness.storage.contents import VolumeImage
from harness.terminals.catalogue import CATALOGUE
from tests.faults.fault_bench import HOUR_US, SMALL, Outcome, run

TINY = replace(SMALL, sales_per_day=12)
APPROVED = MessageMatch("down", "0210", response_code="00")
FIRST = ("T01",)


def cut(
    fault: PowerLoss, trigger: Trigger, seed: int = 1, profile: str = "posix-weak", terminal: str = "reference"
) -> Outcome:
    plan = replace(TINY, profile=profile)
    return run(plan, FaultPlan("f", fault, trigger, FIRST), seed=seed, terminal=terminal)


@pytest.mark.slow
def test_a_cut_before_the_barrier_may_keep_or_lose_what_was_written() -> None:
    """The second operation after the approval is the barrier of its record: over seeds the record is kept, and is lost.

    It fits in a sector, so that no profile may tear it.
    """
    fates = set()
    for seed in range(1, 13):
        outcome = cut(PowerLoss(), Trigger(message=APPROVED, occurrence=2, storage_operation=(2, 2)), seed)
        assert outcome.verdict.findings == ()
        ((_, after),) = outcome.of(StorageAfterPowerLoss)
        fates.add("torn" if after.torn else "lost" if after.lost else "kept")
    assert fates == {"kept", "lost"}


@pytest.mark.slow
def test_a_cut_may_tear_what_is_longer_than_a_sector() -> None:
    """A file that is written anew with every sale is torn in some cuts before its barrier."""
    torn = 0
    for seed in range(1, 13):
        outcome = cut(
            PowerLoss(), Trigger(action="sale", occurrence=9, storage_operation=(2, 8)), seed, terminal="jsonfile"
        )
        torn += any(event.torn for _, event in outcome.of(StorageAfterPowerLoss))
    assert torn > 0


@pytest.mark.slow
def test_the_customer_under_the_cut_ends_paid_and_charged_or_neither() -> None:
    """Record kept: the sale stands and is shown after the restart. Record lost: it is reversed. Both happen, nothing else."""
    ends = set()
    for seed in range(1, 13):
        outcome = cut(PowerLoss(), Trigger(message=APPROVED, occurrence=2, storage_operation=(2, 2)), seed)
        number = outcome.of(FaultStruck)[0][0]
        shown = [event for n, event in outcome.of(Presented) if event.device == "T01" and n < number][-1]
        states = [event.state for _, event in outcome.of(LedgerChanged) if event.token == shown.token]
        closed = next(event for _, event in outcome.of(IntentClosed) if event.intent == shown.intent)
        assert states in (["APPROVED", "SETTLED"], ["APPROVED", "REVERSED"])
        assert closed.belief in ("paid", "unknown", "not_paid")
        ends.add(states[-1])
        assert outcome.verdict.findings == ()
    assert ends == {"SETTLED", "REVERSED"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no_fsync", "log_in_ram"])
def test_software_that_forgets_a_barrier_is_found_out_by_cuts(name: str) -> None:
    assert name in CATALOGUE
    found = 0
    for seed in range(1, 9):
        for nth in (2, 3):
            trigger = Trigger(message=APPROVED, occurrence=2, storage_operation=(nth, nth))
            found += bool(cut(PowerLoss(), trigger, seed, terminal=name).verdict.findings)
    assert found > 0


@pytest.mark.slow
def test_power_goes_again_in_the_middle_of_recovery() -> None:
    """With something to recover from, a repeated cut meets the recovery's own storage operations, before it is ready."""
    in_recovery = 0
    for seed in range(1, 9):
        trigger = Trigger(message=APPROVED, occurrence=3, storage_operation=(2, 2))
        outcome = cut(PowerLoss(repeats=2, again_operation=(1, 2), again_after_us=60_000_000), trigger, seed)
        cuts = [number for number, event in outcome.of(PowerLost) if event.device == "T01"]
        boots = [number for number, event in outcome.of(Booted) if event.device == "T01"]
        ready = [number for number, event in outcome.of(SoftwareReady) if event.device == "T01"]
        assert len(cuts) == 3 and outcome.verdict.findings == ()
        for again in cuts[1:]:
            boot = max(number for number in boots if number < again)
            at_once = outcome.events[again].at_us - outcome.events[boot].at_us < 1_000_000
            in_recovery += at_once and not any(boot < number < again for number in ready)
    assert in_recovery > 3


def test_power_goes_again_at_the_latest_after_its_time() -> None:
    fault = PowerLoss(off_for_us=10_000_000, repeats=3, again_operation=(90, 90), again_after_us=500_000)
    outcome = cut(fault, Trigger(action="sale", occurrence=2))
    cuts = [event.at_us for _, event in outcome.of(PowerLost) if event.device == "T01"]
    assert [later - earlier for earlier, later in pairwise(cuts)] == [10_500_000] * 3
    assert outcome.built.world.stations[0].powered


@pytest.mark.parametrize("fault", [PowerLoss(), Crash()], ids=["power_loss", "crash"])
def test_what_interrupts_a_start_has_bitten(fault: Fault) -> None:
    """Nothing else is under way while software starts, and a medium may have kept all of it."""
    at_ten = FaultPlan("off", PowerLoss(off_for_us=60_000_000), Trigger(day=1, time_us=10 * HOUR_US), FIRST)
    back = Trigger(day=1, time_us=10 * HOUR_US + 60_001_000)
    outcome = run(replace(TINY, profile="lying-flush"), at_ten, FaultPlan("f", fault, back, FIRST))
    (struck,) = [number for number, event in outcome.of(FaultStruck) if event.fault == "f#1"]
    booted = max(number for number, event in outcome.of(Booted) if event.device == "T01" and number < struck)
    ready = [number for number, event in outcome.of(SoftwareReady) if event.device == "T01"]
    assert not any(booted < number < struck for number in ready)
    assert outcome.struck("f") == outcome.bit("f") == 1
    assert "its start was interrupted" in {event.evidence for _, event in outcome.of(FaultBit) if event.fault == "f#1"}


def test_a_drawn_cut_is_pinned_by_its_decisions() -> None:
    """The image comes from the strike's own key, so that another strike elsewhere changes nothing here."""
    trigger = Trigger(message=APPROVED, occurrence=2, storage_operation=(2, 2))
    outcome = cut(PowerLoss(repeats=1), trigger)
    keys = [line.split("\t")[0] for line in outcome.decisions.splitlines() if "/fault/f/" in line]
    assert keys == [
        "T01/fault/f/0/storage_operation",
        "T01/fault/f/0/T01/image/1",
        "T01/fault/f/0/T01/again/0",
        "T01/fault/f/0/T01/image/0",
    ]


# ---------------------------------------------------------------- the operation and the messages under way


def drawn(outcome: Outcome, key: str) -> float | None:
    values = [line.split("\t")[1] for line in outcome.decisions.splitlines() if line.startswith(f"{key}\t")]
    return float(values[0]) if values else None


AT_THE_WRITE = Trigger(message=APPROVED, occurrence=2, storage_operation=(1, 1))


@pytest.mark.slow
def test_the_operation_at_which_power_goes_had_begun_or_had_not() -> None:
    """The first operation after the approval writes its record: it can be found later only if it had begun, and need not be."""
    fates = set()
    for seed in range(1, 17):
        outcome = cut(PowerLoss(), AT_THE_WRITE, seed)
        begun = drawn(outcome, "T01/fault/f/0/T01/begun/0")
        assert begun is not None and outcome.verdict.findings == ()
        states = [event.state for _, event in outcome.of(LedgerChanged) if event.device == "T01"]
        fates.add((begun < 0.5, "REVERSED" in states))
    # What had not begun is on no medium: the terminal does not know of the approval, and reverses the sale.
    assert fates == {(False, True), (True, True), (True, False)}


def test_software_does_not_live_to_see_the_operation_return() -> None:
    for seed in range(1, 9):
        outcome = cut(PowerLoss(), AT_THE_WRITE, seed)
        (struck, _), (lost, power) = outcome.of(FaultStruck)[0], outcome.of(PowerLost)[0]
        assert not [event for event in outcome.events[struck + 1 : lost] if getattr(event, "device", "") == "T01"]
        assert outcome.events[struck].at_us == power.at_us


def test_an_edited_decision_moves_the_cut_into_the_operation_and_out_of_it() -> None:
    key = "T01/fault/f/0/T01/begun/0"
    pins = dict(read_pins(cut(PowerLoss(), AT_THE_WRITE).decisions.splitlines()))
    pending = []
    for begun in (0.1, 0.9, None):
        edited = {each: value for each, value in pins.items() if each != key}
        if begun is not None:
            edited[key] = begun
        plan = replace(TINY, profile="posix-weak", decisions=edited)
        outcome = run(plan, FaultPlan("f", PowerLoss(), AT_THE_WRITE, FIRST))
        pending.append(sum(event.pending for _, event in outcome.of(StorageAfterPowerLoss)))
    assert pending[0] == pending[1] + 1 and pending[1] == pending[2]


AS_IT_IS_SENT = Trigger(message=MessageMatch("up", "0200", moment="sent"), occurrence=3, delay_us=1)


@pytest.mark.slow
def test_a_request_under_way_when_power_goes_arrives_or_is_lost() -> None:
    """Either way the purchase ends right: what arrives is booked and reversed later, what is lost is never heard of."""
    ends = set()
    for seed in range(1, 13):
        outcome = cut(PowerLoss(), AS_IT_IS_SENT, seed)
        lost, event = outcome.of(PowerLost)[0]
        sent = [each for number, each in outcome.of(MessageSent) if number < lost and each.direction == "up"][-1]
        assert sent.mti == "0200" and sent.at_us == event.at_us - 1
        chance = drawn(outcome, "T01/fault/f/0/T01/messages/0/up/0")
        assert chance is not None
        arrived = any(each.message == sent.message for _, each in outcome.of(MessageDelivered))
        assert arrived == (chance < 0.5)
        states = [each.state for _, each in outcome.of(LedgerChanged) if each.token == sent.token]
        assert states == (["APPROVED", "REVERSED"] if arrived else [])
        assert outcome.verdict.findings == ()
        ends.add(arrived)
    assert ends == {True, False}


# ---------------------------------------------------------------- the instant inside a call


class Bench:
    """A terminal after its day, and its disk for a test to use."""

    def __init__(self, profile: str = SMALL.profile) -> None:
        outcome = run(replace(SMALL, sales_per_day=1, profile=profile))
        self.world = outcome.built.world
        self.world.decisions.spill = None  # the run's file is closed
        self.station = self.world.stations[0]
        self.disk = self.station.hardware.disk
        self.volume = self.disk.volume("data")
        self.struck = False

    def wait(self) -> None:
        self.world.env.run(until=self.world.now_us + 1)


def test_the_instant_inside_a_call_is_after_its_effect_and_before_its_return() -> None:
    bench = Bench()
    seen: list[tuple[str, int]] = []

    def strike() -> None:
        call = call_in_flight(bench.station)
        assert call is not None
        once_begun(bench.station, call, lambda: seen.append((call.kind, len(bench.volume.log))))

    before = len(bench.volume.log)
    shut = tap_storage(bench.station, lambda call: None if seen else strike())
    descriptor = bench.disk.open("/data/x", os.O_WRONLY | os.O_CREAT)
    shut()
    bench.disk.write(descriptor, b"x")
    bench.wait()
    assert seen == [("create", before + 1)]
    assert type(bench.volume.log) is list and bench.disk.before_operation is None
    assert call_in_flight(bench.station) is None


def test_a_call_that_is_refused_does_not_hold_the_cut_back_for_long() -> None:
    for wait in (False, True):
        bench = Bench()
        seen: list[str] = []

        def strike(call: StorageCall, bench: Bench = bench, seen: list[str] = seen) -> None:
            if not bench.struck:
                bench.struck = True
                once_begun(bench.station, call, lambda: seen.append("now"))

        descriptor = bench.disk.open("/data/x", os.O_WRONLY | os.O_CREAT)
        bench.volume.free_blocks = 0
        shut = tap_storage(bench.station, strike)
        with pytest.raises(OSError, match="No space"):
            bench.disk.write(descriptor, b"x" * 10_000)
        assert seen == []
        if wait:
            bench.wait()
        else:
            with pytest.raises(OSError, match="No space"):
                bench.disk.write(descriptor, b"x" * 10_000)
        assert seen == ["now"]
        bench.wait()
        shut()
        assert seen == ["now"] and type(bench.volume.log) is list


def test_after_a_refused_call_nothing_was_under_way() -> None:
    """What had returned before it stays, on a medium that holds each change by the time its call returns."""
    bench = Bench("littlefs")
    keys = [f"k{number}" for number in range(30)]
    begun = [key for key in keys if bench.world.streams.uniform(f"{key}/begun/0") < 0.5]
    for number, key in enumerate(begun[:6]):
        disk, path = bench.station.hardware.disk, f"/data/d{number}"
        descriptor = disk.open("/data/x", os.O_WRONLY | os.O_CREAT)
        volume = disk.volume("data")
        disk.mkdir(path)
        free, volume.free_blocks = volume.free_blocks, 0
        bench.struck = False

        def strike(_: StorageCall, key: str = key) -> None:
            if not bench.struck:
                bench.struck = True
                PowerLoss().inject(bench.world, bench.station, key).begin()

        shut = tap_storage(bench.station, strike)
        with pytest.raises(OSError, match="No space"):
            disk.write(descriptor, b"x" * 10_000)
        volume.free_blocks = free
        bench.wait()
        shut()
        assert not bench.station.powered
        bench.station.power_on()
        assert bench.station.hardware.disk.stat(path)


def test_a_call_in_the_middle_of_which_power_went_does_nothing_more() -> None:
    """An unlink gives back space behind its record: not on the volume as it was mounted anew."""
    bench = Bench()
    descriptor = bench.disk.open("/data/x", os.O_WRONLY | os.O_CREAT)
    bench.disk.write(descriptor, b"x" * 50_000)
    bench.disk.fsync(descriptor)
    bench.disk.close(descriptor)

    def strike(call: StorageCall) -> None:
        shut()
        once_begun(bench.station, call, lambda: bench.station.power_cut("test", 1))

    shut = tap_storage(bench.station, strike)
    with pytest.raises(OSError, match="Input/output error"):
        bench.disk.unlink("/data/x")
    found = bench.volume.free_blocks, bench.volume.free_inodes
    mounted: dict[str, VolumeImage] = {
        volume.name: bench.station.durability.base(volume) for volume in bench.disk.volumes
    }
    bench.station.hardware.disk.load(mounted)
    assert (bench.volume.free_blocks, bench.volume.free_inodes) == found

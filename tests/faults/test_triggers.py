"""Triggers: each stage strikes at exactly the right event, and a strike from inside the software's own call ends it at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.core.errors import UsageError
from harness.faults.base import FaultPlan, MessageMatch, Trigger
from harness.faults.crash import Crash
from harness.faults.full_storage import FullStorage
from harness.faults.lose_file import LoseFile
from harness.faults.partition import PartitionFault
from harness.faults.power_loss import PowerLoss
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Barrier,
    Booted,
    Event,
    FaultStruck,
    LedgerChanged,
    MessageDelivered,
    MessageSent,
    PhaseStarted,
    PowerLost,
    ScreenShown,
    SoftwareDied,
    StorageAfterPowerLoss,
)
from harness.scenario.plan import DevicePlan, VolumePlan
from tests.faults.fault_bench import HOUR_US, SMALL, Outcome, run

DAY_US = 24 * HOUR_US
TINY = replace(SMALL, sales_per_day=25)
FIRST = ("T01",)
CUT = PowerLoss(off_for_us=30_000_000)
SOFTWARE_TELLS = (
    "ScreenShown",
    "ReceiptPrinted",
    "MessageSent",
    "Barrier",
    "StorageFailed",
    "SoftwareLogged",
    "ProbeReached",
)


def cut_at(trigger: Trigger, plan=TINY, fault=CUT, seed: int = 1, **placing: object) -> Outcome:
    return run(plan, FaultPlan("f", fault, trigger, FIRST, **placing), seed=seed)  # type: ignore[arg-type]


def strikes(outcome: Outcome) -> list[tuple[int, FaultStruck]]:
    return outcome.of(FaultStruck)


def before(outcome: Outcome, number: int) -> Event:
    """The event that the strike at ``number`` came upon."""
    return outcome.events[number - 1]


def assert_silent_while_off(outcome: Outcome) -> None:
    """From each power loss to the next boot the software does nothing that a history could show."""
    dead = False
    for event in outcome.events:
        if getattr(event, "device", "") != "T01":
            continue
        if isinstance(event, PowerLost):
            dead = True
        elif isinstance(event, Booted):
            dead = False
        elif dead:
            told = type(event).__name__
            from_host = isinstance(event, MessageSent) and event.direction == "down"
            assert from_host or told not in SOFTWARE_TELLS, event


# ---------------------------------------------------------------- each stage


def test_at_a_time_of_a_day() -> None:
    outcome = cut_at(Trigger(day=1, time_us=11 * HOUR_US + 7))
    assert [event.at_us for _, event in strikes(outcome)] == [11 * HOUR_US + 7]


def test_at_a_drawn_time_within_trading_hours() -> None:
    times = [strikes(cut_at(Trigger(), seed=seed))[0][1].at_us for seed in (1, 2, 3)]
    assert len(set(times)) == 3
    assert all(9 * HOUR_US <= at_us < 18 * HOUR_US for at_us in times)


def test_at_the_nth_action_of_a_kind() -> None:
    outcome = cut_at(Trigger(action="sale", occurrence=4))
    ((number, _),) = strikes(outcome)
    sales = [n for n, event in outcome.of(ActionStarted) if event.device == "T01" and event.kind == "sale"]
    assert sales[3] == number - 1
    assert isinstance(outcome.events[number + 1], PowerLost)


def test_at_the_nth_message_sent_and_delivered() -> None:
    match = MessageMatch("up", "0200", moment="sent")
    outcome = cut_at(Trigger(message=match, occurrence=3))
    ((number, _),) = strikes(outcome)
    sent = [n for n, event in outcome.of(MessageSent) if event.device == "T01" and event.mti == "0200"]
    assert sent[2] == number - 1
    assert_silent_while_off(outcome)

    outcome = cut_at(Trigger(message=MessageMatch("down", "0210", response_code="00"), occurrence=3))
    ((number, _),) = strikes(outcome)
    replies = [
        event.message
        for _, event in outcome.of(MessageSent)
        if event.device == "T01" and event.mti == "0210" and event.response_code == "00"
    ]
    delivered = before(outcome, number)
    assert isinstance(delivered, MessageDelivered) and delivered.message == replies[2]


def test_at_a_message_of_the_action_waited_for_first() -> None:
    outcome = cut_at(Trigger(action="settle", message=MessageMatch("down", "0510")))
    ((number, _),) = strikes(outcome)
    started = next(n for n, event in outcome.of(ActionStarted) if event.kind == "settle" and event.device == "T01")
    delivered = before(outcome, number)
    assert isinstance(delivered, MessageDelivered) and number > started
    answer = next(event for _, event in outcome.of(MessageSent) if event.message == delivered.message)
    assert answer.mti == "0510"


def test_at_a_fill_level() -> None:
    plan = replace(TINY, device=DevicePlan(volumes=(VolumePlan("data", 512 * 1024),)))
    filling = FaultPlan("fills", FullStorage(cause="cache", step_bytes=32 * 1024), Trigger(day=1, time_us=0), FIRST)
    level = FaultPlan("f", CUT, Trigger(fill_percent=80.0), FIRST)
    outcome = run(plan, filling, level)
    number, event = next((n, each) for n, each in strikes(outcome) if each.kind == "power_loss")
    ended = [each for n, each in outcome.of(ActionEnded) if n < number and each.device == "T01"]
    assert ended[-1].at_us == event.at_us, "a level is looked at when an action ends"
    assert ended[-1].outcome != "interrupted"
    # One action, one end: the cut waits until the device has told how it ended.
    assert len({(each.device, each.action) for _, each in outcome.of(ActionEnded)}) == len(outcome.of(ActionEnded))


def test_after_a_delay() -> None:
    outcome = cut_at(Trigger(action="sale", occurrence=2, delay_us=1_234_567))
    sales = [event.at_us for _, event in outcome.of(ActionStarted) if event.device == "T01" and event.kind == "sale"]
    assert strikes(outcome)[0][1].at_us == sales[1] + 1_234_567


def test_in_the_phase_of_trading_from_its_start() -> None:
    outcome = cut_at(Trigger(phase="trading", action="sale"))
    ((number, _),) = strikes(outcome)
    first = next(n for n, event in outcome.of(ActionStarted) if event.device == "T01" and event.kind == "sale")
    assert number == first + 1


@pytest.mark.parametrize("phase", ["recovery", "final_settlement"])
def test_in_a_phase_after_trading(phase: str) -> None:
    """A cut in the middle of recovery, or of the last settlement: the terminal goes through both all the same."""
    action = "sale" if phase == "recovery" else "settle"
    outcome = cut_at(Trigger(phase=phase, action=action, storage_operation=(2, 2)))
    ((number, _),) = strikes(outcome)
    started = next(n for n, event in outcome.of(PhaseStarted) if event.phase == phase)
    assert number > started
    assert outcome.bit("f") == 1
    assert outcome.verdict.findings == ()


def test_a_condition_that_nothing_would_lift_is_refused() -> None:
    with pytest.raises(UsageError, match="lift_after"):
        cut_at(Trigger(phase="final_settlement"), fault=PartitionFault())


# ---------------------------------------------------------------- storage operations


def test_between_the_reply_and_its_record() -> None:
    """The cut at the first operation after an approval was delivered: nothing of the record has landed, so it is reversed."""
    match = MessageMatch("down", "0210", response_code="00")
    outcome = cut_at(Trigger(message=match, occurrence=3, storage_operation=(1, 1)))
    ((number, struck),) = strikes(outcome)
    replies = [
        event
        for _, event in outcome.of(MessageSent)
        if event.device == "T01" and event.mti == "0210" and event.response_code == "00"
    ]
    reply = replies[2]
    delivered = next(n for n, event in outcome.of(MessageDelivered) if event.message == reply.message)
    assert delivered < number
    between = [event for event in outcome.events[delivered:number] if getattr(event, "device", "") == "T01"]
    assert not any(isinstance(event, Barrier | ScreenShown) for event in between)
    assert isinstance(outcome.events[number + 1], PowerLost)
    assert_silent_while_off(outcome)
    states = [
        event.state for _, event in outcome.of(LedgerChanged)
        if event.device == "T01" and event.stan == reply.stan and event.batch == reply.batch
    ]  # fmt: skip
    assert states == ["APPROVED", "REVERSED"]
    assert struck.at_us == outcome.events[delivered].at_us
    assert outcome.verdict.findings == ()


def test_a_range_of_operations_is_drawn_and_covers_every_one() -> None:
    """Cutting one operation later each time walks through a sale, and some cut has the approval recorded."""
    ends = set()
    for nth in range(1, 9):
        outcome = cut_at(Trigger(action="sale", occurrence=3, storage_operation=(nth, nth)))
        ((number, struck),) = strikes(outcome)
        assert_silent_while_off(outcome)
        assert outcome.verdict.findings == ()
        started = [n for n, event in outcome.of(ActionStarted) if event.device == "T01" and event.kind == "sale"][2]
        pending = next((event.pending for _, event in outcome.of(StorageAfterPowerLoss)), 0)
        ends.add((number - started, struck.at_us, pending))
    # The reference writes and syncs a record, twice a sale: each operation leaves something else to be lost.
    assert len(ends) == 8
    drawn = [
        line.split("\t")[1]
        for seed in range(1, 13)
        for line in cut_at(Trigger(action="sale", storage_operation=(2, 5)), seed=seed).decisions.splitlines()
        if line.startswith("T01/fault/f/0/storage_operation")
    ]
    assert len(drawn) == 12 and set(drawn) == {"2", "3", "4", "5"}


def test_a_tap_survives_reboots() -> None:
    """Armed on the first day, with more operations to wait for than one boot makes."""
    crash = FaultPlan("again", Crash(), Trigger(), FIRST, per_day=6.0, scheduled=False)
    late = FaultPlan("f", CUT, Trigger(day=1, time_us=9 * HOUR_US, storage_operation=(60, 60)), FIRST)
    outcome = run(TINY, crash, late)
    number, _ = next((n, event) for n, event in strikes(outcome) if event.kind == "power_loss")
    boots = [n for n, event in outcome.of(Booted) if event.device == "T01" and n < number]
    assert len(boots) > 2
    assert all(station.hardware.disk.before_operation is None for station in outcome.built.world.stations)


def test_damage_waits_until_the_call_is_over() -> None:
    """A file that vanished in the middle of its own renaming would break the harness, not the software."""
    for nth in range(1, 9):
        fault = FaultPlan("f", LoseFile(), Trigger(action="sale", occurrence=3, storage_operation=(nth, nth)), FIRST)
        outcome = run(TINY, fault, terminal="filequeue")
        ((number, struck),) = strikes(outcome)
        died = [event for event in outcome.events if isinstance(event, SoftwareDied)]
        assert not any("KeyError" in event.detail for event in died)
        assert all(event.at_us <= struck.at_us for event in outcome.events[:number])


# ---------------------------------------------------------------- several strikes, several devices


def test_several_times_at_a_condition_is_one_after_the_other() -> None:
    outcome = cut_at(Trigger(action="sale", occurrence=3), times=3)
    numbers = [number for number, _ in strikes(outcome)]
    sales = [n for n, event in outcome.of(ActionStarted) if event.device == "T01" and event.kind == "sale"]
    assert [number - 1 for number in numbers] == [sales[2], sales[5], sales[8]]
    assert outcome.struck("f") == outcome.bit("f") == 3


def test_together_strikes_all_at_one_instant() -> None:
    fault = FaultPlan("f", PowerLoss(), Trigger(action="sale", occurrence=2), together=True)
    outcome = run(replace(TINY, terminals=3), fault)
    ((number, struck),) = strikes(outcome)
    assert struck.devices == ("T01", "T02", "T03")
    lost = [event for event in outcome.events[number:] if isinstance(event, PowerLost)]
    assert [(event.device, event.at_us) for event in lost] == [(name, struck.at_us) for name in struck.devices]
    assert outcome.struck("f") == 3 and outcome.bit("f") >= 1
    apart = run(replace(TINY, terminals=3), replace(fault, together=False))
    assert len(strikes(apart)) == 3


@pytest.mark.parametrize(("devices", "hit"), [("all", 4), (2, 2), (("T02", "T04"), 2), (9, 4)])
def test_devices_are_all_some_or_named(devices: str | int | tuple[str, ...], hit: int) -> None:
    outcome = run(
        replace(TINY, terminals=4, sales_per_day=3),
        FaultPlan("f", PartitionFault(), Trigger(day=1, time_us=10 * HOUR_US), devices),
    )
    struck = [device for _, event in strikes(outcome) for device in event.devices]
    assert len(struck) == len(set(struck)) == hit
    if isinstance(devices, tuple):
        assert tuple(struck) == devices


def test_devices_drawn_differ_from_seed_to_seed() -> None:
    fault = FaultPlan("f", PartitionFault(), Trigger(day=1, time_us=10 * HOUR_US), 1)
    drawn = {
        strikes(run(replace(TINY, terminals=4, sales_per_day=3), fault, seed=seed))[0][1].devices for seed in range(8)
    }
    assert len(drawn) > 1

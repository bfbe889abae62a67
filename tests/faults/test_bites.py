"""A fault that cannot have had an effect reads as not bitten, and each bite is claimed once."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.faults.bad_contact import BadContact
from harness.faults.base import Fault, FaultPlan, MessageMatch, Strike, Trigger
from harness.faults.clock_jump import ClockJumpFault
from harness.faults.corrupt_file import CorruptFile
from harness.faults.corrupt_nvram import CorruptNvram
from harness.faults.crash import Crash
from harness.faults.dead_chip import DeadChip
from harness.faults.forgotten_reversal import ForgottenReversal
from harness.faults.full_storage import FullStorage
from harness.faults.half_open import HalfOpenFault
from harness.faults.host_silent import HostSilent
from harness.faults.inode_exhaustion import InodeExhaustion
from harness.faults.interference import Interference
from harness.faults.issuer_declines import IssuerDeclines
from harness.faults.late_reply import LateReply
from harness.faults.latency_drift import LatencyDriftFault
from harness.faults.lose_erase_block import LoseEraseBlock
from harness.faults.memory_leak import MemoryLeak
from harness.faults.misdirected_write import MisdirectedWriteFault
from harness.faults.mismatched_reply import MismatchedReply
from harness.faults.misreported_space import MisreportedSpace
from harness.faults.no_clean_block import NoCleanBlockFault
from harness.faults.on_host import hold, wind_up
from harness.faults.overheating import Overheating
from harness.faults.paper_out import PaperOut
from harness.faults.partition import PartitionFault
from harness.faults.power_loss import PowerLoss
from harness.faults.quota import QuotaFault
from harness.faults.read_only import ReadOnly
from harness.faults.scheduled_restart import ScheduledRestart
from harness.faults.settlement_error import SettlementError
from harness.faults.shrink_capacity import ShrinkCapacity
from harness.faults.slow_reply import SlowReply
from harness.faults.stale_backup import StaleBackup
from harness.faults.storage_error import StorageError
from harness.faults.truncate_file import TruncateFile
from harness.faults.unreadable_sector import UnreadableSector
from harness.faults.wear_out import WearOut
from harness.faults.wrong_address import WrongAddressFault
from harness.history.events import ActionEnded, Booted, FaultBit, FaultLifted, FaultStruck, PowerLost
from harness.scenario.load import load_scenario
from harness.scenario.plan import DevicePlan, Plan, VolumePlan
from harness.storage.disk import Disk
from tests.faults.fault_bench import HOUR_US, SMALL, run

TINY = replace(SMALL, sales_per_day=20)
NIGHT = Trigger(day=1, time_us=3 * HOUR_US)
NOON = Trigger(day=1, time_us=12 * HOUR_US)
EVENING = Trigger(day=1, time_us=23 * HOUR_US)
TWO_VOLUMES = replace(TINY, device=DevicePlan(volumes=(VolumePlan("data"), VolumePlan("card"))))
ON_FRAM = replace(TINY, device=DevicePlan(volumes=(VolumePlan("data", 1 << 20, medium="fram"),)))
DRAFTING = "tests.faults.asking_terminal:DraftingTerminal"
ASKING = "tests.faults.asking_terminal:AskingTerminal"

HARMLESS: list[tuple[str, Fault, Trigger, Plan, str]] = [
    ("a partition at night", PartitionFault(), NIGHT, TINY, "reference"),
    ("a half-open link at night", HalfOpenFault(), NIGHT, TINY, "reference"),
    ("a power cut of an idle terminal", PowerLoss(), NIGHT, TINY, "reference"),
    ("repeated power cuts of an idle terminal", PowerLoss(repeats=2), NIGHT, TINY, "reference"),
    ("a crash of an idle terminal", Crash(), NIGHT, TINY, "reference"),
    ("a full volume that nobody uses", FullStorage(volume="card"), NOON, TWO_VOLUMES, "reference"),
    ("a volume filled, and room enough left", FullStorage(free_bytes=1 << 20), NOON, TINY, "reference"),
    ("a lower figure, and room enough left", FullStorage(free_bytes=1 << 20), NOON, TINY, ASKING),
    ("a smaller volume with room enough", ShrinkCapacity(remaining_percent=50.0), NOON, TINY, ASKING),
    ("a read-only volume that nobody uses", ReadOnly("card"), NOON, TWO_VOLUMES, "reference"),
    ("errors on a volume that nobody uses", StorageError("card", "any"), NOON, TWO_VOLUMES, "reference"),
    ("the ten thousandth write", StorageError(nth=10_000), NOON, TINY, "reference"),
    ("a leak too small to be missed", MemoryLeak(16), NOON, TINY, "reference"),
    ("a wrong figure that nobody asks for", MisreportedSpace(), NOON, TINY, "reference"),
    ("no paper at night", PaperOut(), NIGHT, TINY, "reference"),
    ("damage to a file that is not there", CorruptFile("/data/*.sqlite"), NOON, TINY, "reference"),
    ("a backup that was never made", StaleBackup(every_us=20 * HOUR_US), NOON, TINY, "reference"),
    ("a host that forgets what never comes early", ForgottenReversal(), NIGHT, TINY, "reference"),
    ("a dead clock battery without a power loss", ClockJumpFault(battery_dead=True), NOON, TINY, "reference"),
    ("a host that miscarries nobody's settlement", SettlementError(), NIGHT, TINY, "reference"),
    ("a host that is silent to nobody", HostSilent(), NIGHT, TINY, "reference"),
    ("no inode for software that makes no file", InodeExhaustion(), NOON, TINY, "reference"),
    ("inodes enough for a file at a time", InodeExhaustion(inodes=1), NOON, TINY, DRAFTING),
    ("a quota with room enough", QuotaFault(free_bytes=1 << 20), NOON, TINY, ASKING),
    ("no clean block on a volume that nobody uses", NoCleanBlockFault("card"), NOON, TWO_VOLUMES, "reference"),
    ("clean blocks enough", NoCleanBlockFault(free_bytes=1 << 20), NOON, TINY, "reference"),
    ("an unreadable sector that nobody reads", UnreadableSector(), EVENING, TINY, "reference"),
    ("an erase block of an empty volume", LoseEraseBlock("card"), NOON, TWO_VOLUMES, "reference"),
    ("a slow volume that nobody uses", LatencyDriftFault("card"), NOON, TWO_VOLUMES, "reference"),
    ("a dead chip that nobody uses", DeadChip("card"), NOON, TWO_VOLUMES, "reference"),
    ("young flash", WearOut(), NOON, TINY, "reference"),
    ("flash that ages and does not come to its end", WearOut(ages_per_day=1000), NOON, TINY, "reference"),
    ("a gateway that keeps nobody's answer", LateReply(), NIGHT, TINY, "reference"),
    ("a mix-up of replies that nobody waits for", MismatchedReply(), NIGHT, TINY, "reference"),
    ("a scheduled restart of an idle terminal", ScheduledRestart(), NIGHT, TINY, "reference"),
    ("heat that is over before it is too much", Overheating(), NIGHT, TINY, "reference"),
    (
        "a bad contact of a volume that nobody uses",
        BadContact("card", reset_percent=0.0),
        NOON,
        TWO_VOLUMES,
        "reference",
    ),
    ("interference at night", Interference(), NIGHT, TINY, "reference"),
    ("a wrong address that nobody calls", WrongAddressFault(), NIGHT, TINY, "reference"),
    ("slow replies to nobody", SlowReply(), NIGHT, TINY, "reference"),
    ("declines of cards that nobody shows", IssuerDeclines(), NIGHT, TINY, "reference"),
    ("declines above what anybody pays", IssuerDeclines("61", above_fen=10**9), NOON, TINY, "reference"),
    ("a bit of a memory that holds nothing", CorruptNvram(), NOON, TINY, ASKING),
    ("memory that does not wear", WearOut(life_used_percent=100.0), NOON, ON_FRAM, "reference"),
]


@pytest.mark.parametrize(("story", "fault", "at", "plan", "terminal"), HARMLESS, ids=[each[0] for each in HARMLESS])
def test_no_effect_is_no_bite(story: str, fault: Fault, at: Trigger, plan: Plan, terminal: str) -> None:
    # Conditions of the night end before anybody comes.
    lift_after_us = None if fault.damage or at is not NIGHT else 60_000_000
    outcome = run(plan, FaultPlan("f", fault, at, ("T01",), lift_after_us=lift_after_us), terminal=terminal)
    assert outcome.struck("f") == 1
    assert outcome.bit("f") == 0 and outcome.of(FaultBit) == []
    assert outcome.verdict.status == "inconclusive", "a scheduled fault that did not bite proves nothing"
    assert outcome.verdict.findings == ()


def test_what_never_strikes_never_bites() -> None:
    outcome = run(TINY, FaultPlan("f", Crash(), Trigger(action="pre_auth")))
    assert (outcome.struck("f"), outcome.bit("f")) == (0, 0)
    assert outcome.verdict.inconclusive_because == ("fault 'f' never struck",)


def test_two_strikes_do_not_claim_one_request() -> None:
    """Two silences of one request each, of which only the first meets one: the last request of the evening."""
    last = Trigger(action="settle", message=MessageMatch("down", "0510"))
    twice = [FaultPlan(name, HostSilent(), last, ("T01",)) for name in ("first", "second")]
    early = FaultPlan("early", HostSilent(messages=2), NOON, ("T01",))
    outcome = run(TINY, early, *twice)
    bites = [event.fault for _, event in outcome.of(FaultBit)]
    assert len(bites) == len(set(bites))
    assert outcome.bit("early") == 1


class _Line:
    """The host's side of one counting knob, and strikes that wind it up, use it and withdraw."""

    def __init__(self) -> None:
        self.outcome = run(replace(TINY, sales_per_day=1))
        self.world = self.outcome.built.world
        self.world.decisions.spill = None  # the run's file is closed
        self.station = self.world.stations[0]
        self.knobs = self.world.acquirer.knobs(self.station.tid)


@given(st.lists(st.tuples(st.sampled_from(["wind", "use", "lift"]), st.integers(1, 4)), max_size=25))
@settings(max_examples=150, deadline=None)
def test_shares_of_a_counting_knob_are_used_in_order_and_withdrawn_alone(steps: list[tuple[str, int]]) -> None:
    """Held against a plain queue of tickets, each with its owner's name on it."""
    line = _line()
    strikes: list[Strike] = []
    queue: list[int] = []
    used: dict[int, int] = {}
    lifted: set[int] = set()
    for what, number in steps:
        if what == "wind":
            used[len(strikes)] = 0
            queue += [len(strikes)] * number
            strikes.append(wind_up(line.world, line.station, "wrong_macs", number, "used"))
        elif what == "use":
            for _ in range(number):
                assert line.knobs.use("wrong_macs") == bool(queue)
                if queue:
                    used[queue.pop(0)] += 1
        elif strikes and number % len(strikes) not in lifted:
            lifted.add(number % len(strikes))
            strikes[number % len(strikes)].lift()
            queue = [owner for owner in queue if owner != number % len(strikes)]
        told = [int(each.evidence().split()[0]) if each.evidence() else 0 for each in strikes]
        assert told == [used[place] for place in range(len(strikes))]
        assert line.knobs.wrong_macs == len(queue)
    for place, strike in enumerate(strikes):
        if place not in lifted:
            strike.lift()
    assert line.knobs.wrong_macs == 0


@given(st.lists(st.integers(0, 3), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_timed_knob_stays_on_until_nobody_holds_it(lifts: list[int]) -> None:
    line = _line()
    held = [hold(line.world, line.station, "cut_over_until_us", "met") for _ in range(4)]
    for place in dict.fromkeys(lifts):
        held[place].lift()
        on = len(set(lifts[: lifts.index(place) + 1])) < 4
        assert line.knobs.before("cut_over_until_us", line.world.now_us + 400 * 24 * HOUR_US) == on
    for place in set(range(4)) - set(lifts):
        held[place].lift()
    assert line.knobs.cut_over_until_us == 0


@cache
def _line() -> _Line:
    return _Line()


def test_a_bite_is_told_at_the_end_of_its_action() -> None:
    outcome = run(TINY, FaultPlan("f", HostSilent(), NOON, ("T01",)))
    ((_, struck),) = outcome.of(FaultStruck)
    ((bite_number, bite),) = outcome.of(FaultBit)
    ((lift_number, _),) = outcome.of(FaultLifted)
    assert struck.at_us < bite.at_us < struck.at_us + 3 * HOUR_US
    assert lift_number == bite_number + 1, "one request is all that it could do"


def test_an_outage_is_not_cut_short_by_another_strike() -> None:
    """The plug is out for an hour; a second strike in that hour brings no power back and is no bite."""
    long = FaultPlan("long", PowerLoss(off_for_us=HOUR_US), NOON, ("T01",))
    short = FaultPlan(
        "short", PowerLoss(off_for_us=1_000_000), replace(NOON, time_us=12 * HOUR_US + 60_000_000), ("T01",)
    )
    outcome = run(TINY, long, short)
    assert len(outcome.of(PowerLost)) == 1
    boots = [event.at_us for event in outcome.events if type(event).__name__ == "Booted" and event.device == "T01"]  # type: ignore[union-attr]
    assert boots[:2] == [0, 13 * HOUR_US]
    assert outcome.bit("short") == 0


def test_a_settlement_without_paper_is_a_bite_though_the_software_looked_first() -> None:
    outcome = run(TINY, FaultPlan("f", PaperOut(), Trigger(action="settle"), ("T01",), lift_after_us=600_000_000))
    assert outcome.bit("f") == 1
    assert outcome.verdict.findings == ()


def test_a_truncated_file_is_met_by_software_that_asks_for_its_size_first() -> None:
    """The reference reads as many bytes as its file has; that these are fewer than it wrote is the bite."""
    night = Trigger(day=1, time_us=20 * HOUR_US)
    plan = replace(TINY, days=replace(TINY.days, count=2))
    outcome = run(plan, FaultPlan("f", TruncateFile(remaining_percent=10.0), night))
    assert (outcome.struck("f"), outcome.bit("f")) == (2, 2)


def test_a_reversal_of_what_never_came_is_no_forgotten_one() -> None:
    """Requests that the host never reads are reversed and answered 25: right, and nothing was forgotten."""
    forgets = FaultPlan("forgets", ForgottenReversal(), NIGHT, ("T01",))
    unread = FaultPlan("unread", HostSilent(messages=2, unread=True), NOON, ("T01",))
    outcome = run(TINY, forgets, unread)
    assert outcome.bit("unread") == 1 and outcome.bit("forgets") == 0


def test_a_backup_is_put_back_with_the_software_stopped() -> None:
    outcome = run(TINY, FaultPlan("f", StaleBackup(every_us=HOUR_US), NOON, ("T01",)))
    ((number, struck),) = outcome.of(FaultStruck)
    booted = [event.at_us for n, event in outcome.of(Booted) if n > number and event.device == "T01"]
    assert booted[0] == struck.at_us + 2_000_000
    assert outcome.bit("f") == 1


def _stored(disk: Disk, path: str, content: bytes) -> None:
    descriptor = disk.open(path, os.O_CREAT | os.O_RDWR)
    disk.write(descriptor, content)
    disk.fsync(descriptor)
    disk.close(descriptor)
    directory = disk.open("/data", os.O_RDONLY)
    disk.fsync(directory)
    disk.close(directory)


def test_a_stray_write_finds_its_victim_after_a_power_cut_and_spares_the_file_written_last() -> None:
    line = _Line()
    world, station = line.world, line.station
    for name in ("a", "b"):
        _stored(station.hardware.disk, f"/data/x{name}", b"v" * 100)
        world.env.run(until=world.env.now + 1)
    fault = MisdirectedWriteFault(victim="/data/x*")
    for ordinal in range(8):
        strike = fault.inject(world, station, f"k{ordinal}")
        assert strike.detail.startswith("/data/xa"), "xb was written last"
        strike.lift()
    strike = fault.inject(world, station, "k")
    station.power_cut("test", 1)
    disk = station.hardware.disk
    _stored(disk, "/data/other", b"o" * 10)
    victim = disk.open("/data/xa", os.O_RDONLY)
    assert b"oooooooooo" in disk.read(victim, 200) + b""
    other = disk.open("/data/other", os.O_RDONLY)
    assert disk.read(other, 200) == bytes(10)
    assert strike.evidence()


def test_a_clearable_cache_goes_when_the_terminal_clears_it() -> None:
    """People who clear the cache when the terminal is full go on selling; where that is no use, they do not."""
    plan = load_scenario("storage/cache_cleared_when_full")
    (placed,) = plan.faults
    approved: dict[bool, int] = {}
    for clearable in (False, True):
        fault = FullStorage(cause="cache", step_bytes=48 * 1024, clearable=clearable)
        outcome = run(replace(plan, faults=()), replace(placed, fault=fault))
        assert outcome.verdict.findings == ()
        approved[clearable] = sum(event.outcome == "approved" for _, event in outcome.of(ActionEnded))
    assert approved[True] > 1.3 * approved[False]

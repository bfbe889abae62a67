"""Power loss is unkind enough: it loses, keeps and tears, returns in the middle of recovery, and what follows is judged."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from harness.faults.base import FaultPlan, MessageMatch, Trigger
from harness.faults.power_loss import PowerLoss
from harness.history.events import (
    Booted,
    FaultStruck,
    IntentClosed,
    LedgerChanged,
    PowerLost,
    Presented,
    SoftwareReady,
    StorageAfterPowerLoss,
)
from harness.terminals.catalogue import CATALOGUE
from tests.faults.fault_bench import SMALL, Outcome, run

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
        outcome = cut(PowerLoss(repeats=2, again_after_us=60_000_000), trigger, seed)
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

"""What excuses a terminal, and for how long: an excuse that outlasts its cause hides sales that were refused for nothing."""

from __future__ import annotations

import pytest

from harness.faults.catalogue import all_faults
from harness.history.events import (
    Event,
    FaultLifted,
    FaultStruck,
    LedgerChanged,
    MessageDropped,
    MessageSent,
    PowerLost,
    SoftwareDied,
    SoftwareReady,
    StorageFailed,
)
from harness.history.recorder import Recorder
from harness.workload import witness
from harness.workload.tally import TradeTally
from harness.workload.witness import Witness

T01 = ("T01",)


def witnessed(*events: Event) -> Witness:
    recorder = Recorder()
    seen = Witness(recorder)
    for event in events:
        recorder.emit(event)
    return seen


def died(reason: str) -> SoftwareDied:
    return SoftwareDied(50, "T01", reason, "")


def answered(code: str) -> tuple[Event, Event]:
    return MessageSent(50, "T01", 1, "up"), MessageSent(50, "T01", 2, "down", response_code=code)


LEAK = FaultStruck(10, "leak#1", "memory_leak", T01)

# Events, the last of which is at 50: whether they are an outage to who looks since 45, and to who looks since 60.
OUTAGES = {
    "nothing": ((), False, False),
    "the line is dead": ((FaultStruck(50, "p#1", "partition", T01),), True, True),
    "the line was dead": ((FaultStruck(10, "p#1", "partition", T01), FaultLifted(50, "p#1", "partition", T01)), True, False),
    "all lines were dead": ((FaultStruck(10, "p#1", "partition", T01), FaultLifted(50, "p#1", "partition")), True, False),
    "another line is dead": ((FaultStruck(50, "p#1", "partition", ("T02",)),), False, False),
    "one of two faults is over": (
        (
            FaultStruck(10, "p#1", "partition", T01),
            FaultStruck(20, "q#1", "congestion", T01),
            FaultLifted(50, "p#1", "partition", T01),
        ),
        True,
        True,
    ),
    "a message was lost": ((MessageDropped(50, "T01", 1, "partition"),), True, False),
    "a request was answered": (answered("00"), False, False),
    "a request is not answered": ((MessageSent(50, "T01", 1, "up"),), True, False),
    "the host was busy": (answered("96"), True, False),
    "the card was declined": (answered("51"), False, False),
    "power is off": ((PowerLost(50, "T01", "plug"),), True, True),
    "power was off": ((PowerLost(10, "T01", "plug"), SoftwareReady(50, "T01", 2)), True, False),
    "power was cut by a fault": (
        (FaultStruck(10, "c#1", "power_loss", T01), PowerLost(10, "T01", "c#1"), SoftwareReady(50, "T01", 2)),
        True,
        False,
    ),
    "it died of itself": ((died("exception"),), False, False),
    "it took too much memory": ((died("out_of_memory"),), False, False),
    "an injected leak killed it": ((LEAK, died("out_of_memory")), True, False),
    "it died of itself while something leaked": ((LEAK, died("exception")), False, False),
}  # fmt: skip


@pytest.mark.parametrize("case", OUTAGES)
def test_an_outage_lasts_as_long_as_its_cause(case: str) -> None:
    events, then, later = OUTAGES[case]
    seen = witnessed(*events)
    assert (seen.outage_since("T01", 45), seen.outage_since("T01", 60)) == (then, later)


# The same for trouble with storage.
STORAGE = {
    "nothing": ((), False, False),
    "it is full": ((FaultStruck(50, "f#1", "full_storage", T01),), True, True),
    "it was full": ((FaultStruck(10, "f#1", "full_storage", T01), FaultLifted(50, "f#1", "full_storage", T01)), True, False),
    "the medium failed": ((StorageFailed(50, "T01", "write", "/data/x", "EIO", 1),), True, False),
    "it was mounted read-only": ((StorageFailed(50, "T01", "write", "/data/x", "EROFS", 1),), True, False),
    "the terminal filled it": ((StorageFailed(50, "T01", "write", "/data/x", "ENOSPC", 1),), False, False),
    "a file is not there": ((StorageFailed(50, "T01", "open", "/data/x", "ENOENT", 1),), False, False),
    "the line is dead": ((FaultStruck(50, "p#1", "partition", T01),), False, False),
}  # fmt: skip


@pytest.mark.parametrize("case", STORAGE)
def test_trouble_with_storage_lasts_as_long_as_its_cause(case: str) -> None:
    events, then, later = STORAGE[case]
    seen = witnessed(*events)
    assert (seen.storage_trouble_since("T01", 45), seen.storage_trouble_since("T01", 60)) == (then, later)


def test_every_kind_of_fault_that_excuses_is_a_fault() -> None:
    assert set(all_faults().names()) >= witness.OUTAGES | witness.STORAGE_TROUBLE
    assert not witness.OUTAGES & witness.STORAGE_TROUBLE


def test_a_decline_is_the_host_s_only_when_the_host_declined_that_card() -> None:
    declined = LedgerChanged(1, "T01", 1, "sale", "DECLINED", "", "000001", "000001", 100, "token")
    assert witnessed(declined).host_declined("T01", "token")
    assert not witnessed(declined).host_declined("T01", "other")
    assert not witnessed(declined).host_declined("T02", "token")
    approved = LedgerChanged(1, "T01", 1, "sale", "APPROVED", "", "000001", "000001", 100, "token")
    assert not witnessed(approved).host_declined("T01", "token")


def test_the_tally_counts_all_tills_and_nothing_unknown_is_infeasible() -> None:
    one = TradeTally(
        asked=20, accepted=8, declined=3, infeasible=2, left_queue=1, refused_full=1, refused=2, unanswered=3
    )
    other = TradeTally(asked=5, accepted=5)
    total = TradeTally()
    total.add(one)
    total.add(other)
    assert (total.asked, total.accepted, total.declined, total.infeasible) == (25, 13, 3, 2)
    assert (total.left_queue, total.refused_full, total.refused, total.unanswered) == (1, 1, 2, 3)
    assert total.feasible == 20
    assert total.accepted_percent == 65.0
    assert TradeTally(asked=3, declined=3).accepted_percent is None

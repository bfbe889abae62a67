"""Invariant 19, recovery twice is recovery once: each kind of difference is a finding, and what may differ is none."""

import msgspec
import pytest

from harness.engine.crashpoints.explore import Extent
from harness.engine.crashpoints.judging import not_idempotent
from harness.history.events import Inspected, ReceiptPrinted, RecordSeen, ScreenShown
from tests.engine.crashpoints.explored import explored, invariants

SALE = RecordSeen("000001", "000001", "sale", 500)
TAIL = RecordSeen("000002", "000001", "sale", 700)
ONCE = Inspected(1, "T01", "after_power_loss", "000001", "000003", (SALE, TAIL), ("000002",), 0)
SHOWN = (ScreenShown(0, "T01", 3, "approved", "ok", 700, "000002", "000001"),)


def seen(**change: object) -> Inspected:
    return msgspec.structs.replace(ONCE, at_us=9, **change)


@pytest.mark.parametrize(
    ("twice", "told"),
    [
        (seen(records=(SALE, TAIL, RecordSeen("000003", "000001", "sale", 1))), "record 000003 is new"),
        (
            seen(records=(SALE, msgspec.structs.replace(TAIL, state="reversed"))),
            "record 000002 is reversed instead of active",
        ),
        (seen(records=(SALE, msgspec.structs.replace(TAIL, amount_fen=1))), "record 000002"),
        (seen(batch="000002"), "batch 000002 instead of 000001"),
        (seen(pending_reversals=()), "reversals pending: none instead of 000002"),
        (seen(pending_reversals=("000001", "000002")), "reversals pending: 000001, 000002 instead of 000002"),
        (seen(damaged_records=1), "1 damaged records instead of 0"),
    ],
)
def test_other_records_are_a_finding(twice, told):
    found = not_idempotent(ONCE, twice)
    assert found is not None and (found.number, found.invariant, found.at_us) == (19, "recovery_idempotent", 9)
    assert told in found.summary


@pytest.mark.parametrize("shown", [SHOWN, (ReceiptPrinted(0, "T01", 3, "sale", "slip", 700, "000002", "000001"),)])
def test_a_record_that_somebody_has_seen_must_not_go(shown):
    found = not_idempotent(ONCE, seen(records=(SALE,)), shown)
    assert found is not None and "record 000002 is missing" in found.summary
    assert not_idempotent(ONCE, seen(records=(SALE,), pending_reversals=())) is None, "nobody had seen it"
    # That one may go is no leave for others.
    assert not_idempotent(ONCE, seen(records=(SALE,), batch="000002")) is not None


def test_the_same_records_are_none_nor_is_a_trace_number_that_was_skipped():
    assert not_idempotent(ONCE, seen(next_stan="000007"), SHOWN) is None
    assert not_idempotent(None, ONCE) is not_idempotent(ONCE, None) is None
    assert not_idempotent(ONCE, seen(error="garbage", records=()), SHOWN) is None, "invariant 17 has that"
    assert not_idempotent(seen(error="garbage", records=()), ONCE, SHOWN) is None


def test_second_cuts_find_what_no_first_cut_can():
    few = Extent(depth=2, images_limit=16, states_limit=6)
    report = explored("no_fsync", "sale", ("posix-weak",), few)
    assert 19 in invariants(report)
    second = [cell.failing for cell in report.cells if cell.depth == 2]
    assert sum(second) > 0
    twice = [found.example for found in report.found if found.invariant == 19]
    assert all(example.depth == 2 and "." in example.state for example in twice)

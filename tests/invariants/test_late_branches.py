"""What invariants 3, 12 and 31 say beside their verdict, and the branches that only the end of a history takes.

Each row was found by breaking a line and seeing that nothing noticed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from harness.history.events import AnyEvent, PowerLost, ReceiptPrinted, ScreenShown
from harness.invariants.base import Terms
from harness.invariants.casebook import (
    T01,
    card,
    closes,
    ends,
    inspected,
    intent,
    leaves,
    ledger,
    paid_sale,
    phase,
    record,
    screen,
    settled,
    slip,
    starts,
    timed,
)
from harness.invariants.judge import Judge, Judgement

SETTLE = starts(9, "settle", None)
REST = phase("quiescence")
CUT = PowerLost(0, T01, "power_loss")
RETRY = (starts(2), card("2", 2), ledger(2, token="2", stan="000002"), screen(action=2), ends(2), leaves())
UNKNOWN = (intent(), starts(), card(), ledger(), ends(1, "unknown"))
UNTOLD = (*paid_sale()[:4], screen("unknown"), ends(1, "unknown"), leaves(belief="unknown"))
SETTLED_AT_ONCE = (settled(1, 2, claimed=(2, 2000), held=(2, 2000)),)


def duplicate(of: ReceiptPrinted) -> ReceiptPrinted:
    return msgspec.structs.replace(of, duplicate=True)


def blank(of: ReceiptPrinted) -> ReceiptPrinted:
    return msgspec.structs.replace(of, debit_count=None, debit_fen=None)


def settled_screen(text: str) -> ScreenShown:
    return ScreenShown(0, T01, 9, "settled", text, None, None, None)


@dataclass(frozen=True)
class Row:
    name: str
    invariant: str
    events: tuple[AnyEvent, ...]
    findings: int = 1
    money_fen: int | None = None
    says: str = ""
    """In the summary of the first finding."""
    at: int | None = None
    """The place of the event at whose time it happened."""
    evident: int | None = None
    """The place of the event from which on it could not be otherwise."""
    reason: str = ""
    """Told among what was not checked."""
    silent_about: str = field(default="-", kw_only=True)
    """Not told there."""


ROWS = (
    # 3: no customer is charged twice
    Row("what is too much", "no_double_charge", (*UNKNOWN, *RETRY, REST), money_fen=1000, says="charged twice, 20.00 yuan",
        at=7, evident=11),
    Row("known once settled", "no_double_charge", (*UNKNOWN, *RETRY, *SETTLED_AT_ONCE, REST), evident=11),
    Row("three times", "no_double_charge",
        (*UNKNOWN, *RETRY[:3], ends(2, "unknown"), starts(3), card("3", 3), ledger(3, token="3", stan="000003"),
         ends(3, "unknown"), leaves(), REST),
        money_fen=2000, says="charged 3 times, 30.00 yuan", at=11),
    Row("a decline is no charge", "no_double_charge",
        (*UNKNOWN, *RETRY[:-1], starts(3), card("3", 3), ledger(3, "DECLINED", token="3", stan="000003"), ends(3, "declined"),
         leaves(), REST), money_fen=1000, says="charged twice", at=7),
    Row("long after its batch", "no_double_charge",
        (*paid_sale(), *closes(1), REST, ledger(7, token="1", stan="000007", batch="000002")),
        money_fen=1000, says="was paid and settled before"),
    Row("dead, and it is said", "no_double_charge", (*UNKNOWN, *RETRY, CUT, REST), findings=0,
        reason="T01 never came back to finish its reversals"),
    # 31: no charge that nobody tells of
    Row("a second charge, untold", "no_silent_charge",
        (*paid_sale(), *closes(1), REST, ledger(7, token="1", stan="000007", batch="000002")), findings=0),
    Row("a first charge, after everybody had gone", "no_silent_charge",
        (intent(), starts(), card(), ledger(state="DECLINED"), screen("declined"), ends(1, "declined"), leaves(belief="not_paid"),
         *paid_sale(2), settled(2), REST, ledger(7, token="1", stan="000007", batch="000002")), money_fen=1000),
    Row("told as known once settled", "no_silent_charge", (*UNTOLD, settled(host_only=(1,), claimed=(0, 0)), REST),
        money_fen=1000, evident=7),
    Row("dead, and nobody knows", "no_silent_charge", (*UNTOLD, CUT, REST), findings=0,
        reason="T01 never came back to finish its reversals"),
    Row("in the log of a batch closed without it", "no_silent_charge",
        (*UNTOLD, settled(host_only=(1,), claimed=(0, 0)), REST, inspected(record()))),
    Row("voided in the log", "no_silent_charge", (*UNTOLD, REST, inspected(record(state="voided")))),
    Row("no longer in the log", "no_silent_charge",
        (*UNTOLD, inspected(record(), when="after_power_loss"), REST, inspected())),
    # 12: each batch is settled once, and the slip says what
    Row("closed again with nothing in it", "settlement_exactly_once",
        (*paid_sale(), settled(1), settled(claimed=(0, 0), held=(0, 0))), findings=0),
    Row("closed before with nothing in it", "settlement_exactly_once",
        (settled(claimed=(0, 0), held=(0, 0)), *paid_sale(), settled(1)), findings=0),
    Row("one sale in two batches", "settlement_exactly_once",
        (*paid_sale(), settled(1), settled(1, batch="000002")), says="a transaction of batch 2", money_fen=1000),
    Row("the same number, less money", "settlement_exactly_once",
        (*paid_sale(), *closes(1), SETTLE, settled(batch="000002", claimed=(1, 500), held=(0, 0), terminal_only=("000001",)),
         ends(9, "failed")), findings=0),
    Row("claimed again is told once", "settlement_exactly_once",
        (*paid_sale(), *closes(1), SETTLE, settled(batch="000002", claimed=(1, 1000), held=(0, 0), terminal_only=("000001",)),
         ends(9, "done")), money_fen=1000, says="claimed the same again"),
    Row("a slip without sums", "settlement_exactly_once",
        (*paid_sale(), settled(1), blank(slip(0, 0, None))), findings=0),
    Row("a duplicate of a slip that nobody saw", "settlement_exactly_once",
        (*paid_sale(), settled(1), duplicate(slip(2, 2000, None))), findings=0),
    Row("told by the slip, not again by its end", "settlement_exactly_once",
        (*paid_sale(), settled(1, claimed=(2, 2000)), slip(2, 2000, None), SETTLE, ends(9, "done")), money_fen=1000,
        says="slip"),
    Row("told by the end, not again by the slip", "settlement_exactly_once",
        (*paid_sale(), SETTLE, settled(1, claimed=(2, 2000)), settled_screen("SETTLED"), slip(2, 2000, None)), money_fen=1000,
        says="successful"),
    Row("two slips, the second admits it", "settlement_exactly_once",
        (*paid_sale(), settled(1), slip(1, 1000, None), slip(2, 2000, None, text="对账不平")), findings=0),
    Row("a slip of a batch that stayed open", "settlement_exactly_once",
        (*paid_sale(), settled(1), SETTLE, slip(0, 0, batch="000002"), ends(9, "interrupted")), findings=0,
        reason="printed a settlement slip for a batch that was never closed"),
    Row("a screen that admits it", "settlement_exactly_once",
        (*paid_sale(), SETTLE, settled(1, claimed=(2, 2000)), settled_screen("已结算 对账不平")), findings=0),
    Row("a slip that fitted long ago", "settlement_exactly_once",
        (*paid_sale(), SETTLE, slip(1, 1000), settled(1),
         *(settled(batch=f"{batch:06d}", claimed=(0, 0), held=(0, 0)) for batch in range(2, 14))), findings=0,
        silent_about="never closed"),
    Row("a number that comes round again", "settlement_exactly_once",
        (*paid_sale(), settled(1), *(settled(batch=f"{batch:06d}", claimed=(0, 0), held=(0, 0)) for batch in range(2, 14)),
         *paid_sale(2), settled(2)), findings=0),
    Row("a slip that names no batch", "settlement_exactly_once",
        (*paid_sale(), settled(1), slip(2, 2000, None, "")), money_fen=1000),
)  # fmt: skip


def judged(name: str, events: tuple[AnyEvent, ...], broken_off: str = "") -> Judgement:
    judge = Judge(Terms(), selected=[name])
    for number, event in enumerate(events):
        judge.observe(number, event)
    (judgement,) = judge.conclude(events[-1].at_us, broken_off)
    assert not judgement.trace
    return judgement


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_says_so_much_and_no_more(row: Row) -> None:
    events = timed(row.events)
    judgement = judged(row.invariant, events)
    assert judgement.findings_total == row.findings, judgement.findings
    if row.findings:
        finding = judgement.findings[0]
        assert row.says in finding.summary
        assert row.money_fen in (None, finding.money_fen)
        assert row.at is None or finding.at_us == events[row.at].at_us
        assert row.evident is None or finding.evident_us == events[row.evident].at_us
    assert row.reason in " ".join(judgement.reasons)
    assert row.silent_about not in " ".join(judgement.reasons)


@pytest.mark.parametrize(
    "events",
    [
        (*paid_sale(), settled(1), slip(2, 2000, None)),
        (*paid_sale(), SETTLE, slip(2, 2000), settled(1), ends(9, "done")),
    ],
    ids=["printed by the way", "printed before the closing"],
)
def test_a_false_slip_is_found_when_it_is_there_and_not_only_at_the_end(events: tuple[AnyEvent, ...]) -> None:
    assert judged("settlement_exactly_once", timed(events), broken_off="time was over").findings_total == 1


@pytest.mark.parametrize("name", ["no_double_charge", "no_silent_charge"])
def test_what_is_owed_at_rest_is_not_owed_by_a_run_that_broke_off(name: str) -> None:
    events = timed((*UNKNOWN, *RETRY) if name == "no_double_charge" else UNTOLD)
    judgement = judged(name, events, broken_off="time was over")
    assert (judgement.outcome, judgement.reasons) == ("not_checked", ("time was over",))
    assert judged(name, timed((*events, phase("check")))).outcome == "not_checked", "checking is no rest"

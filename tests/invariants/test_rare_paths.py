"""Paths of the invariants that no ordinary history takes: one tiny history each, with the verdict expected.

They stand here and not beside the other cases because they explain nothing about an invariant; each was found by breaking a
line of the code and seeing that nothing noticed.
"""

from __future__ import annotations

import msgspec
import pytest

from harness.contract import Manifest
from harness.history.events import (
    AnyEvent,
    Booted,
    FaultLifted,
    FaultStruck,
    OperatorDid,
    PowerLost,
    SoftwareDied,
    SoftwareReady,
    SpaceMeasured,
)
from harness.invariants.base import Case, Terms
from harness.invariants.casebook import (
    T01,
    arrives,
    at,
    card,
    case,
    down,
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
    up,
)
from harness.invariants.judge import Judge, Judgement


def declares(**what: object) -> Terms:
    return Terms({T01: Manifest(name="declares", **what)})  # type: ignore[arg-type]


CUT = PowerLost(0, T01, "power_loss#1")
BOOT, READY = Booted(0, T01, 2), SoftwareReady(0, T01, 2)
DEAD = (SoftwareDied(0, T01, "exception", "ValueError"),)
CORRUPTED = FaultStruck(0, "corrupt_file#1", "corrupt_file", (T01,))
CUT_OFF = FaultStruck(0, "partition#1", "partition", (T01,))
BACK = FaultLifted(0, "partition#1", "partition", (T01,))
SUPPORT = "support restarted it: "

SERVICE = (
    case("ends late", "a sale of forty minutes, with nothing in its way", "finding",
         starts(), at(2400, ends()), guilty=1, instead=at(30, ends())),
    case("ends late in an outage", "the link was dead for nearly all of it", "pass",
         starts(), CUT_OFF, at(2300, BACK), at(2400, ends())),
    case("boots for ever", "switched on, and never ready", "finding",
         CUT, BOOT, at(2000, phase("check")), guilty=1),
    case("boots at the very end", "the run ends while it is still within its time", "pass",
         starts(), ends(), CUT, BOOT, phase("check")),
    case("off at the end of a hung sale", "power went: the sale is over, and its time with it", "pass",
         starts(), CUT, BOOT, READY, at(5000, starts(2)), at(5001, ends(2)), at(9000, phase("check"))),
    case("died in a sale", "the software died: the sale is over", "pass",
         starts(), *DEAD, BOOT, READY, at(5000, starts(2)), at(5001, ends(2)), at(9000, phase("check"))),
    case("help after damage", "support had to help: a fault had flipped bits in its files", "pass",
         starts(), ends(), CORRUPTED, OperatorDid(0, T01, SUPPORT + "no sale was accepted")),
    case("help with settling", "that a settlement failed is judged by what became of the batch", "pass",
         starts(), ends(), OperatorDid(0, T01, SUPPORT + "settlement failed")),
    case("two deaths, a cut, two deaths", "power loss starts the count anew", "pass",
         *DEAD, BOOT, *DEAD, BOOT, CUT, BOOT, *DEAD, BOOT, *DEAD, BOOT, READY),
)  # fmt: skip

SETTLE = (starts(9, "settle", None), up(91, "0500", token="", amount_fen=None))
NEXT = up(95, stan="000002", token="2", batch="000002")
PROOF = (
    case("told without a number", "the host's reply names no batch: it is about the one that was asked for", "pass",
         *paid_sale(), *SETTLE, settled(1), down(92, "0510", batch=""), arrives(92), ends(9, "done")),
    case("sign-on names the closed batch", "the host still names the batch that it closed: that proves nothing", "finding",
         up(1), *paid_sale(), *SETTLE, settled(1), ends(9, "failed"), down(93, "0810", batch="000001"), arrives(93), NEXT,
         guilty=14, instead=up(95, stan="000002", token="2")),
    case("sign-on refused", "a sign-on that failed gives nobody's word for anything", "finding",
         up(1), *paid_sale(), *SETTLE, settled(1), ends(9, "failed"), down(93, "0810", code="96", batch="000002"),
         arrives(93), NEXT, guilty=14, instead=up(95, stan="000002", token="2")),
    case("told of twice", "one batch given up is one finding, however often it is shown", "finding",
         *paid_sale(), *SETTLE, settled(closed=False, held=(2, 2000)), screen("settled", 9), ends(9, "done"),
         phase("check")),
)  # fmt: skip

ONCE = (
    case("a slip by the way", "printed after the batch had closed, and it says something else", "finding",
         *paid_sale(), settled(1), slip(2, 2000, action=None), guilty=8, instead=slip(1, 1000, action=None)),
    case("a slip of a failed settlement", "the paper is void: the settlement failed openly, and closed at the next try", "pass",
         *paid_sale(), starts(9, "settle", None), slip(2, 2000), ends(9, "failed"), settled(1)),
    case("a slip before the closing", "printed before the host closed the batch, and it says something else", "finding",
         *paid_sale(), starts(9, "settle", None), slip(2, 2000), settled(1), ends(9, "done"),
         guilty=8, instead=slip(1, 1000)),
    case("a slip of a cut settlement", "power went behind the slip; the batch closed later with another sum", "finding",
         *paid_sale(), starts(9, "settle", None), slip(2, 2000), settled(1), phase("check"),
         guilty=8, instead=slip(1, 1000)),
    case("done, and the sums differ", "no screen and no slip, but it ended as done with sums that the host did not settle",
         "finding", *paid_sale(), starts(9, "settle", None), settled(1, claimed=(2, 2000)), ends(9, "done"),
         guilty=9, instead=ends(9, "failed")),
    case("two slips, one admits it", "the second says that totals differed", "pass",
         *paid_sale(), starts(9, "settle", None), slip(2, 2000, text="不平"), settled(1), slip(1, 1000), ends(9, "done")),
    case("the same numbers anew", "numbers begin anew with each batch; the second was reversed and claimed all the same", "pass",
         *paid_sale(), settled(1), intent(2), starts(2, intent=2), card("2", 2, 2), ledger(2, token="2", batch="000002"),
         ledger(2, "REVERSED", "APPROVED", token="2", batch="000002"), ends(2, "unknown"), leaves(2, "unknown"),
         starts(9, "settle", None), settled(batch="000002", held=(0, 0), terminal_only=("000001",)), ends(9, "failed")),
    case("another action is done", "a sale that ends well says nothing about the settlement", "pass",
         *paid_sale(), settled(1, claimed=(2, 2000)), starts(2), ends(2, "done")),
)  # fmt: skip


def space(when: str, free_bytes: int, volume: str = "data") -> SpaceMeasured:
    return SpaceMeasured(0, T01, volume, free_bytes, 1_000_000, when)


FULL = (space("installed", 900_000), *paid_sale(), phase("settle_while_full"), space("before_settlement", 0))
BALLAST = FaultStruck(0, "full_storage#1", "full_storage", (T01,))
FREED = space("after_settlement", 900_000)
SETTLES = (starts(9, "settle", None), settled(1), ends(9, "done"))
FREES = (
    case("settles by itself", "the key does nothing, and need not: it settles of its own accord", "pass",
         *FULL, starts(9, "settle", None), ends(9, "unsupported"), settled(1), FREED, starts(10, intent=None), ends(10),
         terms=declares(settlement="automatic")),
    case("foreign bytes to the end", "what the fault put there is there still: a refusal is right", "pass",
         FULL[0], BALLAST, *FULL[1:], *SETTLES, FREED, starts(10, intent=None), ends(10, "refused", "full")),
    case("another volume is full", "what is kept on another volume is not the batch", "pass",
         *FULL, *SETTLES, FREED, space("after_settlement", 10, "cache"), starts(10, intent=None), ends(10)),
    case("no such key", "the software has no settlement that an operator can start", "not_checked",
         *FULL, starts(9, "settle", None), ends(9, "unsupported")),
    case("refused before it was settled", "full is full: a sale may be refused until it is settled", "pass",
         *FULL, starts(8, intent=None), ends(8, "refused", "full"), *SETTLES, FREED),
    case("exactly what is declared", "so much may be kept, and is", "pass",
         *FULL, *SETTLES, space("after_settlement", 900_000 - 65_536), starts(10, intent=None), ends(10)),
)  # fmt: skip

LOST = (
    case("settled by the host alone", "the terminal has no settlement: the host's books are the record", "pass",
         *paid_sale(), phase("quiescence"), inspected(), terms=declares(settlement="host")),
    case("never at rest", "an offline approval may still be on its way", "not_checked",
         intent(), starts(), card(), screen(), ends(), leaves()),
    case("read before it was sold", "what was read before the sale says nothing about it", "not_checked",
         inspected(when="after_power_loss"), *paid_sale(), phase("quiescence")),
    case("unreadable", "a log that cannot be read says nothing here: to be readable is another matter (17)", "not_checked",
         *paid_sale(), phase("quiescence"), inspected(error="JSONDecodeError")),
)  # fmt: skip

TWICE = (starts(2), card("2", 2), ledger(2, token="2", stan="000002"), ends(2, "unknown"))
DOUBLE = (
    case("dead at the end", "it never came back to reverse the first one: that is another matter (24)", "pass",
         *paid_sale()[:4], ends(1, "unknown"), *TWICE, leaves(), CUT, phase("quiescence")),
)  # fmt: skip
SILENT = (
    case("dead at the end", "it never came back to reverse it: that is another matter (24)", "pass",
         *paid_sale()[:4], ends(1, "unknown"), leaves(), CUT, phase("quiescence")),
)  # fmt: skip

FATES = (
    case("a closing that is repeated", "the host's answer given again claims nothing new", "pass",
         *paid_sale()[:4], ledger(state="REVERSED", before="APPROVED"), ends(1, "unknown"), leaves(belief="unknown"),
         settled(terminal_only=("000001",), held=(0, 0), repeated=True)),
    case("read while it was down", "the terminal never came back: what its log would say after recovery nobody knows", "pass",
         *paid_sale()[:4], ledger(state="REVERSED", before="APPROVED"), ends(1, "unknown"), phase("quiescence"),
         inspected(record()), CUT),
)  # fmt: skip

DRAINS = (
    case("late in the day", "the last one is still within its time when the run ends", "pass",
         phase("quiescence"), up(5, "0400", token="")),
    case("listed and seen on the wire", "one reversal is one finding", "finding",
         up(5, "0400", token=""), phase("quiescence"), inspected(pending=("000001",)), at(900, phase("check"))),
)  # fmt: skip

WHOLE = (
    case("reversed since", "a record whose sale was reversed need not be there", "pass",
         *paid_sale(), ledger(1, "REVERSED", "APPROVED"), CUT, inspected()),
    case("left out of the settlement", "the batch closed without it: that is told elsewhere (1)", "pass",
         *paid_sale(), settled(host_only=(1,), claimed=(0, 0)), CUT, inspected()),
)  # fmt: skip

ALL: dict[str, tuple[Case, ...]] = {
    "returns_to_service": SERVICE,
    "clear_needs_proof": PROOF,
    "settlement_exactly_once": ONCE,
    "settlement_frees_space": FREES,
    "no_lost_approval": LOST,
    "no_double_charge": DOUBLE,
    "no_silent_charge": SILENT,
    "exclusive_fate": FATES,
    "reversal_drains": DRAINS,
    "record_atomicity": WHOLE,
}
ROWS = [(name, each) for name, cases in ALL.items() for each in cases]


def judged(name: str, terms: Terms, events: tuple[AnyEvent, ...]) -> Judgement:
    judge = Judge(terms, selected=[name])
    for number, event in enumerate(events):
        judge.observe(number, event)
    (judgement,) = judge.conclude(events[-1].at_us)
    assert not judgement.trace
    return judgement


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{each.name}" for name, each in ROWS])
def test_a_rare_history_comes_to_its_verdict(name: str, row: Case) -> None:
    judgement = judged(name, row.terms, row.events)
    assert judgement.outcome == row.expect, (row.why, judgement.findings, judgement.reasons)
    assert judgement.findings_total == (row.expect == "finding"), judgement.findings
    assert judgement.reasons or judgement.outcome != "not_checked"


@pytest.mark.parametrize(
    ("name", "row"), [each for each in ROWS if each[1].guilty is not None], ids=lambda each: str(each)[:40]
)
def test_without_its_guilt_it_passes(name: str, row: Case) -> None:
    assert row.guilty is not None
    events = list(row.events)
    if row.instead is None:
        del events[row.guilty]
    else:
        events[row.guilty] = msgspec.structs.replace(row.instead, at_us=row.instead.at_us or events[row.guilty].at_us)
    judgement = judged(name, row.terms, tuple(events))
    assert judgement.outcome in ("pass", "not_checked"), judgement.findings


@pytest.mark.parametrize(("capture", "severity"), [("host", "major"), ("terminal", "critical")])
def test_whose_loss_a_lost_record_is_depends_on_who_captures(capture: str, severity: str) -> None:
    lost = case("lost", "", "finding", *paid_sale(), settled(host_only=(1,), claimed=(0, 0)))
    (finding,) = judged("no_lost_approval", declares(capture=capture), lost.events).findings
    assert finding.severity == severity
    assert finding.money_fen == 1000

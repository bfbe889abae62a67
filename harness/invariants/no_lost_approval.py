"""Invariant 1: what the terminal showed as approved is found again in a settlement, or in its own log.

Models: a promise made on the display or on paper. The approval's ledger entry (by presentation token) must end SETTLED in a
settlement in which the terminal claimed it; voided or refunded afterwards is as good, as that needs the record. What is
open at the end is looked up in the terminal's own records, where it offers them.
Does not model: whether the amount shown was right (17), whether the host's reversal was the terminal's doing (7).
Traps avoided: approved at the host and never shown is no promise; a second card shown in the same action may be the one
that was approved; a sale voided later is not lost; totals of a batch that is not closed yet say nothing; an offline
approval may reach the host until the run is at rest; a pre-authorisation is in no settlement, and its record is owed only
until its batch is settled; with host capture a lost record is not lost money, only a lost record.
Source: domain section 8, invariant 1 and its amendment (black box).
"""

from collections.abc import Iterator
from dataclasses import replace

from harness.core.units import US_PER_MINUTE
from harness.invariants.base import INVARIANTS, Finding, Invariant, Severity, Terms, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    card,
    case,
    closes,
    ends,
    inspected,
    intent,
    leaves,
    ledger,
    paid_sale,
    phase,
    receipt,
    record,
    screen,
    settled,
    starts,
)
from harness.invariants.device_book import Closing, DeviceBook
from harness.invariants.purchase import CAPTURED_STATES, GOOD_STATES, JUDGED_ACTIONS, VOID_KINDS, ActionState, Entry

_SETTLING_US = 10 * US_PER_MINUTE
"""So long before the host closes a batch the terminal may have sent its totals."""
_UNSETTLED_MODES = frozenset({"host", "none"})


@INVARIANTS.register("no_lost_approval")
class NoLostApproval(Invariant):
    """Every approval that was shown is settled, or still in the terminal's log."""

    number = 1
    name = "no_lost_approval"
    evidence = "approved screens and receipts, against the host's ledger and settlements; open ones against inspect"
    requires = ("a sale approved", "a settlement or inspect")
    _end_us = 0

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._counted: dict[tuple[str, str], bool] = {}

    def conclude(self, at_us: int) -> Iterator[Finding]:
        self._end_us = at_us
        self.checked = self.books.approvals_shown
        for purchase in self.books.purchases():
            for action in purchase.actions:
                if action.shown is not None and action.kind in JUDGED_ACTIONS:
                    yield from self._judge(action, purchase.device)

    def so_far(self, at_us: int) -> Iterator[Finding]:
        # A promise that was shown is broken for good once its entry is reversed, declined or left out of a closed batch.
        yield from self.conclude(at_us)

    def _judge(self, action: ActionState, device: str) -> Iterator[Finding]:
        entries = action.entries
        if not entries and action.kind in ("refund", "scan_refund"):
            # A repeated advice is answered from the entry of the first attempt, another action of the same purchase.
            entries = [each for each in action.purchase.entries if each.kind == "refund"]
        verdicts = [self._entry_verdict(each, action, device) for each in entries]
        if "kept" in verdicts:
            return
        if "open" in verdicts:
            self.checked -= 1
            self.skip(f"approvals were still open at the end, and {self.books.without_inspection()}")
            return
        said = f"{device} showed a {action.kind} of {yuan(action.amount_fen)} as approved at {when(action.shown_us)}"
        standing = next((each for each in entries if each.state in GOOD_STATES), None)
        if standing is not None:
            yield self._lost_record(action, standing, said)
            return
        reversed_entry = next((each for each in entries if each.state == "REVERSED"), None)
        if reversed_entry is None and not self.books.resting(device):
            self.checked -= 1
            self.skip("approvals unknown to the host by a terminal that never came to rest")
            return
        evident_us = action.shown_us
        if reversed_entry is not None:
            summary, last = f"{said}, and the host has it reversed: {_harm(action)}.", reversed_entry.last
            evident_us = reversed_entry.last_us
        elif entries:
            summary, last = f"{said}, but the host had declined it.", entries[-1].last
        else:
            summary, last = f"{said}, but the host never approved it: {_harm(action)}.", None
        events = (action.shown, last)
        yield self.finding(device, action.shown_us, summary, events, action.amount_fen, "critical", evident_us)

    def _entry_verdict(self, entry: Entry, action: ActionState, device: str) -> str:
        if entry.state not in GOOD_STATES:
            return "gone"
        if entry.kind in VOID_KINDS or entry.state in ("VOIDED", "REFUNDED") or entry.claimed:
            return "kept"
        if entry.kind == "preauth" and entry.batch in self.books.device(device).closings:
            return "kept"
        if entry.host_only:
            return "lost"
        if self.terms.manifest(device).settlement in _UNSETTLED_MODES:
            return "kept"
        return self._look_up(entry, action, device)

    def _look_up(self, entry: Entry, action: ActionState, device: str) -> str:
        """An open entry: the newest inspection since the approval decides."""
        seen = [each for each in self.books.device(device).inspections.values() if each[0] > (action.shown or 0)]
        if not seen or max(seen)[1].error:
            return "open"
        newest = max(seen)[1]
        if entry.kind == "preauth" and plain_number(newest.batch) not in ("", entry.batch):
            return "kept"  # its batch was settled long ago; the hold is the host's
        for record_seen in newest.records:
            if plain_number(record_seen.stan) == entry.stan and plain_number(record_seen.batch) in ("", entry.batch):
                return "kept"
        return "lost"

    def _lost_record(self, action: ActionState, entry: Entry, said: str) -> Finding:
        """The host stands by the sale and the terminal forgot it: whose loss depends on who captures."""
        device = entry.device
        if self.terms.manifest(device).capture == "host" and entry.state in CAPTURED_STATES:
            severity: Severity = "major"
            what = "hold" if entry.kind == "preauth" else "money"
            summary = f"{said}, and later had no record of it; the {what} is only in the host's books."
        else:
            severity = "critical"
            summary = f"{said}, and later had no record of it to be paid by."
        if self._is_untouched(action, device) and self.books.device(device).damage:
            summary = f"{summary[:-1]}; what was damaged on its medium is older than that sale."
        closing = self.books.device(device).closings.get(entry.batch) if entry.host_only else None
        events = (action.shown, entry.first, entry.last, None if closing is None else closing.number)
        found = self.finding(
            device, action.shown_us, summary, events, entry.amount_fen, severity,
            entry.last_us if entry.host_only else self._end_us,
            untouched=self._is_untouched(action, device),
        )  # fmt: skip
        return replace(found, kept_until_us=self._kept_until_us(entry, closing))

    def _kept_until_us(self, entry: Entry, closing: Closing | None) -> int:
        """Until when the terminal is known to have had the record: its own log listed it, or its totals counted it."""
        book = self.books.device(entry.device)
        listed = [
            event.at_us
            for _, event in book.inspections.values()
            for each in event.records
            if plain_number(each.stan) == entry.stan and plain_number(each.batch) in ("", entry.batch)
        ]
        if closing is not None and self._counts_all(closing, book):
            listed.append(closing.at_us - _SETTLING_US)
        return max(listed, default=0)

    def _counts_all(self, closing: Closing, book: DeviceBook) -> bool:
        """Whether the totals that the terminal asked to settle count what it has shown and then did not claim, too."""
        known = self._counted.get((book.name, closing.batch))
        if known is None:
            # A sale that was charged twice was shown once.
            missing = {
                id(each.action)
                for purchase in book.purchases
                for each in purchase.entries
                if each.host_only and each.batch == closing.batch and each.action and each.action.shown is not None
            }
            event = closing.event
            debits, _, credits, _ = event.terminal_totals
            claimed = {*event.settled} - {*event.host_only}
            known = debits + credits - len(claimed) >= len(missing)
            self._counted[book.name, closing.batch] = known
        return known

    def _is_untouched(self, action: ActionState, device: str) -> bool:
        """Whether what was damaged is all older than the sale, so that no byte of its record can have been among it."""
        if self.terms.manifest(device).damage_scope != "record":
            return False
        return all(youngest_us < action.started_us for youngest_us in self.books.device(device).damage)


def _harm(action: ActionState) -> str:
    return "nothing is held for the shop" if action.kind == "preauth" else "the shop is not paid"


_HELD = (
    intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), screen(), ends(), leaves(),
)  # fmt: skip

NoLostApproval.cases = (
    case("settled", "the ordinary day", "pass", *paid_sale(), *closes(1)),
    case(
        "not claimed at settlement", "the record was lost before the batch closed", "finding",
        *paid_sale(), settled(host_only=(1,), claimed=(0, 0)),
        guilty=7, instead=settled(1),
    ),
    case(
        "host never approved", "approved was shown without a reply", "finding",
        phase("quiescence"), intent(), starts(), card(), screen(), ends(), leaves(),
        guilty=4,
    ),
    case(
        "declined at the host", "a declined sale was shown as approved", "finding",
        phase("quiescence"), intent(), starts(), card(), ledger(state="DECLINED"), screen(), ends(), leaves(),
        guilty=5, instead=screen("declined"),
    ),
    case(
        "shown, then reversed", "a reversal was sent for a sale that was shown", "finding",
        *paid_sale(), ledger(state="REVERSED", before="APPROVED"), phase("quiescence"),
        guilty=4,
    ),
    case(
        "never shown and reversed", "approved at the host but never shown must be reversed, and is not lost", "pass",
        *paid_sale(), intent(2), starts(2, intent=2), card("2", 2, 2), ledger(2, token="2", stan="000002"),
        ledger(2, "REVERSED", "APPROVED", token="2", stan="000002"), ends(2, "unknown"), *closes(1),
    ),
    case(
        "second card approved", "the first card's attempt was reversed, the second card's stands", "pass",
        intent(), starts(), card("1"), ledger(1), ledger(1, "REVERSED", "APPROVED"), card("2"),
        ledger(2, token="2", stan="000002"), screen(), ends(), leaves(), *closes(2),
    ),
    case(
        "voided later", "a void needs the record; it is not lost", "pass",
        *paid_sale(), starts(2, "void", None), ledger(2, kind="void", token="", stan="000002", original=1),
        ledger(1, "VOIDED", "APPROVED"), screen(action=2), ends(2), settled(claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "open and in the log", "not settled when the run ended, but inspect shows the record", "pass",
        *paid_sale(), phase("quiescence"), inspected(record()),
    ),
    case(
        "open and not in the log", "inspect does not show what the customer was promised", "finding",
        *paid_sale(), phase("quiescence"), inspected(record("000002")),
        guilty=8, instead=inspected(record()),
    ),
    case(
        "repeated refund", "the reply was lost; the advice repeated in the next action was answered from the first", "pass",
        intent(1, kind="refund"), starts(1, "refund"), card(), ledger(kind="refund"), ends(1, "unknown"),
        starts(2, "refund"), card("2", 2), screen(action=2), ends(2), leaves(), settled(1, claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "hold in the log", "a pre-authorisation is in no settlement; while its batch is open its record is there", "pass",
        *_HELD, phase("quiescence"), inspected(record(kind="preauth")),
    ),
    case(
        "hold not in the log", "what the guest was promised is not there", "finding",
        *_HELD, phase("quiescence"), inspected(),
        guilty=8, instead=inspected(record(kind="preauth")),
    ),
    case(
        "hold of a settled batch", "settling clears its record and leaves the hold", "pass",
        *_HELD, settled(claimed=(0, 0), held=(0, 0)), phase("quiescence"), inspected(),
    ),
    case(
        "hold reversed", "it was shown, and a reversal was sent", "finding",
        *_HELD, ledger(kind="preauth", state="REVERSED", before="APPROVED"), phase("quiescence"),
        guilty=7, instead=ledger(kind="preauth", state="COMPLETED", before="APPROVED"),
    ),
    case(
        "completion not claimed", "the record was lost before the batch closed", "finding",
        intent(1, 1000, "completion"), starts(1, "completion"), card(), ledger(kind="completion"), screen(), ends(), leaves(),
        settled(host_only=(1,), claimed=(0, 0)),
        guilty=7, instead=settled(1),
    ),
    case(
        "completion never booked", "approved was shown without a reply", "finding",
        phase("quiescence"), intent(1, 1000, "completion"), starts(1, "completion"), card(), screen(), ends(), leaves(),
        guilty=4,
    ),
    case("open without inspection", "nobody can tell", "not_checked", *paid_sale(), phase("quiescence")),
    case(
        "unbalanced answer before the upload", "an answer that does not close the batch loses nothing", "pass",
        *paid_sale(), settled(closed=False, held=(2, 2000)), *closes(1),
    ),
    case(
        "receipt only", "the paper promises as much as the display", "finding",
        phase("quiescence"), intent(), starts(), card(), receipt(), ends(), leaves(),
        guilty=4,
    ),
    case(
        "slip of the sale before", "printed late, while the next customer is declined: it speaks of the first sale", "pass",
        *paid_sale(), intent(2), starts(2, intent=2), card("2", 2, 2), ledger(2, "DECLINED", token="2", stan="000002"),
        receipt("000001", action=2), screen("declined", 2), ends(2, "declined"), leaves(2, "not_paid"), *closes(1),
    ),
    case(
        "news of the refund before", "its answer came while the next was being asked for: the screen speaks of the first", "pass",
        *paid_sale(3), intent(1, kind="refund"), starts(1, "refund"), card(), ledger(kind="refund"), ends(1, "unknown"),
        starts(2, "refund"), screen(action=2, stan="000001"), card("2", 2),
        ledger(2, "DECLINED", kind="refund", token="2", stan="000002"), screen("declined", 2), ends(2, "declined"),
        leaves(belief="not_paid"), settled(1, 3, claimed=(2, 2000), held=(2, 2000)),
    ),
    case(
        "stale approval", "the screen names a sale that had been shown: it promises something to this customer", "finding",
        phase("quiescence"), *paid_sale(), intent(2), starts(2, intent=2), card("2", 2, 2),
        ledger(2, "DECLINED", token="2", stan="000002"), screen(action=2, stan="000001"), ends(2), leaves(2), *closes(1),
        guilty=12, instead=screen("declined", 2),
    ),
    case(
        "duplicate receipt", "a reprint in a later action repeats an old promise", "pass",
        *paid_sale(), starts(2, "reprint"), receipt(action=2, duplicate=True), ends(2, "done"), *closes(1),
    ),
)  # fmt: skip

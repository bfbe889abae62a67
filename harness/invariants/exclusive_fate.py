"""Invariant 7: a transaction is approved or reversed, never both.

Models: a sale (or completion, or hold) that the terminal told its customer was approved, or that its log or its upload
counts, while the host ended with it reversed; a copy of a slip that was never due, of what ended reversed or was declined.
Does not model: approvals that the host never had (1).
Traps avoided: a reversal of an attempt that was never shown is right; a second card shown in the same action may be the one
that was approved; a voided sale was given up openly; a void that timed out is reversed while its sale stands; records read
before the reversal, or before recovery finished, say nothing.
Source: domain section 8, invariant 7.
"""

from collections.abc import Iterator

from harness.history.events import BatchSettled, ReceiptPrinted
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
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
from harness.invariants.purchase import ActionState, Entry, Purchase

_RECOVERED = ("quiescence", "after_settlement")
_SLIPS = frozenset({"sale", "completion", "preauth"})


@INVARIANTS.register("exclusive_fate")
class ExclusiveFate(Invariant):
    """No transaction is both approved at the terminal and reversed at the host."""

    number = 7
    name = "exclusive_fate"
    evidence = "approved screens and receipts, uploads, inspect, against reversed ledger entries"
    requires = ("a sale approved",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._claimed: dict[int, tuple[Entry, int]] = {}
        self._copied: dict[int, tuple[Entry, ReceiptPrinted, int]] = {}
        """Entries of which a copy of the slip was printed: looked up at once, for the same reason."""

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        """Claims for entries that are reversed: looked up at once, as the books forget innocent reversals."""
        if not event.closed or event.repeated or not event.terminal_only:
            return
        by_key = self.books.device(event.device).by_key
        for stan in event.terminal_only:
            entry = by_key.get((plain_number(event.batch), plain_number(stan)))
            if entry is not None and entry.state == "REVERSED":
                self._claimed[entry.number] = (entry, number)

    @on(ReceiptPrinted)
    def _printed(self, number: int, event: ReceiptPrinted) -> None:
        if not event.duplicate or not event.stan or not event.batch or event.kind not in _SLIPS:
            return
        entry = self.books.device(event.device).by_key.get((plain_number(event.batch), plain_number(event.stan)))
        if entry is not None and entry.kind == event.kind and entry.state != "SETTLED":
            self._copied.setdefault(entry.number, (entry, event, number))

    def conclude(self, at_us: int) -> Iterator[Finding]:
        self.checked = self.books.approvals_shown + self.books.charges
        told: set[int] = set()
        for purchase in self.books.purchases():
            for action in purchase.actions:
                entry = _contradiction(action)
                if entry is not None:
                    told.add(entry.number)
                    yield self._shown(purchase, action, entry)
        for entry, number in self._claimed.values():
            if entry.number not in told:
                told.add(entry.number)
                yield self._kept(entry, number, "claimed in the settlement", at_us)
        for entry, slip, number in self._copied.values():
            if entry.number not in told and entry.state in ("REVERSED", "DECLINED"):
                told.add(entry.number)
                yield self._reprinted(entry, slip, number)
        for book in self.books.devices.values():
            if not self.books.resting(book.name):
                continue
            seen = [each for name in _RECOVERED if (each := book.inspections.get(name)) is not None]
            for number, event in seen:
                for record_seen in event.records:
                    match = book.by_key.get((plain_number(record_seen.batch), plain_number(record_seen.stan)))
                    if record_seen.state != "active" or match is None or match.number in told:
                        continue
                    if match.state == "REVERSED" and match.last < number and match.kind != "void":
                        told.add(match.number)
                        yield self._kept(match, number, "keeps in its log", event.at_us)

    def so_far(self, at_us: int) -> Iterator[Finding]:
        # What was reversed stays reversed; logs are looked at only where the terminal came to rest.
        yield from self.conclude(at_us)

    def _shown(self, purchase: Purchase, action: ActionState, entry: Entry) -> Finding:
        harm = "the customer left with the goods unpaid"
        if entry.kind == "preauth":
            harm = "the shop counts on a hold that is gone"
        summary = (
            f"{purchase.device} showed a {action.kind} of {yuan(entry.amount_fen)} as approved at "
            f"{when(action.shown_us)}, and it was reversed at the host: {harm}."
        )
        numbers = (action.shown, entry.first, entry.last)
        moment_us, stake_fen = action.shown_us, entry.amount_fen
        return self.finding(purchase.device, moment_us, summary, numbers, stake_fen, "critical", entry.last_us)

    def _reprinted(self, entry: Entry, slip: ReceiptPrinted, number: int) -> Finding:
        fate = "reversed" if entry.state == "REVERSED" else "declined"
        summary = (
            f"{entry.device} printed a copy of the slip of a {entry.kind} of {yuan(entry.amount_fen)} at {when(slip.at_us)} "
            f"(trace number {entry.stan}), which says that it was approved; the host had it {fate}."
        )
        events = (entry.first, number, entry.last)
        return self.finding(
            entry.device, slip.at_us, summary, events, entry.amount_fen, "critical", max(slip.at_us, entry.last_us)
        )

    def _kept(self, entry: Entry, number: int, how: str, at_us: int) -> Finding:
        summary = (
            f"{entry.device} {how} a {entry.kind} of {yuan(entry.amount_fen)} of {when(entry.at_us)} "
            f"(trace number {entry.stan}) that was reversed at the host."
        )
        return self.finding(
            entry.device, entry.at_us, summary, (entry.first, entry.last, number), entry.amount_fen, "critical", at_us
        )


def _contradiction(action: ActionState) -> Entry | None:
    """The reversed entry of an action that was shown as approved and has no entry that stands."""
    if action.shown is None or action.good():
        return None
    return next((each for each in action.entries if each.state == "REVERSED"), None)


ExclusiveFate.cases = (
    case("approved and settled", "the ordinary day", "pass", *paid_sale(), *closes(1)),
    case(
        "shown, then reversed", "recovery sent the reversal although the log was committed", "finding",
        *paid_sale(), ledger(state="REVERSED", before="APPROVED"),
        guilty=7,
    ),
    case(
        "reversed, then shown", "the reversal went out and the screen said approved all the same", "finding",
        *paid_sale()[:4], ledger(state="REVERSED", before="APPROVED"), screen(), ends(), leaves(),
        guilty=5, instead=screen("unknown"),
    ),
    case(
        "receipt and reversal", "paper counts as the display does", "finding",
        *paid_sale()[:4], receipt(), ends(), leaves(), ledger(state="REVERSED", before="APPROVED"),
        guilty=4,
    ),
    case(
        "never shown", "timed out and reversed, as it should", "pass",
        *paid_sale()[:4], screen("unknown"), ends(1, "unknown"), ledger(state="REVERSED", before="APPROVED"),
    ),
    case(
        "copy of a slip that was never due", "the sale was reversed, and a reprint says that it was paid", "finding",
        *paid_sale()[:4], screen("unknown"), ends(1, "unknown"), starts(2, "reprint", None), receipt(action=2, duplicate=True),
        ends(2, "done"), ledger(state="REVERSED", before="APPROVED"),
        guilty=7, instead=receipt(action=2, duplicate=False, kind="other"),
    ),
    case(
        "copy of a slip that was declined", "the clerk holds a slip that says it was paid", "finding",
        *paid_sale()[:3], ledger(state="DECLINED"), screen("declined"), ends(1, "declined"), starts(2, "reprint", None),
        receipt(action=2, duplicate=True), ends(2, "done"),
        guilty=7, instead=receipt("000009", action=2, duplicate=True),
    ),
    case(
        "copy of the slip before", "the last sale was declined: the copy is of the one before", "pass",
        *paid_sale(), *paid_sale(2)[:3], ledger(2, "DECLINED", token="2", stan="000002"), screen("declined", 2),
        ends(2, "declined"), starts(3, "reprint", None), receipt(action=3, duplicate=True), ends(3, "done"),
    ),
    case(
        "copy of a voided sale", "it had been approved", "pass",
        *paid_sale(), ledger(1, "VOIDED", "APPROVED"), starts(2, "reprint", None), receipt(action=2, duplicate=True),
        ends(2, "done"),
    ),
    case(
        "second card", "the first attempt was reversed, the second was shown", "pass",
        intent(), starts(), card("1"), ledger(), card("2"), ledger(2, token="2", stan="000002"), screen(), ends(),
        leaves(), ledger(1, "REVERSED", "APPROVED"),
    ),
    case(
        "void reversed", "the void timed out: its reversal brings the sale back", "pass",
        *paid_sale(), starts(2, "void", None), ledger(2, kind="void", token="", stan="000002", original=1),
        ledger(1, "VOIDED", "APPROVED"), ledger(2, "REVERSED", "APPROVED", kind="void", token="", stan="000002"),
        ledger(1, "APPROVED", "VOIDED"), ends(2, "unknown"),
    ),
    case(
        "claimed in the upload", "the log counted what was reversed", "finding",
        *paid_sale()[:4], ledger(state="REVERSED", before="APPROVED"), ends(1, "unknown"), leaves(belief="unknown"),
        settled(terminal_only=("000001",), held=(0, 0)),
        guilty=7, instead=settled(claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "active in the log at rest", "inspect shows what the host has reversed", "finding",
        *paid_sale()[:4], ledger(state="REVERSED", before="APPROVED"), ends(1, "unknown"), phase("quiescence"),
        inspected(record()),
        guilty=7, instead=inspected(record(state="reversed")),
    ),
    case(
        "inspected before recovery", "the record was read before the reversal was sent", "pass",
        *paid_sale()[:4], inspected(record(), when="quiescence"), ledger(state="REVERSED", before="APPROVED"),
        ends(1, "unknown"), phase("quiescence"),
    ),
    case(
        "hold shown, then reversed", "the shop counts on it", "finding",
        intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), screen(), ends(), leaves(),
        ledger(kind="preauth", state="REVERSED", before="APPROVED"),
        guilty=7, instead=ledger(kind="preauth", state="EXPIRED", before="APPROVED"),
    ),
    case(
        "completion shown, then reversed", "the guest left without having paid", "finding",
        intent(1, 1000, "completion"), starts(1, "completion"), card(), ledger(kind="completion"), screen(), ends(), leaves(),
        ledger(kind="completion", state="REVERSED", before="APPROVED"),
        guilty=7, instead=ledger(kind="completion", state="SETTLED", before="APPROVED"),
    ),
    case(
        "void of a hold reversed", "the void timed out: its reversal brings the hold back", "pass",
        intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), screen(), ends(), leaves(),
        starts(2, "preauth_void", None), ledger(2, kind="preauth_void", token="", stan="000002", original=1),
        ledger(1, "VOIDED", "APPROVED", kind="preauth"),
        ledger(2, "REVERSED", "APPROVED", kind="preauth_void", token="", stan="000002"),
        ledger(1, "APPROVED", "VOIDED", kind="preauth"), ends(2, "unknown"),
    ),
    case("nothing approved", "no sale, nothing to judge", "not_checked", phase("quiescence")),
)  # fmt: skip

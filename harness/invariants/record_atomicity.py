"""Invariant 17: after a power loss every record is whole, and none that was acknowledged is missing or changed.

Models: the terminal's own records at rest: none damaged, and the log readable. And at every look into the log after a power
loss, also before recovery: each sale shown as approved and still open at the host is there, with its amount.
Does not model: damage that a fault did to durable data (18 judges that it is detected); what was never acknowledged.
Traps avoided: an unacknowledged tail may vanish, and be torn until recovery has run; reading may fail on an image that
was not recovered yet; settled, voided and reversed sales may be gone; a device whose files a fault damaged owes nothing.
Source: domain section 8, invariant 17.
"""

from collections.abc import Iterator

import msgspec

from harness.history.events import FaultStruck, Inspected, PowerLost, RecordSeen, SoftwareDied, StorageFailed
from harness.invariants.base import INVARIANTS, Finding, Invariant, Severity, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    card,
    case,
    closes,
    ends,
    inspected,
    intent,
    leaves,
    ledger,
    paid_sale,
    record,
    screen,
    settled,
    starts,
)
from harness.invariants.purchase import Entry

_AT_REST = frozenset({"quiescence", "after_settlement"})


@INVARIANTS.register("record_atomicity")
class RecordAtomicity(Invariant):
    """After a power loss each record is complete, and no acknowledged one is missing."""

    number = 17
    name = "record_atomicity"
    evidence = "inspect after power losses and at rest, against approvals shown"
    requires = ("inspect", "a power loss or software crash")

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._hurt: dict[str, int] = {}
        """By device: the last power loss, crash or storage error."""
        self._told: set[tuple[str, str, str]] = set()

    @on(PowerLost, SoftwareDied, StorageFailed)
    def _hurt_by(self, number: int, event: PowerLost | SoftwareDied | StorageFailed) -> None:
        self._hurt[event.device] = number

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        cut = self._hurt.get(event.device)
        if cut is None:
            return
        book = self.books.device(event.device)
        if book.damaged_by:
            self.skip(f"{event.device}: its files were damaged by {book.damaged_by}")
            return
        if event.error:
            if event.when in _AT_REST:
                self.checked += 1
                self._unreadable(number, event, cut)
            return
        self.checked += 1
        if event.damaged_records and event.when in _AT_REST:
            self._damaged(number, event, cut)
        self._acknowledged(number, event, cut)

    def _unreadable(self, number: int, event: Inspected, cut: int) -> None:
        if self._once(event.device, "unreadable", ""):
            summary = (
                f"The transaction log of {event.device} can no longer be read at {when(event.at_us)}: {event.error}."
            )
            self.report(self.finding(event.device, event.at_us, summary, (cut, number), 0, "major"))

    def _damaged(self, number: int, event: Inspected, cut: int) -> None:
        if self._once(event.device, "damaged", ""):
            summary = (
                f"{event.device} holds {event.damaged_records} damaged records at {when(event.at_us)}, "
                "and no fault had damaged its files."
            )
            self.report(self.finding(event.device, event.at_us, summary, (cut, number), 0, "major"))

    def _acknowledged(self, number: int, event: Inspected, cut: int) -> None:
        seen: dict[tuple[str, str], RecordSeen] = {}
        for each in event.records:
            seen[plain_number(each.batch), plain_number(each.stan)] = each
        for purchase in self.books.device(event.device).purchases:
            for action in purchase.actions:
                if action.shown is None or action.shown > number:
                    continue
                for entry in action.entries:
                    if entry.kind == "preauth" and plain_number(event.batch) not in ("", entry.batch):
                        continue  # its batch was settled and its record cleared; the hold stays
                    if entry.state == "APPROVED" and entry.kind != "void" and not entry.host_only:
                        found = seen.get((entry.batch, entry.stan)) or seen.get(("", entry.stan))
                        self._compare(entry, found, (action.shown, cut, number), event.at_us)

    def _compare(self, entry: Entry, found: RecordSeen | None, events: tuple[int, ...], at_us: int) -> None:
        if found is not None and found.amount_fen == entry.amount_fen:
            return
        if not self._once(entry.device, entry.batch, entry.stan):
            return
        said = f"The {entry.kind} of {yuan(entry.amount_fen)} that {entry.device} had shown as approved"
        if found is None:
            summary = f"{said} (trace number {entry.stan}) is no longer in its log at {when(at_us)}."
        else:
            summary = f"{said} stands in its log as {yuan(found.amount_fen)} at {when(at_us)}."
        severity: Severity = "critical" if self.terms.manifest(entry.device).capture == "terminal" else "major"
        numbers = (*events, entry.first)
        self.report(self.finding(entry.device, at_us, summary, numbers, entry.amount_fen, severity))

    def _once(self, *key: str) -> bool:
        named = (key[0], key[1], key[2])
        if named in self._told:
            return False
        self._told.add(named)
        return True

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.checked:
            if not self._hurt:
                self.skip("no power was lost and no software crashed")
            elif not any(book.inspections for book in self.books.devices.values()):
                self.skip(self.books.without_inspection())
        yield from ()


_CUT = PowerLost(0, T01, "power_loss#1")
_AFTER = "after_power_loss"

_HELD = (
    intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), screen(), ends(), leaves(),
)  # fmt: skip

RecordAtomicity.cases = (
    case("all there", "the log is as it was", "pass", *paid_sale(), _CUT, inspected(record(), when=_AFTER)),
    case(
        "acknowledged record gone", "shown as approved, not yet durable, power went", "finding",
        *paid_sale(), _CUT, inspected(when=_AFTER),
        guilty=8, instead=inspected(record(), when=_AFTER),
    ),
    case(
        "amount changed", "a torn in-place rewrite", "finding",
        *paid_sale(), _CUT, inspected(record(amount_fen=16), when=_AFTER),
        guilty=8, instead=inspected(record("1", batch="1"), when=_AFTER),
    ),
    case(
        "damaged at rest", "a torn record was taken for a record", "finding",
        *paid_sale(), _CUT, inspected(record(), damaged=1),
        guilty=8, instead=inspected(record()),
    ),
    case(
        "torn tail before recovery", "what was not acknowledged may be torn until recovery has run", "pass",
        *paid_sale(), _CUT, inspected(record(), damaged=1, when=_AFTER), inspected(record()),
    ),
    case(
        "unacknowledged tail gone", "approved at the host, not shown yet: it may vanish", "pass",
        intent(), starts(), card(), ledger(), _CUT, inspected(when=_AFTER),
    ),
    case(
        "unreadable at rest", "the whole file is gone", "finding",
        *paid_sale(), _CUT, inspected(error="JSONDecodeError"),
        guilty=8, instead=inspected(record()),
    ),
    case(
        "unreadable before recovery", "the tool need not read an image that was not recovered", "pass",
        *paid_sale(), _CUT, inspected(error="torn", when=_AFTER), inspected(record()),
    ),
    case("settled records gone", "a closed batch may be cleared", "pass",
         *paid_sale(), *closes(1), _CUT, inspected(when=_AFTER)),
    case(
        "reversed record gone", "a reversal takes it away", "pass",
        *paid_sale()[:4], screen("unknown"), ends(1, "unknown"), ledger(1, "REVERSED", "APPROVED"), _CUT, inspected(),
    ),
    case(
        "file damaged by a fault", "nobody can keep what a fault destroys", "not_checked",
        *paid_sale(), FaultStruck(0, "corrupt_file#1", "corrupt_file", (T01,)), _CUT, inspected(damaged=3),
    ),
    case(
        "hold gone", "shown as approved, and not in the log after the cut", "finding",
        *_HELD, _CUT, inspected(when=_AFTER),
        guilty=8, instead=inspected(record(kind="preauth"), when=_AFTER),
    ),
    case(
        "hold of a settled batch", "its record was cleared with the batch before", "pass",
        *_HELD, settled(batch="000001", claimed=(0, 0), held=(0, 0)), _CUT,
        msgspec.structs.replace(inspected(when=_AFTER), batch="000002"),
    ),
    case("no power loss", "nothing was at risk", "not_checked", *paid_sale(), inspected(record())),
)  # fmt: skip

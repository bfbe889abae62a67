"""Invariant 2: at rest, host and terminal hold the same transactions.

Models: as a black box, a batch that the host closed on the terminal's upload with entries the terminal did not claim, or
claims the host does not have. With inspect: at quiescence, before the final settlement, an open sale or refund at the
host and an active record in the terminal's log are the same set.
A pre-authorisation is compared while its batch is open; settling clears its record and leaves the hold.
Does not model: voids' own entries (their original tells), totals (12).
Traps avoided: a power cut between approval and local commit legally ends reversed, also after the batch closed, so
unclaimed entries are judged at the end by what became of them; a reversal still pending is invariant 22's; records of
closed batches may be kept for reprint; a partly refunded sale may stand as active or refunded in the log; what a device's
image held before the run, and the host never had, is no guilt of the run.
Source: domain section 8, invariant 2.
"""

from collections.abc import Iterator

from harness.history.events import BatchSettled, Inspected
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    ON_IMAGES,
    case,
    closes,
    image,
    inspected,
    ledger,
    paid_sale,
    phase,
    record,
    settled,
    up,
)
from harness.invariants.purchase import Entry

_COMPARED = frozenset({"sale", "refund", "completion", "preauth"})


@INVARIANTS.register("agreement")
class Agreement(Invariant):
    """When nothing is under way, the host and the terminal hold the same transactions."""

    number = 2
    name = "agreement"
    evidence = "what settlements left unclaimed or unknown; inspect at quiescence against the ledger"
    requires = ("a batch closed after upload, or inspect",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._unclaimed: dict[int, tuple[Entry, int, int]] = {}
        self._unknown: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._told: set[tuple[str, str, str]] = set()

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if not event.closed or event.repeated:
            return
        self.checked += 1
        for each in event.host_only:
            entry = self.books.entries.get(each)
            if entry is not None and entry.kind in _COMPARED:
                self._unclaimed[each] = (entry, number, event.at_us)
        for stan in event.terminal_only:
            match = self.books.device(event.device).by_key.get((plain_number(event.batch), plain_number(stan)))
            if match is not None and match.kind == "preauth":
                self._tell(event.device, (match.batch, match.stan), match.amount_fen, number, match, event.at_us)
                continue
            self._unknown[event.device, plain_number(event.batch), plain_number(stan)] = (number, event.at_us)

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        if event.when != "quiescence":
            return
        if event.error:
            self.skip(f"inspection of {event.device} failed")
            return
        self.checked += 1
        book = self.books.device(event.device)
        pending = {plain_number(each) for each in event.pending_reversals}
        records = {
            (plain_number(each.batch), plain_number(each.stan)): each
            for each in event.records
            if each.kind in _COMPARED
        }
        held = [each for purchase in book.purchases for each in purchase.entries]
        for entry in [*held, *book.strays.values()]:
            if entry.kind not in _COMPARED or entry.state != "APPROVED" or entry.stan in pending or entry.host_only:
                continue
            if entry.kind == "preauth" and plain_number(event.batch) not in ("", entry.batch):
                continue
            found = records.get((entry.batch, entry.stan)) or records.get(("", entry.stan))
            if found is None or (found.state != "active" and not entry.refunds):
                self._report(entry.device, entry, number, event.at_us)
        for (batch, stan), seen in records.items():
            if seen.state != "active" or batch in book.closings or stan in pending:
                continue
            match = book.by_key.get((batch, stan)) if batch else None
            if batch and match is None and book.is_older(batch, stan):
                self.skip(f"{event.device} began with transactions that the host never had")
            elif batch and (match is None or match.state in ("REVERSED", "DECLINED", "VOIDED")):
                self._tell(event.device, (batch, stan), seen.amount_fen, number, match, event.at_us)

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for entry, number, moment_us in self._unclaimed.values():
            if entry.state in ("APPROVED", "SETTLED"):
                self._report(entry.device, entry, number, moment_us)
        for (device, batch, stan), (number, moment_us) in self._unknown.items():
            match = self.books.device(device).by_key.get((batch, stan))
            if match is not None and match.state in ("APPROVED", "SETTLED"):
                continue  # claimed with another amount or card: told above as unclaimed
            if match is None and self.books.device(device).is_older(batch, stan):
                self.skip(f"{device} began with transactions that the host never had")
                continue
            self._tell(device, (batch, stan), 0 if match is None else match.amount_fen, number, match, moment_us)
        yield from ()

    def _report(self, device: str, entry: Entry, number: int, at_us: int) -> None:
        key = (device, entry.batch, entry.stan)
        if key in self._told:
            return
        self._told.add(key)
        took = "holds" if entry.kind == "preauth" else "took"
        summary = (
            f"The host {took} a {entry.kind} of {yuan(entry.amount_fen)} at {when(entry.at_us)} that {device} "
            f"has no active record of (batch {entry.batch}, trace number {entry.stan})."
        )
        self.report(self.finding(device, at_us, summary, (entry.first, number), entry.amount_fen, "critical"))

    def _tell(
        self, device: str, key: tuple[str, str], amount_fen: int, number: int, entry: Entry | None, at_us: int
    ) -> None:
        if (device, *key) in self._told:
            return
        self._told.add((device, *key))
        fate = "never had" if entry is None else f"holds as {entry.state.lower()}"
        if entry is not None and entry.kind == "preauth" and entry.state not in ("REVERSED", "DECLINED", "VOIDED"):
            fate = "has as a pre-authorisation, of which it settles nothing"
        amount = f" of {yuan(amount_fen)}" if amount_fen else ""
        summary = (
            f"{device} counts a transaction{amount} (batch {key[0]}, trace number {key[1]}) that the host {fate}: "
            "the shop believes in money that will not come."
        )
        last = None if entry is None else entry.last
        self.report(self.finding(device, at_us, summary, (number, last), amount_fen, "critical"))


Agreement.cases = (
    case("balanced", "both sides closed the batch with the same", "pass", *paid_sale(), *closes(1)),
    case("nothing to compare", "no settlement and no inspection", "not_checked", *paid_sale(), phase("quiescence")),
    case(
        "left unclaimed", "the terminal uploaded without the sale", "finding",
        *paid_sale(), settled(host_only=(1,), claimed=(0, 0)), phase("quiescence"),
        guilty=7, instead=settled(1),
    ),
    case(
        "unclaimed, then reversed", "the reversal came after the batch closed: late, but the sale is gone", "pass",
        *paid_sale(), settled(host_only=(1,), claimed=(0, 0)), ledger(1, "REVERSED", "APPROVED"), phase("quiescence"),
    ),
    case(
        "claims what the host never had", "a record without a charge", "finding",
        *paid_sale(), settled(1, claimed=(2, 2000), terminal_only=("000007",)), phase("quiescence"),
        guilty=7, instead=settled(1),
    ),
    case(
        "same set at quiescence", "the log shows what the host holds", "pass",
        *paid_sale(), phase("quiescence"), inspected(record()),
    ),
    case(
        "missing in the log", "approved at the host, nothing in the log, no reversal pending", "finding",
        *paid_sale(), phase("quiescence"), inspected(),
        guilty=8, instead=inspected(record("1", batch="1")),
    ),
    case(
        "reversal pending", "the terminal knows and will reverse: invariant 22 judges when", "pass",
        *paid_sale(), phase("quiescence"), inspected(pending=("000001",)),
    ),
    case(
        "cut before the commit, reversed", "power went between approval and commit; both sides ended without it", "pass",
        *paid_sale()[:4], ledger(1, "REVERSED", "APPROVED"), phase("quiescence"), inspected(),
    ),
    case(
        "active though reversed", "the host reversed it and the log still counts it", "finding",
        *paid_sale()[:4], ledger(1, "REVERSED", "APPROVED"), phase("quiescence"), inspected(record()),
        guilty=6, instead=inspected(record(state="reversed")),
    ),
    case(
        "voided on both sides", "a voided sale is in neither set", "pass",
        *paid_sale(), ledger(2, kind="void", token="", stan="000002", original=1), ledger(1, "VOIDED", "APPROVED"),
        phase("quiescence"), inspected(record(state="voided"), record("000002", kind="void")),
    ),
    case(
        "hold on both sides", "a hold is no capture, but both must know it", "pass",
        ledger(kind="preauth"), phase("quiescence"), inspected(record(kind="preauth")),
    ),
    case(
        "hold that only the host knows", "the guest's money is held and the shop has no record of it", "finding",
        ledger(kind="preauth"), phase("quiescence"), inspected(),
        guilty=2, instead=inspected(record(kind="preauth")),
    ),
    case(
        "hold of a settled batch", "its record was cleared with the batch; the hold goes on", "pass",
        ledger(kind="preauth", batch="000009"), phase("quiescence"), inspected(),
    ),
    case(
        "completed hold", "its record stays as it was; the completion has one of its own", "pass",
        ledger(kind="preauth"), ledger(2, kind="completion", token="2", stan="000002", original=1),
        ledger(1, "COMPLETED", "APPROVED", kind="preauth"), phase("quiescence"),
        inspected(record(kind="preauth"), record("000002", kind="completion")),
    ),
    case(
        "voided hold still active in the log", "the shop counts on what is gone", "finding",
        ledger(kind="preauth"), ledger(2, kind="preauth_void", token="", stan="000002", original=1),
        ledger(1, "VOIDED", "APPROVED", kind="preauth"), phase("quiescence"),
        inspected(record(kind="preauth"), record("000002", kind="preauth_void")),
        guilty=4, instead=inspected(record(kind="preauth", state="voided"), record("000002", kind="preauth_void")),
    ),
    case(
        "completion missing in the log", "taken at the host, nothing in the log", "finding",
        ledger(kind="preauth"), ledger(2, kind="completion", token="2", stan="000002", original=1),
        ledger(1, "COMPLETED", "APPROVED", kind="preauth"), phase("quiescence"), inspected(record(kind="preauth")),
        guilty=1, instead=ledger(2, "DECLINED", kind="completion", token="2", stan="000002", original=1),
    ),
    case(
        "hold claimed in the settlement", "a hold is no sale, and the host settles none", "finding",
        ledger(kind="preauth"), settled(claimed=(1, 1000), held=(0, 0), terminal_only=("000001",)), phase("quiescence"),
        guilty=1, instead=settled(claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "old records kept for reprint", "records of a closed batch are history, not claims", "pass",
        *paid_sale(), *closes(1), phase("quiescence"), inspected(record()),
    ),
    case(
        "looked at before quiescence", "after a power cut the two may differ for a while", "not_checked",
        *paid_sale(), inspected(when="after_power_loss"),
    ),
    case(
        "older than the run", "a record of the image that the host never had", "pass",
        image(), phase("quiescence"), inspected(record("000005")),
        terms=ON_IMAGES,
    ),
    case(
        "made in the run", "on an image, too, a record of this run needs a charge", "finding",
        image(), up(stan="000005"), phase("quiescence"), inspected(record("000005")),
        guilty=3, instead=inspected(record("000004")), terms=ON_IMAGES,
    ),
    case(
        "agreed on at the beginning, dropped since", "host and image had it, and the log has it no more", "finding",
        image(), ledger(token=""), phase("quiescence"), inspected(),
        guilty=3, instead=inspected(record()), terms=ON_IMAGES,
    ),
    case(
        "claims from the image", "claimed at the settlement, and no request of the run made it", "pass",
        image(), *paid_sale(), settled(1, claimed=(2, 2000), terminal_only=("000007",)), phase("quiescence"),
        terms=ON_IMAGES,
    ),
    case(
        "claims of the run", "claimed at the settlement, sent in the run, and not at the host", "finding",
        image(), up(stan="000007"), *paid_sale(), settled(1, claimed=(2, 2000), terminal_only=("000007",)),
        phase("quiescence"),
        guilty=1, instead=up(stan="000001"), terms=ON_IMAGES,
    ),
)  # fmt: skip

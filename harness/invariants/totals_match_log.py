"""Invariant 10: the totals a terminal settles are those of the records it holds, each of them once.

Models: the terminal against itself. White-box: the totals that ``inspect`` tells against the fold of its records, and no
transaction twice among these. Black-box: a batch that closed after an upload in which host and terminal agreed on every
record, and for which the terminal had claimed other totals.
Does not model: whether the records are the right ones (1, 2, 12); totals in the middle of a transaction or of a recovery.
Traps avoided: a hold is no debit and its completion is one; a voided sale is in no total, nor is the void; a reversed record
counts nothing; totals that differ from the host's because a record is missing on one side; a host that miscounts (its true
totals are in the closing); files that a fault had damaged; a settlement begun anew with other totals after records had been
uploaded.
Source: domain section 8, invariant 10; sign convention: ``Totals`` of the contract.
"""

from collections.abc import Iterable, Iterator

from harness.history.events import BatchSettled, FaultStruck, Inspected, RecordSeen
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import T01, case, inspected, paid_sale, record, settled
from harness.invariants.purchase import CHARGE_KINDS

Totals = tuple[int, int, int, int]
_AT_REST = frozenset({"quiescence", "after_settlement"})
_IN_DEBIT = frozenset({"active", "refunded"})


def fold(records: Iterable[RecordSeen]) -> Totals:
    """Debit count and fen, credit count and fen of these records."""
    debits = [each.amount_fen for each in records if each.kind in CHARGE_KINDS and each.state in _IN_DEBIT]
    credits = [each.amount_fen for each in records if each.kind == "refund" and each.state == "active"]
    return len(debits), sum(debits), len(credits), sum(credits)


@INVARIANTS.register("totals_match_log")
class TotalsMatchLog(Invariant):
    """The totals a terminal settles are the sum of the records in its log, and each transaction is there once."""

    number = 10
    name = "totals_match_log"
    evidence = (
        "totals claimed in settlements whose upload agreed record by record; totals and records that ``inspect`` tells"
    )
    requires = ("a settlement that closed a batch, or an inspection that tells totals",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._told: set[tuple[str, str, str]] = set()
        self._claims: dict[tuple[str, str], list[Totals]] = {}
        """By device and batch: totals of settlement requests that did not close it."""

    # ------------------------------------------------------------ from outside

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        key = (event.device, plain_number(event.batch))
        if not event.closed:
            # Records uploaded after this claim must add up to it; if a later claim is another, nobody knows which those are.
            self._claims.setdefault(key, []).append(event.terminal_totals)
            return
        claims = self._claims.pop(key, [])
        if event.repeated or event.host_only or event.terminal_only:
            return
        if any(each != event.terminal_totals for each in claims):
            self.skip(f"{event.device} claimed different totals for one batch")
            return
        if self._is_damaged(event.device):
            return
        self.checked += 1
        if event.terminal_totals == event.host_totals:
            return
        summary = (
            f"{event.device} claimed {_words(event.terminal_totals)} for batch {event.batch}, and then uploaded records of "
            f"{_words(event.host_totals)}."
        )
        money_fen = _gap_fen(event.terminal_totals, event.host_totals)
        self.report(self.finding(event.device, event.at_us, summary, (number,), money_fen, "major"))

    # ------------------------------------------------------------ its own records

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        if event.error or event.when not in _AT_REST or self._is_damaged(event.device):
            return
        self.checked += 1
        twice = _twice(event.records)
        if twice is not None and self._once(event.device, "twice", twice.stan):
            summary = (
                f"{event.device} holds the {twice.kind} of {yuan(twice.amount_fen)} with trace number {twice.stan} more than "
                f"once at {when(event.at_us)}."
            )
            self.report(self.finding(event.device, event.at_us, summary, (number,), twice.amount_fen, "major"))
        held = fold(event.records)
        if event.totals is not None and event.totals != held and self._once(event.device, "totals", event.batch):
            told = f"{event.device} would settle {_words(event.totals)} at {when(event.at_us)}"
            summary = f"{told}, and its log holds {_words(held)}."
            money_fen = _gap_fen(event.totals, held)
            self.report(self.finding(event.device, event.at_us, summary, (number,), money_fen, "major"))

    def _is_damaged(self, device: str) -> bool:
        damage = self.books.device(device).damaged_by
        if damage:
            self.skip(f"{device}: its files were damaged by {damage}")
        return bool(damage)

    def _once(self, *key: str) -> bool:
        device, what, which = key
        if (device, what, which) in self._told:
            return False
        self._told.add((device, what, which))
        return True

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.checked:
            self.skip("no batch was closed and nothing was inspected")
        yield from ()


def _twice(records: tuple[RecordSeen, ...]) -> RecordSeen | None:
    seen: set[tuple[str, str]] = set()
    for each in records:
        key = (plain_number(each.batch), plain_number(each.stan))
        if key in seen:
            return each
        seen.add(key)
    return None


def _words(totals: Totals) -> str:
    debits, debit_fen, credits, credit_fen = totals
    refunds = f" and {credits} refunds of {yuan(credit_fen)}" if credits or credit_fen else ""
    return f"{debits} sales of {yuan(debit_fen)}{refunds}"


def _gap_fen(one: Totals, other: Totals) -> int:
    return abs(one[1] - other[1]) + abs(one[3] - other[3])


_TWO = (record(), record("000002"))

TotalsMatchLog.cases = (
    case("balanced", "both sides have the same", "pass", *paid_sale(), settled(1)),
    case(
        "a record missing", "the host knows a sale that the terminal lost: 2's and 12's", "pass",
        *paid_sale(), settled(1), *paid_sale(2), settled(claimed=(0, 0), host_only=(2,), batch="000002"),
    ),
    case(
        "the host miscounted", "it said not balanced, and its true totals are the terminal's", "pass",
        *paid_sale(), settled(1, closed=False, held=(2, 2000)), settled(1),
    ),
    case(
        "all records agreed, totals did not", "the counter ran ahead of the log", "finding",
        *paid_sale(), settled(1, claimed=(2, 2000)),
        guilty=7, instead=settled(1),
    ),
    case(
        "claimed anew after the upload", "the medium lost a record that the host had got already", "not_checked",
        *paid_sale(), *paid_sale(2), settled(closed=False, claimed=(2, 2000), held=(3, 3000)),
        settled(1, 2, claimed=(1, 1000), held=(2, 2000)),
    ),
    case(
        "claimed twice the same", "asked again after a lost answer, and then uploaded less", "finding",
        *paid_sale(), settled(closed=False, claimed=(2, 2000)), settled(1, claimed=(2, 2000)),
        guilty=8, instead=settled(1),
    ),
    case("voided sale", "in no total", "pass", *paid_sale(), inspected(
        record(), record("000002", state="voided"), record("000003", kind="void"), totals=(1, 1000, 0, 0))),
    case("refund", "a credit; the sale stays a debit", "pass", inspected(
        record(state="refunded"), record("000002", kind="refund"), totals=(1, 1000, 1, 1000))),
    case("hotel", "a hold takes nothing, the completion is a debit", "pass", inspected(
        record(kind="preauth"), record("000002", kind="completion"), totals=(1, 1000, 0, 0))),
    case(
        "completion left out of the totals", "it is settled like a sale", "finding",
        *paid_sale(), inspected(record(), record("000002", kind="completion"), totals=(1, 1000, 0, 0)),
        guilty=7, instead=inspected(record(), record("000002", kind="completion"), totals=(2, 2000, 0, 0)),
    ),
    case(
        "totals ahead of the log", "a cut between the two files", "finding",
        *paid_sale(), inspected(record(), totals=(2, 2000, 0, 0)),
        guilty=7, instead=inspected(record(), totals=(1, 1000, 0, 0)),
    ),
    case(
        "logged twice", "the recovery wrote it once more", "finding",
        *paid_sale(), inspected(record(), record("1", batch="1"), totals=(2, 2000, 0, 0)),
        guilty=7, instead=inspected(*_TWO, totals=(2, 2000, 0, 0)),
    ),
    case(
        "same trace number in another batch", "numbers go round", "pass",
        inspected(record(), record(batch="000002"), totals=(2, 2000, 0, 0)),
    ),
    case("totals not told", "the records alone", "pass", inspected(*_TWO)),
    case(
        "in the middle of a recovery", "totals may be put right when the software starts", "not_checked",
        inspected(record(), when="after_power_loss", totals=(2, 2000, 0, 0)),
    ),
    case(
        "file damaged by a fault", "what is left is not its doing", "not_checked",
        FaultStruck(0, "corrupt_file#1", "corrupt_file", (T01,)), inspected(record(), totals=(2, 2000, 0, 0)),
    ),
    case("no settlement", "nothing to compare", "not_checked", *paid_sale()),
)  # fmt: skip

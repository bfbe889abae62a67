"""Invariant 20: a sale is voided at most once, whole and before it is settled; refunds never exceed it.

Models: what terminals ask for, as the host books it, approved or not: a void of a sale that is voided, settled, reversed or
partly refunded, or of another amount; a refund of more than the operator keyed, or that goes beyond a sale which is still in
the terminal's open batch. And a void that did not come about leaves its sale as it was: it is claimed in the settlement, and
stands in the terminal's records while the void is in doubt.
Does not model: refunds of settled sales, of which a terminal cannot know how much was given back elsewhere: the host refuses
those. Completions and pre-authorisations (21).
Traps avoided: a void after one that was reversed or declined; a void without an answer whose reversal gives the sale back; a
second void that people ask for and the terminal refuses, sending nothing; refunds in parts; sales older than the run. That the
host refuses what should never have been asked for does not make it right.
Source: domain section 8, invariant 20; section 1.1 (void, refund), rule R10.
"""

from collections.abc import Iterator

from harness.history.events import BatchSettled, Inspected, LedgerChanged, MessageSent
from harness.invariants.base import INVARIANTS, Finding, Invariant, Severity, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    ON_IMAGES,
    case,
    closes,
    ends,
    image,
    inspected,
    ledger,
    paid_sale,
    phase,
    record,
    reversal,
    screen,
    settled,
    starts,
    up,
)
from harness.invariants.purchase import Entry

_STANDING = frozenset({"APPROVED", "SETTLED"})
_FATES = {"VOIDED": "voided", "SETTLED": "settled", "REFUNDED": "refunded", "REVERSED": "reversed"}
_Key = tuple[str, str, str]
"""Device, batch and STAN."""


@INVARIANTS.register("void_and_refund")
class VoidAndRefund(Invariant):
    """A sale is voided at most once, whole and unsettled, and refunds never exceed it."""

    number = 20
    name = "void_and_refund"
    evidence = "voids and refunds as the host booked them, settlements, and inspect at quiescence"
    requires = ("a void or refund",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._asked: dict[_Key, tuple[int, str]] = {}
        """By the sale's key: the last void asked for, as event and STAN."""
        self._told: set[_Key] = set()

    # ------------------------------------------------------------ what was asked for

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        if event.previous_state or event.kind not in ("void", "refund"):
            return
        self.checked += 1
        entry = self.books.entries.get(event.entry)
        if entry is None or event.original_entry is None:
            return  # the host knows of no such sale
        if entry.original is None and self.books.device(event.device).requests is not None:
            return  # it may be older than the run
        if event.kind == "void":
            self._void(number, event, entry.original)
        else:
            self._refund(number, event, entry)

    def _void(self, number: int, event: LedgerChanged, sale: Entry | None) -> None:
        wrong = _wrong_with(event, sale)
        if wrong:
            first = None if sale is None else sale.first
            last = None if sale is None else sale.last
            what = f"asked for a void of {yuan(event.amount_fen)} {wrong}"
            self._guilty(event, what, (first, last, number))

    def _refund(self, number: int, event: LedgerChanged, entry: Entry) -> None:
        action, sale = entry.action, entry.original
        if action is not None and 0 < action.amount_fen < event.amount_fen:
            what = f"asked for a refund of {yuan(event.amount_fen)} where {yuan(action.amount_fen)} had been keyed"
            self._guilty(event, what, (action.started, number))
            return
        if sale is None or (sale.state != "APPROVED" and event.state != "APPROVED"):
            return
        refunds = sale.refunds or []
        before_fen = sum(each.amount_fen for each in refunds if each is not entry and each.state in _STANDING)
        if before_fen + event.amount_fen > sale.amount_fen:
            already = f", of which {yuan(before_fen)} had been given back" if before_fen else ""
            what = f"asked for a refund of {yuan(event.amount_fen)} for a sale of {yuan(sale.amount_fen)}{already}"
            self._guilty(event, what, (sale.first, number))

    def _guilty(self, event: LedgerChanged, what: str, events: tuple[int | None, ...]) -> None:
        severity: Severity = "critical" if event.state == "APPROVED" else "minor"
        end = "the host agreed" if event.state == "APPROVED" else "the host refused"
        summary = f"{event.device} {what} (trace number {event.stan}) at {when(event.at_us)}; {end}."
        self.report(self.finding(event.device, event.at_us, summary, events, event.amount_fen, severity))

    # ------------------------------------------------------------ voids that did not come about

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.mti == "0200" and event.processing_code[:2] == "20" and event.original_stan:
            self.checked += 1
            key = (event.device, plain_number(event.batch), plain_number(event.original_stan))
            self._asked[key] = (number, plain_number(event.stan))

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if not event.closed or event.repeated:
            return
        device, batch = event.device, plain_number(event.batch)
        for each in event.host_only:
            sale = self.books.entries.get(each)
            if sale is not None and sale.kind == "sale":
                self._missing(sale, number, event.at_us, "did not claim it in the settlement")
        for key in [each for each in self._asked if each[0] == device and each[1] == batch]:
            del self._asked[key]

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        if event.when != "quiescence" or event.error:
            return
        book = self.books.device(event.device)
        records = {(plain_number(each.batch), plain_number(each.stan)): each for each in event.records}
        for device, batch, stan in list(self._asked):
            sale = book.by_key.get((batch, stan)) if device == event.device else None
            if (
                sale is None
                or sale.kind != "sale"
                or sale.state != "APPROVED"
                or sale.host_only
                or batch in book.closings
            ):
                continue
            found = records.get((batch, stan)) or records.get(("", stan))
            if found is None or found.state == "voided":
                self._missing(sale, number, event.at_us, "no longer holds it as a sale")

    def _missing(self, sale: Entry, number: int, at_us: int, how: str) -> None:
        key = (sale.device, sale.batch, sale.stan)
        asked = self._asked.get(key)
        if asked is None or key in self._told:
            return
        void = self.books.device(sale.device).by_key.get((sale.batch, asked[1]))
        if void is not None and void.kind == "void" and void.state in _STANDING:
            return
        self._told.add(key)
        summary = (
            f"{sale.device} asked for a void of a sale of {yuan(sale.amount_fen)} (trace number {sale.stan}) that did not come "
            f"about, and at {when(at_us)} {how}: the sale stands at the host."
        )
        events = (sale.first, asked[0], number)
        self.report(self.finding(sale.device, at_us, summary, events, sale.amount_fen, "critical"))

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.checked:
            self.skip("nothing was voided or refunded")
        yield from ()


def _wrong_with(event: LedgerChanged, sale: Entry | None) -> str:
    """Why this void must not be asked for; empty when it may. No ``sale``: it was settled, and is forgotten."""
    if sale is None:
        return "of a sale that had been settled"
    if sale.state in _FATES:
        return f"of a sale that had been {_FATES[sale.state]} before"
    if event.amount_fen != sale.amount_fen:
        return f"of a sale of {yuan(sale.amount_fen)}"
    if any(each.state in _STANDING for each in sale.refunds or []):
        return "of a sale that had been refunded in part"
    return ""


def _void_up(stan: str = "000002", number: int = 20) -> MessageSent:
    return up(number, stan=stan, token="", original_stan="000001", processing_code="200000")


def _void(entry: int = 2, state: str = "APPROVED", stan: str = "000002", amount_fen: int = 1000) -> LedgerChanged:
    return ledger(entry, state, kind="void", token="", stan=stan, original=1, amount_fen=amount_fen)


def _refund(entry: int = 2, state: str = "APPROVED", stan: str = "000002", amount_fen: int = 1000) -> LedgerChanged:
    return ledger(entry, state, kind="refund", token="", stan=stan, original=1, amount_fen=amount_fen)


_SALE = paid_sale()
_ASKS = starts(2, "void", None)
_VOIDED = (_ASKS, _void_up(), _void(), ledger(1, "VOIDED", "APPROVED"), screen(action=2), ends(2))
_GIVES_BACK = starts(2, "refund", None)
_CLOSED_WITHOUT = settled(host_only=(1,), claimed=(0, 0))
_UNREACHED = (_ASKS, _void_up(), screen("unknown", 2), ends(2, "unknown"))

VoidAndRefund.cases = (
    case("voided once", "whole, and before settlement", "pass", *_SALE, *_VOIDED),
    case(
        "voided twice", "the record of the first void was not looked at", "finding",
        *_SALE, *_VOIDED, starts(3, "void", None), _void_up("000003", 21), _void(3, "DECLINED", "000003"),
        guilty=15, instead=screen("refused", 3),
    ),
    case(
        "voided in part", "a void is of the whole amount", "finding",
        *_SALE, _ASKS, _void_up(), _void(state="DECLINED", amount_fen=900),
        guilty=9, instead=_void(),
    ),
    case(
        "voided after settlement", "a settled sale is refunded, not voided", "finding",
        *_SALE, *closes(1), _ASKS, _void_up(), _void(state="DECLINED"),
        guilty=11, instead=screen("refused", 2),
    ),
    case(
        "voided after a refund", "part of it had been given back", "finding",
        *_SALE, _GIVES_BACK, _refund(amount_fen=300), ends(2), starts(3, "void", None), _void(3, "DECLINED", "000003"),
        guilty=8, instead=_refund(state="DECLINED", amount_fen=300),
    ),
    case(
        "voided again after a reversal", "the first void timed out and was undone", "pass",
        *_SALE, _ASKS, _void_up(), _void(), ledger(1, "VOIDED", "APPROVED"), reversal(22, "000002"),
        ledger(2, "REVERSED", "APPROVED", kind="void", token="", stan="000002"), ledger(1, "APPROVED", "VOIDED"),
        starts(3, "void", None), _void_up("000003", 21), _void(3, stan="000003"), ledger(1, "VOIDED", "APPROVED"),
    ),
    case(
        "refunded in parts", "half and half", "pass",
        *_SALE, _GIVES_BACK, _refund(amount_fen=500), ends(2), starts(3, "refund", None),
        _refund(3, stan="000003", amount_fen=500),
    ),
    case(
        "refunded beyond the sale", "the parts exceed it", "finding",
        *_SALE, starts(2, "refund", None, 0), _refund(amount_fen=600), ends(2), starts(3, "refund", None, 0),
        _refund(3, "DECLINED", "000003", 600),
        guilty=8, instead=_refund(amount_fen=400),
    ),
    case(
        "more than was keyed", "the terminal added something of its own", "finding",
        *_SALE, *closes(1), _GIVES_BACK, _refund(state="DECLINED", amount_fen=1100),
        guilty=10, instead=_refund(),
    ),
    case(
        "refund of a settled sale, refused", "given back elsewhere: only the host can know", "pass",
        *_SALE, *closes(1), _GIVES_BACK, _refund(state="DECLINED"),
    ),
    case(
        "void in doubt, sale dropped", "the void never reached the host, and the sale is not claimed", "finding",
        *_SALE, *_UNREACHED, reversal(22, "000002"), _CLOSED_WITHOUT,
        guilty=12, instead=settled(1),
    ),
    case(
        "void in doubt, sale marked", "the records call it voided while its reversal is pending", "finding",
        *_SALE, *_UNREACHED, phase("quiescence"), inspected(record(state="voided"), pending=("000002",)),
        guilty=12, instead=inspected(record(), pending=("000002",)),
    ),
    case(
        "void in doubt, sale kept", "it stays active until the doubt is resolved", "pass",
        *_SALE, *_UNREACHED, phase("quiescence"), inspected(record(), pending=("000002",)), *closes(1),
    ),
    case(
        "voided and not claimed", "it is in no total", "pass",
        *_SALE, *_VOIDED, settled(claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "not claimed without a void", "a lost record is for invariant 2", "pass",
        *_SALE, *paid_sale(4), starts(5, "void", None), ledger(5, kind="void", token="", stan="000005", original=4),
        ledger(4, "VOIDED", "APPROVED", token="4", stan="000004"), _CLOSED_WITHOUT,
    ),
    case(
        "older than the run", "a sale of the image, of which the books know nothing", "pass",
        image(), _ASKS, _void_up(), _void(),
        terms=ON_IMAGES,
    ),
    case("sales only", "nothing to judge", "not_checked", *_SALE, *closes(1)),
)  # fmt: skip

"""Invariant 5: a reversal is given up only when the request is approved and kept, declined, or undone.

Models: as a black box. A sale or void whose answer did not come, or was none that counts, has a reversal. It was given up when
the terminal came to rest, had gone on to other requests or a settlement since it last sent the reversal (or never sent it),
and the host's word was never heard: no 0410 of 00, 12 or 25, no definite no, no approval in time. And, where the approval
did come in time: when the terminal then neither told of the sale, nor claimed it, nor reversed it, the reversal went before
the record was there.
Does not model: a reversal that was never durable (4); one that is kept and not sent (22); who goes first (6).
Traps avoided: an approval kept and never shown is found in the settlement; a decline without a MAC is a no; an answer that
decides nothing (68, 96, 98) leaves the doubt; a refund is repeated, not reversed; the doubt ends with the same request answered
at a second try; support may clear a reversal with the acquirer's consent, which the history names.
Source: domain section 8, invariant 5; rules R3, R4, R6; defects D2, D3, D11.
"""

from collections.abc import Iterator

from harness.history.events import BatchSettled, Inspected, OperatorDid
from harness.history.words import SUPPORT_CLEARED
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    answered,
    case,
    comes_up,
    inspected,
    ledger,
    phase,
    power_lost,
    record,
    reversal,
    screen,
    settled,
    up,
)
from harness.invariants.requests import Request


@INVARIANTS.register("reversal_removed")
class ReversalRemoved(Invariant):
    """A reversal is removed only on the host's word, or once the approval is kept."""

    number = 5
    name = "reversal_removed"
    evidence = "requests in doubt against reversals, their answers and what was sent since; settlements and inspect for approvals"
    requires = ("a sale or void",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._seen: dict[str, tuple[int, Inspected]] = {}
        self._unclaimed: dict[int, int] = {}
        """Entries that a settlement left unclaimed, and the event of its closing."""

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        if event.when == "quiescence" and not event.error:
            self._seen[event.device] = (number, event)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if event.closed and not event.repeated:
            for entry in event.host_only:
                self._unclaimed[entry] = number

    def conclude(self, at_us: int) -> Iterator[Finding]:
        requests = self.books.requests
        self.checked = requests.reversible
        if not self.books.at_rest:
            self.checked = 0
            self.skip("the run never came to rest")
            return
        for request in requests.unfinished():
            finding = self._removed(request, at_us)
            if finding is None:
                continue
            if self.terms.manifest(request.device).reversal == "none":
                self.skip(f"{request.device} declares no reversals")
            elif not self.books.resting(request.device):
                self.skip(f"{request.device} never came back")
            else:
                yield finding

    def _removed(self, request: Request, at_us: int) -> Finding | None:
        if not request.is_reversible or request.surfaced is not None:
            return None
        if request.approved is not None:
            return None if request.reversal is not None else self._before_the_record(request, at_us)
        if request.has_fate or (request.cut_in_flight and request.reversal is None):
            return None  # never durable: invariant 4
        tried = request.reversal_last
        if request.newer_last is None or request.newer_last < max(tried or 0, request.resent):
            return None  # the terminal has not gone on: it may still be kept
        how = "never reversed it" if tried is None else "gave up its reversal without the host's word"
        return self._finding(request, how, (tried, request.newer_last), at_us)

    def _before_the_record(self, request: Request, at_us: int) -> Finding | None:
        """An approval came in time and left no trace: neither told, nor claimed, nor reversed."""
        book = self.books.device(request.device)
        entry = book.by_key.get(request.key)
        if entry is None or entry.state not in ("APPROVED", "SETTLED"):
            return None
        how = "had its approval, and kept neither a record of it nor its reversal"
        closed = self._unclaimed.get(entry.number)
        if closed is not None:
            return self._finding(request, how, (request.approved, request.cut, closed), at_us)
        seen = self._seen.get(request.device)
        if seen is None or seen[0] < (request.approved or 0):
            return None
        number, event = seen
        kept = {(plain_number(each.batch), plain_number(each.stan)) for each in event.records}
        pending = {plain_number(each) for each in event.pending_reversals}
        if request.key in kept or ("", request.key[1]) in kept or request.key[1] in pending:
            return None
        if any(each.batch == request.key[0] and each.number < number for each in book.closings.values()):
            return None  # records of a closed batch need not be kept
        return self._finding(request, how, (request.approved, request.cut, number), at_us)

    def _finding(self, request: Request, how: str, events: tuple[int | None, ...], at_us: int) -> Finding:
        summary = (
            f"{request.device} sent a {request.name} of {yuan(request.amount_fen)} (trace number {request.stan}) at "
            f"{when(request.at_us)} and {how}."
        )
        numbers = (request.number, *events)
        return self.finding(request.device, request.at_us, summary, numbers, request.amount_fen, "critical", at_us)


_REST = (phase("quiescence"), phase("check"))
_NEXT = (up(9, stan="000002", token="2"), *answered(10, stan="000002"), screen(action=2, stan="000002"))

ReversalRemoved.cases = (
    case("approved and shown", "the ordinary sale", "pass", up(), *answered(2), screen(stan="000001"), *_NEXT, *_REST),
    case("reversed", "the answer did not come, the reversal was answered", "pass",
         up(), reversal(3), *answered(4, "0410"), *_NEXT, *_REST),
    case(
        "dropped unsent", "the answer did not come and the shop went on", "finding",
        up(), *_NEXT, *_REST,
        guilty=0, instead=up(mti="0220"),
    ),
    case(
        "dropped after retries", "twice unanswered, then the next sale goes out", "finding",
        up(), reversal(3), reversal(4), *_NEXT, *_REST,
        guilty=0, instead=up(mti="0220"),
    ),
    case(
        "cleared by any answer", "96 is no word of the host", "finding",
        up(), reversal(3), *answered(4, "0410", code="96"), *_NEXT, *_REST,
        guilty=2, instead=answered(4, "0410", code="12")[0],
    ),
    case(
        "undetermined answer to the sale", "98 was taken for a no", "finding",
        up(), *answered(2, code="98"), *_NEXT, *_REST,
        guilty=1, instead=answered(2, code="51")[0],
    ),
    case(
        "kept and sent later", "it waited until the line was back", "pass",
        up(), reversal(3), reversal(4), reversal(5), *answered(6, "0410", code="25"), *_NEXT, *_REST,
    ),
    case(
        "still pending", "nothing was sent since: it may be kept, and invariant 22 asks why", "pass",
        up(), reversal(3), *_REST,
    ),
    case(
        "removed before the record", "the approval came, power went, and nobody knows of it", "finding",
        up(), ledger(), *answered(2), power_lost(), comes_up(), *_REST, settled(host_only=(1,), claimed=(0, 0)),
        guilty=1, instead=ledger(state="DECLINED"),
    ),
    case(
        "removed before the record, seen inside", "neither record nor reversal in the files", "finding",
        up(), ledger(), *answered(2), power_lost(), comes_up(), phase("quiescence"), inspected(),
        guilty=7, instead=inspected(record()),
    ),
    case(
        "kept and never shown", "the record was durable before the cut: the settlement claims it", "pass",
        up(), ledger(), *answered(2), power_lost(), comes_up(), ledger(1, "SETTLED", "APPROVED"), settled(1), *_REST,
    ),
    case(
        "approved, cut, reversed", "power went before the record: the reversal was still there", "pass",
        up(), ledger(), *answered(2), power_lost(), comes_up(), reversal(3), *answered(4, "0410"), *_NEXT, *_REST,
    ),
    case("declined", "no money moved", "pass", up(), *answered(2, code="51"), *_NEXT, *_REST),
    case("refund without an answer", "it is repeated, not reversed", "pass", up(mti="0220"), up(3), *answered(4), *_NEXT, *_REST),
    case(
        "cleared by support", "the acquirer had been asked", "pass",
        up(), reversal(3), OperatorDid(0, T01, f"{SUPPORT_CLEARED}: the acquirer agreed"), *_NEXT, *_REST,
    ),
    case(
        "support cleared another one", "consent to one reversal is none to the next", "finding",
        up(), reversal(3), OperatorDid(0, T01, f"{SUPPORT_CLEARED}: trace number 000009, the acquirer agreed"), *_NEXT, *_REST,
        guilty=0, instead=up(mti="0220"),
    ),
    case("terminal is down", "it cannot send it", "pass", up(), *_NEXT, power_lost(), *_REST),
    case("not at rest", "it may still come", "not_checked", up(), *_NEXT),
)  # fmt: skip

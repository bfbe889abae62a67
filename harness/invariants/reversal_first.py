"""Invariant 6: while a reversal is pending, nothing new that moves money is sent, and no settlement.

Models: as a black box. A sale or void is in doubt from its sending until an answer that counts, a definite no, or the answer to
its reversal has come. A new financial request or a settlement that goes out meanwhile is too early. Where an approval had
come in time the terminal may have kept it; if it is reversed all the same later, what was sent in between was too early, too.
Does not model: acquirers apart (a run has one); reversals that are never sent (5, 22).
Traps avoided: the same request again, the reversal, sign-on, uploads and queries are allowed; a reversal repeated after a crash
that lost its answer had been answered; an answer that the terminal must not believe is none; a refund in doubt holds nothing
back here; terminals that declare no reversals are not judged.
Source: domain section 8, invariant 6; rules R5, R12.
"""

from collections.abc import Iterator

from harness.history.events import MessageSent, OperatorDid
from harness.history.words import SUPPORT_CLEARED
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    answered,
    arrives,
    at,
    case,
    comes_up,
    down,
    power_lost,
    reversal,
    up,
)
from harness.invariants.requests import FINANCIAL, REVERSAL, Request


@INVARIANTS.register("reversal_first")
class ReversalFirst(Invariant):
    """Nothing new that moves money is sent while a reversal is pending."""

    number = 6
    name = "reversal_first"
    evidence = "requests as sent, against the answers that had come to earlier ones and to their reversals"
    requires = ("a reversal",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._told: set[int] = set()

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.direction != "up":
            return
        if event.mti in FINANCIAL or event.mti == "0500":
            page = self.books.requests.page(event.device)
            if len(page.open) > 1 or event.mti == "0500":
                for request in page.open.values():
                    if request.newer_last == number and request.is_reversible and not request.has_fate:
                        self._too_early(request, number, event.at_us)
        elif event.mti == REVERSAL:
            self._reversal(number, event)

    def _reversal(self, number: int, event: MessageSent) -> None:
        self.checked += 1
        named = (plain_number(event.batch), plain_number(event.original_stan or event.stan))
        request = self.books.requests.page(event.device).open.get(named)
        if request is None or request.reversal != number or request.newer is None:
            return
        # Answered in time, and reversed later all the same: it was pending when the newer one went out.
        if request.approved is not None and request.declined is None and request.surfaced is None:
            self._too_early(request, request.newer, event.at_us)

    def _too_early(self, request: Request, number: int, at_us: int) -> None:
        if request.number in self._told:
            return
        self._told.add(request.number)
        if self.terms.manifest(request.device).reversal == "none":
            self.skip(f"{request.device} declares no reversals")
            return
        self.checked += 1
        summary = (
            f"{request.device} sent something new at {when(at_us)} while the {request.name} of {yuan(request.amount_fen)} of "
            f"{when(request.at_us)} (trace number {request.stan}) was in doubt and its reversal pending."
        )
        events = (request.number, request.reversal_last, number)
        self.report(self.finding(request.device, at_us, summary, events, request.amount_fen, "major"))

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.checked and not self._reasons:
            self.skip("no reversal was sent")
        yield from ()


_NEXT = up(9, stan="000002", token="2")

ReversalFirst.cases = (
    case("reversed, then sold", "first the doubt, then the shop", "pass",
         up(), reversal(3), *answered(4, "0410"), _NEXT),
    case(
        "sold in doubt", "the reversal is sent in the background, later", "finding",
        up(), _NEXT, reversal(3), *answered(4, "0410"),
        guilty=1, instead=up(9, "0800", token=""),
    ),
    case(
        "sold though the reversal was not answered", "one try, and on it goes", "finding",
        up(), reversal(3), _NEXT,
        guilty=2, instead=up(9),
    ),
    case(
        "settled in doubt", "0500 goes out with a reversal pending", "finding",
        up(), reversal(3), up(9, "0500", token="", amount_fen=None),
        guilty=2, instead=up(9, "0320", token="", amount_fen=None),
    ),
    case(
        "refund in between", "a refund moves money as well", "finding",
        up(), up(9, "0220", stan="000002", token="2"), reversal(3),
        guilty=1, instead=up(9, "0800", token=""),
    ),
    case(
        "approved, forgotten, sold, reversed", "the restart found a reversal that had been there all along", "finding",
        up(), *answered(2), power_lost(), comes_up(), _NEXT, *answered(10, stan="000002"), reversal(3),
        guilty=5, instead=up(9, "0800", token=""),
    ),
    case(
        "wrong MAC", "an approval that cannot be trusted leaves the doubt", "finding",
        up(), down(2, altered="mac"), arrives(2), _NEXT, reversal(3),
        guilty=1, instead=down(2, code="51"),
    ),
    case("sent again", "the request itself, once more", "pass", up(), up(3), *answered(4), _NEXT, reversal(5, "000002")),
    case(
        "sign-on and upload in between", "they move no money", "pass",
        up(), up(2, "0800", token=""), up(3, "0320", token=""), reversal(4), *answered(5, "0410"), _NEXT,
    ),
    case(
        "answer lost in a crash", "answered, forgotten, sold, and sent once more", "pass",
        up(), reversal(3), *answered(4, "0410"), power_lost(), comes_up(), _NEXT, *answered(10, stan="000002"), reversal(5),
    ),
    case("declined", "no doubt about a no", "pass", up(), *answered(2, code="51"), _NEXT, reversal(3, "000002")),
    case(
        "refund in doubt", "an advice has no reversal", "pass",
        up(mti="0220"), _NEXT, reversal(3, "000002"),
    ),
    case(
        "answered late", "the approval came when nobody waited any more", "finding",
        up(), at(100, down(2)), arrives(2), _NEXT, reversal(3),
        guilty=1, instead=down(2, code="51"),
    ),
    case(
        "cleared by support", "the acquirer undid it, and the shop goes on", "pass",
        up(), reversal(3), OperatorDid(0, T01, f"{SUPPORT_CLEARED}: trace number 000001, the acquirer agreed"), _NEXT,
    ),
    case(
        "support cleared another one", "this one is still in doubt", "finding",
        up(), reversal(3), OperatorDid(0, T01, f"{SUPPORT_CLEARED}: trace number 000009, the acquirer agreed"), _NEXT,
        guilty=3, instead=up(9),
    ),
    case("no reversal", "nothing was in doubt", "not_checked", up(), *answered(2), _NEXT),
)  # fmt: skip

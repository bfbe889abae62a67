"""Invariant 9: an answer that is not the request's own, or cannot be trusted, approves nothing.

Models: as a black box. An answer counts when it names the request's trace number, amount, processing code, terminal and type,
its MAC is right where it says 00, and it comes while the terminal waits: within the time it declares, and before it has
reversed the request. An approval shown although the host's answer was a no (94, a number used before, is one) is a finding, too.
An approval shown or printed for a request that got a 00 which does not count, and none that does, is
the finding. So is one shown although the card's chip, which has the last word, had declined after the host's answer, was gone
by then, or was never asked again. An approval with a wrong MAC must lead to a reversal, with nothing in between for reason A0.
Does not model: approvals shown without any answer (1, 7); whether a wrong MAC was looked at when the answer was a no anyway.
Traps avoided: the right answer behind a wrong one; the same request answered at a second try; a reversal whose reason was lost in
a cut, or could not be written, says 98; a refund is repeated, not reversed; an approval committed before a power cut and
shown after it; an answer that arrives and is thrown away.
Source: domain section 8, invariant 9; section 1.1 (response check), rules R4, R7.
"""

from collections.abc import Iterator

from harness.history.events import (
    CardDecided,
    MessageSent,
    PowerLost,
    ReceiptPrinted,
    ScreenShown,
    SoftwareDied,
    StorageFailed,
)
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    answered,
    arrives,
    at,
    case,
    comes_up,
    decides,
    down,
    ends,
    phase,
    power_lost,
    receipt,
    reversal,
    screen,
    starts,
    up,
)
from harness.invariants.requests import REVERSAL, Request

_TELLING = frozenset({"sale", "void", "refund"})
_BAD_MAC = "A0"
_NO = frozenset({"AAC", "removed"})


@INVARIANTS.register("sound_answers")
class SoundAnswers(Invariant):
    """A late, mismatched or unauthenticated answer approves nothing."""

    number = 9
    name = "sound_answers"
    evidence = "approvals shown and reversals sent, against the answers that had reached the terminal"
    requires = ("an answer to a request for money",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._disturbed: dict[str, int] = {}
        self._told: set[int] = set()
        self._cards: dict[str, tuple[int, CardDecided]] = {}
        """By device: what a card's chip said last."""
        self._refusals = 0

    @on(PowerLost, SoftwareDied, StorageFailed)
    def _disturbance(self, number: int, event: PowerLost | SoftwareDied | StorageFailed) -> None:
        self._disturbed[event.device] = number

    @on(CardDecided)
    def _card_decided(self, number: int, event: CardDecided) -> None:
        self._cards[event.device] = number, event
        self._refusals += event.answer in _NO

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "approved":
            self._approval(number, event)

    @on(ReceiptPrinted)
    def _receipt(self, number: int, event: ReceiptPrinted) -> None:
        if event.kind in _TELLING and not event.duplicate:
            self._approval(number, event)

    def _approval(self, number: int, event: ScreenShown | ReceiptPrinted) -> None:
        request = self.books.requests.told(event)
        self._against_the_card(number, event, request)
        if request is None or request.number in self._told:
            return
        if request.approved is not None:
            self._as_given(request, number, event)
            return
        if request.unsound is None:
            self._said_no(request, number, event)
            return
        self._told.add(request.number)
        summary = (
            f"{event.device} showed a {request.name} of {yuan(request.amount_fen)} (trace number {request.stan}) as approved at "
            f"{when(event.at_us)}; the only approval that had come was one {request.unsound_why}."
        )
        events = (request.number, request.unsound, number)
        self.report(self.finding(event.device, event.at_us, summary, events, request.amount_fen, "critical"))

    def _as_given(self, request: Request, number: int, event: ScreenShown | ReceiptPrinted) -> None:
        """What people read is what was approved: the amount, and the number under which it can be found again."""
        wrong = []
        if event.amount_fen is not None and event.amount_fen != request.amount_fen:
            wrong.append(f"of {yuan(event.amount_fen)}")
        if event.stan and plain_number(event.stan) != plain_number(request.stan):
            wrong.append(f"under trace number {event.stan}")
        if not wrong:
            return
        self._told.add(request.number)
        summary = (
            f"{event.device} told at {when(event.at_us)} of a {request.name} {' and '.join(wrong)}; what had been approved was "
            f"{yuan(request.amount_fen)} under {request.stan}."
        )
        events = (request.number, request.approved, number)
        self.report(self.finding(event.device, event.at_us, summary, events, request.amount_fen, "major"))

    def _said_no(self, request: Request, number: int, event: ScreenShown | ReceiptPrinted) -> None:
        """An approval shown although the host said no. 94 to an advice that is sent again says that it has arrived."""
        if request.declined is None or not request.is_reversible:
            return
        self._told.add(request.number)
        summary = (
            f"{event.device} showed a {request.name} of {yuan(request.amount_fen)} (trace number {request.stan}) as approved at "
            f"{when(event.at_us)}; the host's answer had been no (code {request.declined_code})."
        )
        events = (request.number, request.declined, number)
        self.report(self.finding(event.device, event.at_us, summary, events, request.amount_fen, "critical"))

    def _against_the_card(self, number: int, event: ScreenShown | ReceiptPrinted, request: Request | None) -> None:
        """The card that was shown for this sale must have the last word, and it must be a yes."""
        asked, word = self._cards.get(event.device, (0, None))
        if word is None or word.answer == "TC" or asked in self._told:
            return
        if (word.token != request.token) if request is not None else (word.action != event.action):
            return
        self._told.add(asked)
        what = {"AAC": "had declined it", "removed": "was gone by then"}.get(word.answer, "was never asked again")
        summary = (
            f"{event.device} showed a sale of {yuan(word.amount_fen)} as approved at {when(event.at_us)} although the card, "
            f"which has the last word, {what}."
        )
        events = (None if request is None else request.number, asked, number)
        self.report(self.finding(event.device, event.at_us, summary, events, word.amount_fen, "critical"))

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.mti != REVERSAL:
            return
        named = (plain_number(event.batch), plain_number(event.original_stan or event.stan))
        request = self.books.requests.page(event.device).open.get(named)
        if request is None or request.bad_mac is None or request.reversal != number or request.approved is not None:
            return
        if request.reason != _BAD_MAC and self._disturbed.get(event.device, -1) < request.bad_mac:
            summary = (
                f"{event.device} reversed a {request.name} of {yuan(request.amount_fen)} (trace number {request.stan}) at "
                f"{when(event.at_us)} with reason {request.reason or 'none'}, where a wrong MAC asks for {_BAD_MAC}."
            )
            self.report(
                self.finding(event.device, event.at_us, summary, (request.bad_mac, number), request.amount_fen, "minor")
            )

    def conclude(self, at_us: int) -> Iterator[Finding]:
        requests = self.books.requests
        self.checked = requests.unsound + requests.declines + requests.approvals + self._refusals
        if not self.checked:
            self.skip("every approval that came was the request's own")
        for request in self.books.requests.unfinished():
            if request.bad_mac is not None and self._is_unreversed(request):
                summary = (
                    f"{request.device} got an approval with a wrong MAC for a {request.name} of {yuan(request.amount_fen)} "
                    f"(trace number {request.stan}) at {when(request.at_us)}, and never reversed it."
                )
                events = (request.number, request.bad_mac)
                yield self.finding(
                    request.device, request.at_us, summary, events, request.amount_fen, "critical", at_us
                )  # fmt: skip

    def _is_unreversed(self, request: Request) -> bool:
        if (
            not request.is_reversible
            or request.reversal is not None
            or request.has_fate
            or request.number in self._told
        ):
            return False
        return self.terms.manifest(request.device).reversal != "none" and self.books.resting(request.device)


_SHOWN = screen(stan="000001")
_REST = (phase("quiescence"), phase("check"))

SoundAnswers.cases = (
    case("its own answer", "and the customer is told", "pass", starts(), up(), *answered(2), _SHOWN),
    case(
        "another trace number", "somebody else's approval was taken for this one", "finding",
        starts(), up(), down(2, stan="000009", altered="trace number"), arrives(2), _SHOWN,
        guilty=4, instead=screen("unknown"),
    ),
    case(
        "another amount", "the trace number was compared and nothing else", "finding",
        starts(), up(), down(2, amount_fen=9900, altered="amount"), arrives(2), receipt(),
        guilty=2, instead=down(2),
    ),
    case(
        "another terminal", "DE41 was not compared", "finding",
        starts(), up(), down(2, altered="terminal"), arrives(2), screen(),
        guilty=4, instead=screen("unknown"),
    ),
    case(
        "another message type", "a 0230 taken for a 0210", "finding",
        starts(), up(), down(2, mti="0230"), arrives(2), screen(),
        guilty=2, instead=down(2),
    ),
    case(
        "wrong MAC shown", "the MAC was not looked at", "finding",
        starts(), up(), down(2, altered="mac"), arrives(2), _SHOWN,
        guilty=4, instead=reversal(3, code="A0"),
    ),
    case(
        "wrong MAC, never reversed", "the terminal shrugged", "finding",
        starts(), up(), down(2, altered="mac"), arrives(2), screen("unknown"), ends(1, "unknown"), *_REST,
        guilty=4, instead=reversal(3, code="A0"),
    ),
    case(
        "wrong MAC, wrong reason", "98 says that nothing came", "finding",
        starts(), up(), down(2, altered="mac"), arrives(2), reversal(3, code="98"), *answered(4, "0410"), *_REST,
        guilty=4, instead=reversal(3, code="A0"),
    ),
    case(
        "not its own, with a wrong MAC besides", "it belongs to nobody: thrown away, and nothing came in time", "pass",
        starts(), up(), down(2, stan="000009", altered="trace number and mac"), arrives(2), reversal(3, code="98"),
        *answered(4, "0410"), *_REST,
    ),
    case(
        "shown as it was given", "amount and trace number are those of the request", "pass",
        starts(), up(), *answered(2), receipt(), *_REST,
    ),
    case(
        "another amount on the slip", "the customer signs for less than is taken", "finding",
        starts(), up(amount_fen=9900), down(2, amount_fen=9900), arrives(2), receipt(), *_REST,
        guilty=4, instead=screen(),
    ),
    case(
        "another number on the slip", "nobody will find the sale again", "finding",
        starts(), up(), *answered(2), receipt("000007"), *_REST,
        guilty=4, instead=receipt(),
    ),
    case(
        "94 is no approval", "the number was used before, and the terminal took that for a yes (R8)", "finding",
        starts(), up(), down(2, code="94"), arrives(2), _SHOWN,
        guilty=4, instead=screen("declined"),
    ),
    case(
        "an advice that has arrived", "94 to a refund that is sent again", "pass",
        starts(1, "refund"), up(mti="0220"), up(2, "0220"), down(3, "0230", code="94"), arrives(3), receipt("refund"), *_REST,
    ),
    case(
        "approved in part", "code 10 is a yes to less", "not_checked",
        starts(), up(), down(2, code="10", amount_fen=400), arrives(2), _SHOWN, *_REST,
    ),
    case(
        "reason lost in a cut", "after the restart nobody knows why: 98", "pass",
        starts(), up(), down(2, altered="mac"), arrives(2), power_lost(), comes_up(), reversal(3), *answered(4, "0410"), *_REST,
    ),
    case(
        "late", "it came after the time that the terminal declares", "finding",
        starts(), up(), at(80, down(2)), arrives(2), _SHOWN,
        guilty=4, instead=screen("unknown"),
    ),
    case(
        "on the reversal's connection", "the sale's answer came when it had been reversed", "finding",
        starts(), up(), screen("unknown"), reversal(3), *answered(2), screen(action=None, stan="000001"),
        guilty=6, instead=screen("unknown", None),
    ),
    case(
        "on the next sale's connection", "the answer to an earlier sale was taken for this one", "finding",
        starts(), up(), ends(1, "unknown"), reversal(3), *answered(4, "0410"), starts(2), up(5, stan="000002", token="2"),
        *answered(2), screen(action=2),
        guilty=9, instead=arrives(99),
    ),
    case(
        "thrown away", "it came late and nobody believed it", "pass",
        starts(), up(), at(80, down(2)), arrives(2), screen("unknown"), reversal(3), *answered(4, "0410"), *_REST,
    ),
    case(
        "the right one behind the wrong one", "both came, the second was its own", "pass",
        starts(), up(), down(2, stan="000009", altered="trace number"), arrives(2), *answered(3), _SHOWN,
    ),
    case(
        "refund with a wrong MAC", "it is sent again until the answer can be trusted", "pass",
        starts(1, "refund"), up(mti="0220"), down(2, "0230", altered="mac"), arrives(2), up(3, "0220"), *answered(4, "0230"),
        screen(stan="000001"), *_REST,
    ),
    case(
        "wrong MAC on a no", "a no is a no", "pass",
        starts(), up(), down(2, code="51", altered="mac"), arrives(2), screen("declined"), *_REST,
    ),
    case(
        "the card says no at last", "the host had approved, and nobody listened to the card", "finding",
        starts(), decides("ARQC"), up(), *answered(2), decides("AAC", "second"), _SHOWN,
        guilty=6, instead=screen("declined"),
    ),
    case(
        "the card was taken out", "it never had its last word", "finding",
        starts(), decides("ARQC"), up(), *answered(2), decides("removed", "second"), receipt(),
        guilty=5, instead=decides("TC", "second"),
    ),
    case(
        "the card was not asked again", "its first word is no yes", "finding",
        starts(), decides("ARQC"), decides("AAC", "second", "9", 8), decides("ARQC"), up(), *answered(2), _SHOWN,
        guilty=7, instead=screen("unknown"),
    ),
    case(
        "another card then", "the first one declined, the customer paid with the second", "pass",
        starts(), decides("ARQC"), up(), *answered(2), decides("AAC", "second"), reversal(3), *answered(4, "0410"),
        ends(1, "declined"), starts(2), decides("ARQC", token="2", action=2), up(5, stan="000002", token="2"),
        *answered(6, stan="000002"), decides("TC", "second", "2", 2), screen(action=2, stan="000002"),
    ),
    case(
        "an earlier sale comes to light", "while a card that will decline is in the reader", "pass",
        up(1, stan="000007", token="7"), *answered(2, stan="000007"), starts(), decides("AAC", "second"),
        screen(stan="000007"),
    ),
    case(
        "committed, cut, shown", "the answer had come in time, the restart told of it", "pass",
        starts(), up(), *answered(2), power_lost(), comes_up(), screen(action=None, stan="000001"),
    ),
)  # fmt: skip

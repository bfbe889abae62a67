"""Invariant 3: nobody pays more for a purchase than its price.

Models: the sum of what the host captured for one purchase intent, over all presentations of its cards, refunds deducted,
once everything has come to rest. Also a card shown for a purchase that was paid and settled long ago and is charged again, and,
where the terminal declares a guard against it, a paid sale that a colleague keys in again within the guard's window.
Does not model: fees; whether a refund was itself paid twice (20).
Traps avoided: two genuine equal purchases are two intents; who pays again after the terminal told of success has chosen to
(a confirmed repeat); while a reversal is still on its way there may be more, so only the end is judged; a completion may
exceed its pre-authorisation by 15 percent; a partial approval takes less; a second charge that the shop refunded is made
good; a terminal that never came back cannot have finished reversing (24).
Source: domain section 8, invariant 3 and its amendments.
"""

from collections.abc import Iterator

from harness.contract import Manifest
from harness.core.units import seconds
from harness.history.events import IntentClosed, IntentOpened, LedgerChanged, Presented
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    at,
    card,
    case,
    closes,
    ends,
    intent,
    leaves,
    ledger,
    paid_sale,
    phase,
    screen,
    starts,
)
from harness.invariants.purchase import Purchase


@INVARIANTS.register("no_double_charge")
class NoDoubleCharge(Invariant):
    """No customer is charged more than the price of what was bought."""

    number = 3
    name = "no_double_charge"
    evidence = "the host's captures by presentation token, against purchase intents"
    requires = ("a charge", "quiescence")

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._paid: dict[str, tuple[int, int]] = {}
        """By device: the intent that was paid last, and when."""
        self._repeats: dict[int, tuple[int, int]] = {}
        """Intents that nobody wants, on devices with a guard: the event, and until when the guard must hold."""
        self._tokens: dict[str, int] = {}
        self._unguarded: dict[int, tuple[LedgerChanged, int, int]] = {}
        """Entries that a guard should have stopped, with the events of the intent and of the charge."""

    @on(IntentClosed)
    def _closed(self, number: int, event: IntentClosed) -> None:
        if event.belief == "paid":
            self._paid[event.device] = (event.intent, event.at_us)

    @on(IntentOpened)
    def _opened(self, number: int, event: IntentOpened) -> None:
        window_s = self.terms.manifest(event.device).duplicate_window_s
        intent, paid_us = self._paid.get(event.device, (-1, 0))
        if event.repeats is not None and window_s is not None and intent == event.repeats:
            self._repeats[event.intent] = (number, paid_us + seconds(window_s))

    @on(Presented)
    def _presented(self, number: int, event: Presented) -> None:
        if event.intent in self._repeats:
            self._tokens[event.token] = event.intent

    @on(LedgerChanged)
    def _booked(self, number: int, event: LedgerChanged) -> None:
        if event.state == "APPROVED" and event.token in self._tokens:
            opened, until_us = self._repeats[self._tokens[event.token]]
            if event.at_us <= until_us:
                self._unguarded[event.entry] = (event, opened, number)
        elif event.state in ("REVERSED", "VOIDED"):
            self._unguarded.pop(event.entry, None)

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.books.at_rest:
            self.skip("the run never came to rest")
            return
        self.checked = self.books.charges
        for purchase in self.books.purchases():
            net_fen = purchase.unasked_fen()
            if net_fen <= purchase.limit_fen:
                continue
            if self.books.resting(purchase.device):
                yield self._finding(purchase, net_fen, at_us)
            else:
                self.skip(f"{purchase.device} never came back to finish its reversals")
        for event, opened, booked in self._unguarded.values():
            if self.books.resting(event.device):
                summary = (
                    f"A card that had just paid {yuan(event.amount_fen)} at {event.device} was charged the same again at "
                    f"{when(event.at_us)}, which its guard against that should have refused."
                )
                yield self.finding(
                    event.device, event.at_us, summary, (opened, booked), event.amount_fen, "critical", at_us
                )

    def _finding(self, purchase: Purchase, net_fen: int, at_us: int) -> Finding:
        excess_fen = net_fen - purchase.limit_fen
        settled_us = purchase.settled_us()
        evident_us = at_us if settled_us is None else settled_us
        taken = [each for each in purchase.entries if each.net_fen() > 0]
        last = max(taken, key=lambda each: each.first)
        if purchase.late:
            summary = (
                f"A card shown for a purchase that was paid and settled before was charged {yuan(net_fen)} again "
                f"by {purchase.device} at {when(last.at_us)}."
            )
        else:
            times = "once" if len(taken) == 1 else "twice" if len(taken) == 2 else f"{len(taken)} times"
            wanted = f"who bought for {yuan(purchase.amount_fen)}"
            if not purchase.limit_fen:
                wanted = f"of whom nothing was due (a {purchase.kind} of {yuan(purchase.amount_fen)})"
            summary = (
                f"A customer at {purchase.device} {wanted} was charged {times}, "
                f"{yuan(net_fen)} in all, last at {when(last.at_us)}."
            )
        return self.finding(
            purchase.device, last.at_us, summary, purchase.evidence(), excess_fen, "critical", evident_us
        )


_RETRY = (starts(2), card("2", 2), ledger(2, token="2", stan="000002"), screen(action=2), ends(2), leaves())

_GUARDED = Terms({T01: Manifest(name="guarded", duplicate_window_s=180.0)})
_AGAIN = (IntentOpened(0, T01, 2, "sale", 1000, repeats=1), *paid_sale(2)[1:])

NoDoubleCharge.cases = (
    case("one charge", "the ordinary sale", "pass", *paid_sale(), phase("quiescence")),
    case(
        "retry without reversal", "the reply was lost, the retry was charged, both stand", "finding",
        intent(), starts(), card(), ledger(), ends(1, "unknown"), *_RETRY, phase("quiescence"),
        guilty=3,
    ),
    case(
        "retry with late reversal", "for a while there are two charges; at rest there is one", "pass",
        intent(), starts(), card(), ledger(), ends(1, "unknown"), *_RETRY, ledger(1, "REVERSED", "APPROVED"),
        phase("quiescence"),
    ),
    case(
        "two genuine purchases", "the same customer buys the same thing twice", "pass",
        *paid_sale(1), *paid_sale(2), phase("quiescence"),
    ),
    case(
        "too much", "the host captured more than the price", "finding",
        intent(amount_fen=900), *paid_sale()[1:], phase("quiescence"),
        guilty=0, instead=intent(),
    ),
    case(
        "partial approval", "less than the price is not too much", "pass",
        intent(amount_fen=3000), *paid_sale()[1:], phase("quiescence"),
    ),
    case(
        "completion within 115 percent", "a completion may exceed what was authorised", "pass",
        intent(amount_fen=1000), starts(1, "completion"), card(), ledger(amount_fen=1150), screen(), ends(), leaves(),
        phase("quiescence"),
    ),
    case(
        "completion beyond 115 percent", "but not by more", "finding",
        intent(amount_fen=1000), starts(1, "completion"), card(), ledger(amount_fen=1151), screen(), ends(), leaves(),
        phase("quiescence"),
        guilty=3, instead=ledger(amount_fen=1150),
    ),
    case(
        "check-out", "a guest pays what the bill says, be it more than was held", "pass",
        intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), screen(), ends(), leaves(),
        intent(2, 1100, "completion"), starts(2, "completion", 2), card("2", 2, 2),
        ledger(2, kind="completion", token="2", stan="000002", amount_fen=1100, original=1), screen(action=2), ends(2),
        leaves(2), phase("quiescence"),
    ),
    case(
        "more than the bill", "that a hold allows 115 percent is no leave to take it", "finding",
        intent(2, 1000, "completion"), starts(2, "completion", 2), card("2", 2, 2),
        ledger(2, kind="completion", token="2", stan="000002", amount_fen=1100), screen(action=2), ends(2), leaves(2),
        phase("quiescence"),
        guilty=3, instead=ledger(2, kind="completion", token="2", stan="000002", amount_fen=1000),
    ),
    case(
        "completed twice", "no answer, tried again, and the first was never reversed", "finding",
        intent(1, 1000, "completion"), starts(1, "completion"), card(), ledger(kind="completion"), ends(1, "unknown"),
        starts(2, "completion"), card("2", 2), ledger(2, kind="completion", token="2", stan="000002"), screen(action=2),
        ends(2), leaves(), phase("quiescence"),
        guilty=3,
    ),
    case(
        "held twice", "a hold is no capture, be it one too many", "pass",
        *paid_sale(3), intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), ends(1, "unknown"),
        starts(2, "preauth"), card("2", 2), ledger(2, kind="preauth", token="2", stan="000002"), screen(action=2), ends(2),
        leaves(), phase("quiescence"),
    ),
    case(
        "hold sent as a sale", "at check-in nothing is due", "finding",
        intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(), screen(), ends(), leaves(), phase("quiescence"),
        guilty=3, instead=ledger(kind="preauth"),
    ),
    case(
        "second charge refunded", "the shop made it good", "pass",
        intent(), starts(), card(), ledger(), ends(1, "unknown"), *_RETRY,
        ledger(3, kind="refund", token="", stan="000003", original=1), phase("quiescence"),
    ),
    case(
        "told at boot, paid again all the same", "the terminal told of success before the second try: people chose it", "pass",
        intent(), starts(), card(), ledger(), ends(1, "interrupted"), screen(action=None, stan="000001"), *_RETRY,
        phase("quiescence"),
    ),
    case(
        "told too late", "the first success was told only after the second charge", "finding",
        intent(), starts(), card(), ledger(), ends(1, "interrupted"), *_RETRY, screen(action=None, stan="000001"),
        phase("quiescence"),
        guilty=3,
    ),
    case(
        "first charge voided", "a voided charge takes nothing", "pass",
        intent(), starts(), card(), ledger(), ends(1, "unknown"), *_RETRY, ledger(1, "VOIDED", "APPROVED"),
        phase("quiescence"),
    ),
    case(
        "charged again after settlement", "an old request came back long after its batch", "finding",
        *paid_sale(), *closes(1), phase("quiescence"), ledger(7, token="1", stan="000007", batch="000002"),
        guilty=10, instead=ledger(7, "DECLINED", token="1", stan="000007", batch="000002"),
    ),
    case(
        "keyed in again, no guard", "a colleague's mistake is no fault of a terminal that promises nothing", "pass",
        *paid_sale(), *_AGAIN, phase("quiescence"),
    ),
    case(
        "keyed in again, guarded", "a terminal that promises to refuse it must", "finding",
        *paid_sale(), *_AGAIN, phase("quiescence"),
        guilty=7, instead=intent(2), terms=_GUARDED,
    ),
    case(
        "keyed in again, and reversed", "in doubt, undone: nothing was charged twice", "pass",
        *paid_sale(), *_AGAIN, ledger(2, "REVERSED", "APPROVED", token="2", stan="000002"), phase("quiescence"),
        terms=_GUARDED,
    ),
    case(
        "keyed in much later", "beyond the window it is anybody's guess", "pass",
        *paid_sale(), at(300, _AGAIN[0]), *_AGAIN[1:], phase("quiescence"),
        terms=_GUARDED,
    ),
    case(
        "bought again", "two genuine purchases that the guard let pass", "pass",
        *paid_sale(), *paid_sale(2), phase("quiescence"),
        terms=_GUARDED,
    ),
    case(
        "not at rest", "the reversal may still come", "not_checked",
        intent(), starts(), card(), ledger(), ends(1, "unknown"), *_RETRY,
    ),
)  # fmt: skip

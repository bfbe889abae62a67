"""Invariant 25: each sale that a card approved without the host reaches the host exactly once, and before its batch is settled.

Models: as a black box. The card's own word (TC at its first cryptogram) and the approval shown for it make an offline approval;
the host's ledger, by presentation token, says how often it got there. It must be there before the request that settles its
batch is sent, and by the time the run is at rest; never twice, whether its batch is closed or not.
Does not model: how the terminal keeps its queue; whether it goes on sending what the host has (that changes nothing there).
Traps avoided: an advice sent ten times and booked once; 94 to one sent again means that the host has it; a card that approved a
sale which was never shown (refused for want of room, power cut before the record) owes nothing; an approval shown only
after a restart; a settlement of an older batch asked for again; a sale that is voided later; a terminal still down at the end.
Source: domain section 8, invariant 25; section 1.5, R12.
"""

from collections.abc import Iterator

from harness.history.events import BatchSettled, CardDecided, LedgerChanged, MessageSent, ReceiptPrinted, ScreenShown
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    card,
    case,
    comes_up,
    decides,
    ends,
    intent,
    late_screen,
    leaves,
    ledger,
    phase,
    power_lost,
    screen,
    settled,
    starts,
    up,
)
from harness.invariants.tokens import PastTokens

_SETTLEMENT = "0500"


class _Approval:
    """One sale that its card approved without the host. Numbers are those of events; None: it did not happen."""

    __slots__ = ("action", "amount_fen", "at_us", "batch", "booked", "decided", "shown", "token", "told")

    def __init__(self, event: CardDecided, number: int) -> None:
        self.token = event.token
        self.action = event.action
        self.amount_fen = event.amount_fen
        self.decided = number
        self.at_us = event.at_us
        self.batch = ""
        self.shown: int | None = None
        self.booked: list[int] = []
        self.told = False
        """That it was not there in time has been told."""


@INVARIANTS.register("offline_once")
class OfflineOnce(Invariant):
    """Each offline approval reaches the host exactly once, before its batch is settled."""

    number = 25
    name = "offline_once"
    evidence = "cards' own approvals and what was shown for them, against the host's ledger and settlement requests"
    requires = ("a sale approved by its card while the line is down",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._open: dict[str, dict[str, _Approval]] = {}
        """By device and token."""
        self._past = PastTokens()

    # ------------------------------------------------------------ at the counter

    @on(CardDecided)
    def _decided(self, number: int, event: CardDecided) -> None:
        if event.step == "first" and event.answer == "TC":
            self._open.setdefault(event.device, {})[event.token] = _Approval(event, number)

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "approved":
            self._shown(number, event)

    @on(ReceiptPrinted)
    def _receipt(self, number: int, event: ReceiptPrinted) -> None:
        if event.kind == "sale" and not event.duplicate:
            self._shown(number, event)

    def _shown(self, number: int, event: ScreenShown | ReceiptPrinted) -> None:
        for approval in self._open.get(event.device, {}).values():
            # After a restart it is shown outside any action: then the amount tells which it is.
            is_this = approval.action == event.action or (
                event.action is None and approval.amount_fen == (event.amount_fen or 0)
            )
            if approval.shown is None and is_this:
                approval.shown = number
                approval.batch = plain_number(event.batch)
                self.checked += 1
                return

    # ------------------------------------------------------------ at the host

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        if event.previous_state or event.kind != "sale" or event.state != "APPROVED" or not event.token:
            return
        approval = self._open.get(event.device, {}).get(event.token)
        if approval is not None:
            approval.booked.append(number)
            if len(approval.booked) == 1:
                return
        elif self._past.paid(event.token) is None:
            return
        times = "again" if approval is None else f"{len(approval.booked)} times"
        first = () if approval is None else (approval.decided, *approval.booked)
        summary = (
            f"{event.device} told the host {times} of a sale of {yuan(event.amount_fen)} that a card had approved offline: under "
            f"trace number {event.stan} it is charged once more at {when(event.at_us)}."
        )
        self.report(
            self.finding(event.device, event.at_us, summary, (*first, number), event.amount_fen, "critical")
        )  # fmt: skip

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.mti != _SETTLEMENT or event.direction != "up":
            return
        batch = plain_number(event.batch)
        for approval in self._open.get(event.device, {}).values():
            late = approval.shown is not None and not approval.booked and approval.batch in ("", batch)
            if late and not approval.told:
                approval.told = True
                summary = (
                    f"{event.device} settles batch {batch} at {when(event.at_us)}, and the host has not been told of a sale of "
                    f"{yuan(approval.amount_fen)} in it that a card approved offline at {when(approval.at_us)}."
                )
                events = (approval.decided, approval.shown, number)
                self.report(
                    self.finding(event.device, event.at_us, summary, events, approval.amount_fen, "critical")
                )  # fmt: skip

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        approvals = self._open.get(event.device)
        if not approvals or not event.closed or event.repeated:
            return
        for approval in [each for each in approvals.values() if each.booked]:
            self._past.add(approval.token, paid=True)
            del approvals[approval.token]

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for device, approvals in self._open.items():
            for approval in approvals.values():
                if approval.shown is None or approval.booked:
                    continue
                if not self.books.resting(device):
                    self.checked -= 1
                    self.skip(f"{device} never came to rest to tell of its offline sales")
                    continue
                summary = (
                    f"{device} showed a sale of {yuan(approval.amount_fen)} as approved at {when(approval.at_us)} that a card "
                    "had approved offline, and the host never heard of it: the shop is not paid."
                )
                events = (approval.decided, approval.shown)
                yield self.finding(device, approval.at_us, summary, events, approval.amount_fen, "critical", at_us)


_SOLD = (intent(), starts(), card(), decides(), screen(stan="000001"), ends(), leaves())
_ADVICE = up(5, "0220")
_LEDGER = ledger()
_SETTLES = up(9, "0500", "000009", "", amount_fen=None)

OfflineOnce.cases = (
    case("told and settled", "the ordinary way", "pass", *_SOLD, _ADVICE, _LEDGER, _SETTLES, settled(1)),
    case(
        "never told", "the advice was dropped when no answer came", "finding",
        *_SOLD, _ADVICE, phase("quiescence"), phase("check"),
        guilty=8, instead=_LEDGER,
    ),
    case(
        "sent until it is there", "three times, booked once; the last answer is 94", "pass",
        *_SOLD, _ADVICE, _LEDGER, up(6, "0220"), up(7, "0220"), phase("quiescence"), phase("check"),
    ),
    case(
        "told under a new number", "each attempt is another sale to the host", "finding",
        *_SOLD, _ADVICE, _LEDGER, up(6, "0220", "000002"), ledger(2, stan="000002"), phase("quiescence"),
        guilty=10,
    ),
    case(
        "told again after its batch", "a queue that a restart brought back", "finding",
        *_SOLD, _ADVICE, _LEDGER, _SETTLES, settled(1), ledger(2, stan="000001", batch="000002"), phase("quiescence"),
        guilty=11,
    ),
    case(
        "settled too early", "the queue is not empty when settlement is asked for", "finding",
        *_SOLD, _SETTLES, _LEDGER, phase("quiescence"),
        guilty=7,
    ),
    case(
        "an older batch asked for again", "its answer was lost; the sale is of the batch after it", "pass",
        intent(), starts(), card(), decides(), screen(stan="000001", batch="000002"), ends(), leaves(), _SETTLES,
        ledger(batch="000002"), phase("quiescence"),
    ),
    case(
        "approved by the card, never shown", "power went before the record was durable: nobody was promised anything", "pass",
        *_SOLD, _LEDGER, intent(2), starts(2, intent=2), card("2", 2, 2), decides("TC", token="2", action=2), power_lost(),
        phase("quiescence"),
    ),
    case(
        "shown after a restart and lost", "the record was durable and shown late, outside any action; nobody told the host",
        "finding",
        intent(), starts(), card(), decides(), power_lost(), comes_up(), late_screen(), phase("quiescence"), phase("check"),
        guilty=7, instead=ledger(),
    ),
    case(
        "declined at the host first", "a code that a fault made it give books nothing; the next attempt is taken", "pass",
        *_SOLD, _ADVICE, ledger(state="DECLINED"), _ADVICE, ledger(2), phase("quiescence"),
    ),
    case(
        "voided later", "it was there once", "pass",
        *_SOLD, _LEDGER, ledger(1, "VOIDED", "APPROVED"), phase("quiescence"),
    ),
    case(
        "online after all", "a card that asks for the host is no offline approval", "not_checked",
        intent(), starts(), card(), decides("ARQC"), ledger(), screen(), ends(), leaves(), phase("quiescence"),
    ),
    case("never back", "the terminal is down for good", "not_checked", *_SOLD, power_lost(), phase("quiescence")),
)  # fmt: skip

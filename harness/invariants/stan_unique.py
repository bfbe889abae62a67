"""Invariant 8: within a batch, a trace number (STAN) names one request.

Models: financial requests (0100, 0200, 0220) as they leave the terminal, by device, batch and STAN. A second request under
the same STAN that differs in card presentation, amount, type or original is a reuse; so is the very same request sent
again although its answer had arrived in time. 000000 names nothing (ISO 8583 counts from 000001): no request for money,
settlement or upload goes out under it.
Does not model: whether STANs are consecutive; batches that are closed (11, 16); the number of a sign-on or an echo test, which
some hosts leave open.
Traps avoided: retransmitting the same request after a lost reply; a late reply that the terminal must discard; an advice
(0220) repeated, which the dialect allows, also from its record, which must not hold the track; a power cut between
answer and resend, or a fault in force (a wrong MAC spoils an answer); reversals carry their original's STAN; the counter
wraps from 999999 to 1; each batch starts anew.
Source: domain section 8, invariant 8; rule R1.
"""

from typing import TypeAlias

from harness.history.events import (
    BatchSettled,
    FaultLifted,
    FaultStruck,
    MessageDelivered,
    MessageDropped,
    MessageSent,
    PowerLost,
    SoftwareDied,
)
from harness.invariants.base import INVARIANTS, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import T01, arrives, at, case, down, settled, up
from harness.invariants.requests import asks_for_money

_ADVICE = "0220"
_ANSWERS = frozenset({"0110", "0210", "0230"})
_SETTLING = frozenset({"0500", "0320"})
_UNDETERMINED = frozenset({"", "68", "96", "98", "A0"})
"""Answers after which the fate of a request is open (domain 1.4)."""

_Fingerprint: TypeAlias = tuple[str, str, int | None, str]
"""Message type, processing code, amount, original."""


class _Use:
    """One STAN in use: the request that went out under it."""

    __slots__ = ("answered", "at_us", "fingerprint", "in_time", "number", "token")

    def __init__(self, fingerprint: _Fingerprint, token: str, number: int, at_us: int) -> None:
        self.fingerprint = fingerprint
        self.token = token
        self.number = number
        self.at_us = at_us
        self.answered: int | None = None
        self.in_time = False

    def is_same(self, fingerprint: _Fingerprint, token: str) -> bool:
        """Whether a request with this fingerprint and card presentation is this one sent again."""
        if fingerprint != self.fingerprint:
            return False
        # Track data must not be stored (28): an advice repeated from its record goes out without it.
        return token == self.token or (not token and fingerprint[0] == _ADVICE)


@INVARIANTS.register("stan_unique")
class StanUnique(Invariant):
    """Within a batch, a trace number is used for one request only."""

    number = 8
    name = "stan_unique"
    evidence = "requests as sent, by terminal, batch and trace number"
    requires = ("financial requests",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._undetermined = terms.undetermined(_UNDETERMINED)
        self._uses: dict[tuple[str, str], dict[str, _Use]] = {}
        self._replies: dict[int, tuple[_Use, int]] = {}
        self._disturbed: dict[str, int] = {}

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.direction == "up":
            asks = asks_for_money(event)
            if (asks or event.mti in _SETTLING) and plain_number(event.stan) == "0":
                self._without_a_number(number, event)
            if asks and event.stan:
                self._request(number, event)
        elif event.mti in _ANSWERS and event.response_code not in self._undetermined:
            use = self._uses.get((event.device, event.batch), {}).get(event.stan)
            if use is not None:
                self._replies[event.message] = (use, use.at_us + self.terms.reply_timeout_us(event.device))

    def _without_a_number(self, number: int, event: MessageSent) -> None:
        summary = (
            f"{event.device} sent a request ({event.mti}) of batch {event.batch or '?'} under trace number {event.stan}, which "
            f"is no number, at {when(event.at_us)}; 999999 is followed by 000001."
        )
        self.report(self.finding(event.device, event.at_us, summary, (number,), event.amount_fen or 0, "minor"))

    def _request(self, number: int, event: MessageSent) -> None:
        self.checked += 1
        key = (event.device, event.batch)
        uses = self._uses.get(key)
        if uses is None:
            uses = self._uses[key] = {}
        fingerprint = (event.mti, event.processing_code, event.amount_fen, event.original_stan)
        use = uses.get(event.stan)
        if use is None:
            uses[event.stan] = _Use(fingerprint, event.token, number, event.at_us)
            return
        if not use.is_same(fingerprint, event.token):
            self._guilty(number, event, use, "for two different requests")
            uses[event.stan] = _Use(fingerprint, event.token, number, event.at_us)
        elif self._was_answered(event, use):
            self._guilty(number, event, use, "again for a request that had been answered")
            use.answered = None

    def _was_answered(self, event: MessageSent, use: _Use) -> bool:
        if use.answered is None or not use.in_time or event.mti == _ADVICE:
            return False
        if self.books.device(event.device).conditions:
            return False  # the answer may have been spoilt
        return self._disturbed.get(event.device, -1) < use.number

    def _guilty(self, number: int, event: MessageSent, use: _Use, how: str) -> None:
        amount_fen = event.amount_fen or 0
        summary = (
            f"{event.device} used trace number {event.stan} of batch {event.batch or '?'} {how}: at {when(use.at_us)} and "
            f"at {when(event.at_us)}, the second for {yuan(amount_fen)}."
        )
        events = (use.number, use.answered, number)
        self.report(self.finding(event.device, event.at_us, summary, events, amount_fen, "major"))

    @on(MessageDelivered)
    def _delivered(self, number: int, event: MessageDelivered) -> None:
        reply = self._replies.pop(event.message, None)
        if reply is not None:
            use, deadline_us = reply
            use.answered = number
            use.in_time = event.at_us <= deadline_us

    @on(MessageDropped)
    def _dropped(self, number: int, event: MessageDropped) -> None:
        self._replies.pop(event.message, None)

    @on(PowerLost, SoftwareDied)
    def _disturbance(self, number: int, event: PowerLost | SoftwareDied) -> None:
        self._disturbed[event.device] = number

    @on(FaultLifted)
    def _lifted(self, number: int, event: FaultLifted) -> None:
        for device in event.devices:
            self._disturbed[device] = number

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if event.closed and not event.repeated:
            closed = plain_number(event.batch)
            for key in [
                each for each in self._uses if each[0] == event.device and plain_number(each[1]) in ("", closed)
            ]:
                del self._uses[key]


_ANSWERED = (up(1), arrives(1), down(2), arrives(2))

StanUnique.cases = (
    case("counts up", "each request its own number", "pass", up(1), up(3, stan="000002", token="2")),
    case(
        "reused for another card", "the counter was kept in RAM and power went", "finding",
        *_ANSWERED, PowerLost(0, T01, "power_loss#1"), up(3, token="2"),
        guilty=5, instead=up(3, stan="000002", token="2"),
    ),
    case(
        "reused with another amount", "same card, another amount", "finding",
        up(1), up(3, amount_fen=2000),
        guilty=1, instead=up(3),
    ),
    case("retransmission", "the reply was lost and the same request is sent again", "pass", up(1), up(3)),
    case(
        "resent though answered", "declined for a wrong PIN, tried again under the same number", "finding",
        up(1), arrives(1), down(2, code="55"), arrives(2), up(3),
        guilty=4, instead=up(3, stan="000002"),
    ),
    case(
        "late reply", "the reply came after the terminal had given up waiting", "pass",
        at(1, up(1)), at(90, down(2)), at(91, arrives(2)), at(92, up(3)),
    ),
    case(
        "answer without a verdict", "98: no issuer reply; the request may be sent again", "pass",
        up(1), arrives(1), down(2, code="98"), arrives(2), up(3),
    ),
    case(
        "advice repeated", "a refund advice is sent until it is answered, also after a reboot", "pass",
        up(1, "0220"), arrives(1), down(2, "0230"), arrives(2), up(3, "0220"),
    ),
    case(
        "advice repeated from its record", "the track is not kept: the repeat names the original and no card", "pass",
        up(1, "0220"), up(3, "0220", token=""), up(5, "0220", token=""),
    ),
    case(
        "advice for another card", "not the same refund sent again", "finding",
        up(1, "0220"), up(3, "0220", token="2"),
        guilty=1, instead=up(3, "0220", token=""),
    ),
    case(
        "sale without its track", "a sale is no advice: without the card it is another request", "finding",
        up(1), up(3, token=""),
        guilty=1, instead=up(3),
    ),
    case(
        "cut after the answer", "the answer arrived and power went before it was read", "pass",
        *_ANSWERED, PowerLost(0, T01, "power_loss#1"), up(3),
    ),
    case(
        "answer with a wrong MAC", "the terminal could not trust it", "pass",
        FaultStruck(0, "wrong_mac#1", "wrong_mac", (T01,)), *_ANSWERED, up(3),
    ),
    case("reversal", "a reversal carries the number of its original", "pass", up(1), up(3, "0400", token="")),
    case("next batch", "numbers start anew with each batch", "pass", *_ANSWERED, settled(1), up(3, token="2")),
    case(
        "another batch", "the batch is part of the name", "pass",
        *_ANSWERED, up(3, token="2", batch="000002"),
    ),
    case(
        "behind 999999", "the counter wraps to 1", "pass",
        up(1, stan="999999"), up(3, stan="000001", token="2"),
    ),
    case(
        "wrapped to nothing", "000000 is no trace number", "finding",
        up(1, stan="999999"), up(3, stan="000000", token="2"),
        guilty=1, instead=up(3, stan="000001", token="2"),
    ),
    case(
        "settled under nothing", "a settlement has a number of its own too", "finding",
        up(1, stan="999999"), up(3, "0500", stan="000000", token=""),
        guilty=1, instead=up(3, "0500", stan="000001", token=""),
    ),
    case(
        "echo test without a number", "what only asks whether the host is there may carry none", "pass",
        up(1, "0800", stan="000000", token=""), up(3),
    ),
    case("no requests", "sign-on only", "not_checked", up(1, "0800", token="")),
)  # fmt: skip

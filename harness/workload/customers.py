"""A customer at the till: one purchase intent from its opening to its close.

Models: the sale keyed in, the card shown when the terminal asks (a new token each time), patience, a second card or cash
after a decline, another try after an unknown end, the card shown twice or the key pressed twice when it is slow, walking
away; guests of a hotel who check in and out. The customer believes what the terminal last showed for their purchase.
Does not model: customers who lie, or who come back the next day about a charge. Source: the list of behaviours is from
field articles; every chance is ``Behaviour``'s, every time an assumption.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum, auto

from simpy.events import Event as SimEvent

from harness.contract import ActionKind, Outcome
from harness.core.units import US_PER_MINUTE, US_PER_SECOND
from harness.device.chip import Chip
from harness.history.events import IntentClosed, IntentOpened, Presented
from harness.workload import stays, support
from harness.workload.arrivals import Visit
from harness.workload.cards import payment_code
from harness.workload.chips import drawn_chip, shown
from harness.workload.occasions import check_out, excused, served_by_scan, what_about
from harness.workload.operators import pull_plug, react_to_full, reprint, revive
from harness.workload.ports import PendingPort
from harness.workload.stays import Stay
from harness.workload.till import SaleReceipt, Steps, Till, outcome_of
from harness.workload.waiting import TOO_LATE

_HANGS_AFTER_US = 5 * US_PER_MINUTE
"""How long the operator waits for a terminal after the customer has left."""


class Ending(Enum):
    """How one try ended, as the people at the counter see it."""

    PAID = auto()
    DECLINED = auto()
    FULL = auto()
    """The terminal asks for settlement first."""
    REFUSED = auto()
    UNKNOWN = auto()
    DEAD = auto()
    """There was no working terminal to try it on."""
    LEFT = auto()
    """Patience ran out while the terminal was still busy."""


_TRADE = frozenset({"sale", "preauth", "completion"})
"""What counts for the share of sales that were accepted."""
_SCANNED: dict[ActionKind, ActionKind] = {"sale": "scan_sale", "refund": "scan_refund"}
"""Keys of scan-to-pay."""
_OTHER_CARD = frozenset({"sale", "preauth"})
_BELIEF = {
    Ending.PAID: "paid",
    Ending.DECLINED: "not_paid",
    Ending.FULL: "not_paid",
    Ending.REFUSED: "not_paid",
    Ending.UNKNOWN: "unknown",
}


class Customer:
    """One purchase intent. ``original`` is the receipt of what a void, refund or check-out is about; ``stay``: who checks out.

    ``counts``: whether its sale is trade. Support's sale that shows that a terminal is back is not: a day on which nothing
    could be sold would pass on its account. ``returns``: the purchase was opened before the power went; the customer, who does
    not know how it ended, is still there. ``chip``: what the card's chip does, where that is not left to chance. ``repeats``: the
    intent that has paid, when its sale is keyed in again by mistake.
    """

    __slots__ = (
        "_belief", "_by_code", "_card_choice", "_chip", "_closed", "_counts", "_gave_way", "_has_chip", "_opened_us",
        "_presented_in_try", "_repeats", "_returns", "_scans", "_settled", "_stay", "_tokens", "_tries", "amount_fen", "intent",
        "kind", "original", "till", "visit",
    )  # fmt: skip

    def __init__(
        self,
        till: Till,
        visit: Visit,
        *,
        counts: bool = True,
        returns: bool = False,
        stay: Stay | None = None,
        chip: Chip | None = None,
        repeats: int | None = None,
    ) -> None:
        self.till = till
        self.visit = visit
        self.intent = till.intent_of(visit)
        self._stay = stay
        self._chip = chip
        self.kind: ActionKind
        self.kind, self.original = what_about(till, visit) if stay is None else (check_out(visit), stay.slip)
        is_due = self.original is None or self.kind == "completion"
        self.amount_fen = visit.amount_fen if is_due or self.original is None else self.original.amount_fen
        if self.kind == "refund" and till.happens(
            till.behaviour.keys_too_much_percent, f"i{self.intent}/nought_too_many"
        ):
            self.amount_fen *= 10
        self._counts = counts and self.kind in _TRADE
        self._returns = returns
        self._repeats = repeats
        self._belief = "not_paid"
        # Whoever wants money back comes with what the money was paid with.
        self._card_choice = visit.card_choice if self.original is None else self.original.card_choice
        by_code = visit.pays_by_code and self.kind != "preauth"
        self._by_code = by_code if self.original is None else self.original.by_code
        self._has_chip = self.kind == "sale" and till.happens(till.behaviour.chip_percent, f"i{self.intent}/chip")
        if self._has_chip or chip is not None:
            self._by_code = False
        self._scans = self.kind == "sale" and visit.pays_by_code and served_by_scan(till, f"i{self.intent}")
        if self.original is not None:
            self._scans = self.original.scanned
        self._closed = False
        self._gave_way = False
        self._opened_us = 0
        self._presented_in_try = False
        self._settled = False
        self._tokens: list[str] = []
        self._tries = 0

    @property
    def card_choice(self) -> float:
        """Which card was shown last."""
        return self._card_choice

    def at_the_till(self) -> Generator[SimEvent, object, Ending]:
        """All of it: open, try, think, try again, leave. Gives how the last try ended."""
        till = self.till
        self._opened_us = till.world.now_us
        if not self._returns:
            stay = self._stay
            held_fen, check_in = (None, None) if stay is None else (stay.held_fen, stay.check_in)
            till.emit(
                IntentOpened(
                    self._opened_us,
                    till.station.name,
                    self.intent,
                    self.kind,
                    self.amount_fen,
                    held_fen,
                    check_in,
                    self._repeats,
                )
            )
        if self._counts:
            till.tally.asked += 1
        ending = Ending.DEAD
        for attempt in range(till.behaviour.attempts):
            ending = yield from self._try()
            self._belief = _BELIEF.get(ending, self._belief)
            if ending is Ending.FULL and self._settled:
                till.settled_in_vain = True
            last = attempt + 1 == till.behaviour.attempts
            if ending in (Ending.PAID, Ending.DEAD, Ending.LEFT) or last:
                break
            again = yield from self._think(ending)
            if self._belief == "paid":
                ending = Ending.PAID
                break
            if not again:
                break
        if ending is Ending.PAID and self._stay is not None:
            yield from self._once_more(self._stay)
        self._close(walked_away=ending in (Ending.DEAD, Ending.LEFT))
        if till.happens(till.behaviour.reprints_percent, f"i{self.intent}/reprints"):
            yield from reprint(till)
        self._count(ending)
        return ending

    def _once_more(self, stay: Stay) -> Steps:
        """Somebody who did not see that the guest has checked out completes the slip, with the card still on the desk."""
        behaviour = self.till.behaviour
        again = self.kind == "completion"
        percent = behaviour.completes_again_percent if again else behaviour.completes_voided_percent
        if self.till.happens(percent, f"i{self.intent}/completes_again"):
            self.kind = "completion"
            yield self.till.pause(20 * US_PER_SECOND)
            yield from self._try()

    # ------------------------------------------------------------ one try

    def _try(self) -> Generator[SimEvent, object, Ending]:
        till, station = self.till, self.till.station
        self._presented_in_try = False
        patience_us = int(till.behaviour.patience_us * self.visit.patience)
        occasion = f"i{self.intent}/{self._tries}"
        self._tries += 1
        if not station.ready:
            ready = yield from revive(till, till.world.now_us + patience_us, occasion)
            if not ready:
                self._gave_way = till.trade == "closing"
                return Ending.DEAD
        yield till.pause(till.at_this_pace(self.visit.keying_us))
        if till.trade == "closing":
            self._gave_way = True
            return Ending.DEAD
        if not station.ready:
            return Ending.DEAD
        pending = self._ask()
        done = yield from self._until_done(pending, till.world.now_us + patience_us, occasion)
        if done:
            return self._judge(pending, outcome_of(pending))
        answer = till.witness.answer(station.name, pending.number)
        if answer is not None and answer.kind == "approved":
            self._partly(answer.amount_fen)
            return self._paid(answer.stan, answer.batch, None)
        # The customer has had enough. What becomes of the sale now is between the operator and the terminal.
        self._belief = "unknown" if self._tokens else self._belief
        self._close(walked_away=True)
        yield from self._free_the_terminal(pending, occasion)
        return Ending.LEFT

    def _ask(self) -> PendingPort:
        kind: ActionKind = _SCANNED[self.kind] if self._scans else self.kind
        original = self.original
        if original is None:
            return self.till.station.request(kind, self.amount_fen, self.intent)
        held_fen = 0 if self._stay is None else self._stay.held_fen
        return self.till.station.request(
            kind, self.amount_fen, self.intent, original.stan, original.batch, original.rrn, original.date, held_fen
        )

    def _until_done(self, pending: PendingPort, deadline_us: int, occasion: str) -> Generator[SimEvent, object, bool]:
        """Show the card when asked, wait, grow impatient. False when patience is over before the terminal is done."""
        till = self.till
        reader = till.station.hardware.card_reader
        answered: SimEvent | None = None
        slow_at_us: int | None = None
        while True:
            request = reader.requested
            events = (pending.done,) if request is answered else (pending.done, request)
            until_us = deadline_us if slow_at_us is None else min(slow_at_us, deadline_us)
            place = yield till.alarm.first_of(events, until_us)
            if place == 0:
                return True
            if place != TOO_LATE:
                answered = request
                yield till.pause(till.at_this_pace(self.visit.reaching_us))
                if not pending.done.triggered:
                    self._present(pending)
                    slow_at_us = till.world.now_us + till.behaviour.slow_after_us
            elif slow_at_us is not None and till.world.now_us < deadline_us:
                slow_at_us = None
                self._grow_impatient(pending, occasion)
            else:
                return False

    def _present(self, pending: PendingPort) -> None:
        till = self.till
        token = till.next_token()
        self._tokens.append(token)
        self._presented_in_try = True
        till.emit(Presented(till.world.now_us, till.station.name, self.intent, token, pending.number))
        chip = self._chip
        if chip is None and self._has_chip:
            chip = drawn_chip(till, f"i{self.intent}/{len(self._tokens)}")
        if self._scans:
            till.station.present_card(payment_code(self._card_choice, token))
            return
        till.station.present_card(*shown(self._card_choice, self._by_code, token, chip))

    def _grow_impatient(self, pending: PendingPort, occasion: str) -> None:
        behaviour = self.till.behaviour
        if self.till.happens(behaviour.shows_card_again_percent, f"{occasion}/card_again"):
            self._present(pending)
        if self.till.happens(behaviour.presses_key_again_percent, f"{occasion}/key_again"):
            self.till.station.press_key(self.kind)

    def _free_the_terminal(self, pending: PendingPort, occasion: str) -> Steps:
        """The customer has left; the operator wants the till back."""
        till = self.till
        if till.trade != "closing" and till.happens(till.behaviour.pulls_plug_percent, f"{occasion}/pulls_plug"):
            yield from pull_plug(till, "it takes too long", occasion)
            return
        till.station.press_key("cancel")
        place = yield till.alarm.first_of((pending.done,), till.world.now_us + _HANGS_AFTER_US)
        if place == TOO_LATE and till.behaviour.power_cycles_dead_terminal and till.trade != "closing":
            yield from pull_plug(till, "it hangs", occasion)

    # ------------------------------------------------------------ what people make of it

    def _judge(self, pending: PendingPort, outcome: Outcome | None) -> Ending:
        """What the terminal said. The software's own word (``outcome``) counts only where people cannot see better."""
        answer = self.till.witness.answer(self.till.station.name, pending.number)
        if answer is None:
            return Ending.UNKNOWN if self._presented_in_try else Ending.REFUSED
        if answer.kind == "approved":
            self._partly(answer.amount_fen)
            return self._paid(answer.stan, answer.batch, outcome)
        if answer.asks_for_settlement:
            return Ending.FULL
        if answer.kind == "declined":
            return Ending.DECLINED
        if answer.kind in ("refused", "error", "settle_failed"):
            return Ending.REFUSED
        return Ending.UNKNOWN

    def _partly(self, shown_fen: int | None) -> None:
        """The card was good for a part, as the terminal says: the rest is paid in cash, and the slip is about the part."""
        if self.kind == "sale" and shown_fen is not None and 0 < shown_fen < self.amount_fen:
            self.amount_fen = shown_fen

    def _paid(self, stan: str, batch: str, outcome: Outcome | None) -> Ending:
        till = self.till
        if outcome is not None:
            stan, batch = stan or outcome.stan, batch or outcome.batch
        if self.kind in stays.CHECK_OUTS and self.kind != "completion":
            return Ending.PAID
        if self.original is not None and self.kind != "completion":
            torn_up = not till.happens(till.behaviour.asks_again_percent, f"i{self.intent}/keeps_slip")
            for pile in (till.unsettled_sales, till.settled_sales):
                if torn_up and self.original in pile:
                    pile.remove(self.original)
        elif stan:
            rrn = outcome.rrn if outcome is not None else ""
            slip = SaleReceipt(
                self.amount_fen, stan, batch, rrn, till.date_text(), self._card_choice, self._by_code, self.kind,
                self._scans,
            )  # fmt: skip
            if self.kind == "preauth":
                stays.begin(till, self.visit, slip)
            else:
                till.unsettled_sales.append(slip)
        return Ending.PAID

    def _think(self, ending: Ending) -> Generator[SimEvent, object, bool]:
        """Whether to try again, and the time that it takes to make up one's mind."""
        till = self.till
        if till.trade == "closing" and ending is not Ending.UNKNOWN:
            self._gave_way = True
            return False
        occasion = f"i{self.intent}/{self._tries}"
        if ending is Ending.DECLINED:
            if self._keys_less():
                yield till.pause(20 * US_PER_SECOND)
                return True
            again = self.kind in _OTHER_CARD and till.happens(
                till.behaviour.tries_other_card_percent, f"{occasion}/other_card"
            )
            # Another card is another number; half a turn round the range never lands on the same one.
            self._card_choice = (self._card_choice + 0.5) % 1.0
            yield till.pause(8 * US_PER_SECOND)
            return again
        if ending is Ending.FULL:
            acted = yield from react_to_full(till, occasion)
            self._settled = acted
            if not acted:
                support.call(till, occasion)
            return acted
        if ending is Ending.REFUSED:
            support.call(till, occasion)
            yield till.pause(20 * US_PER_SECOND)
            return self._keys_less() or self._tries < 2
        yield till.pause(15 * US_PER_SECOND)
        if not till.station.ready:
            yield from till.wait_until_ready(till.world.now_us + till.behaviour.patience_us)
        late = till.witness.late_approval(till.station.name, self.amount_fen, self._opened_us)
        if late is not None:
            self._belief = "paid"
            if self.kind == "preauth":
                self._paid(late.stan, late.batch, None)
            return False
        if till.trade == "closing":
            self._gave_way = True
            return False
        return till.happens(till.behaviour.retries_after_unknown_percent, f"{occasion}/again")

    def _keys_less(self) -> bool:
        """A bill beyond what the hold allows was not taken: as much as it allows is."""
        if self._stay is None or self.kind != "completion" or self.amount_fen <= self._stay.most_fen:
            return False
        self.amount_fen = self._stay.most_fen
        return True

    def _close(self, walked_away: bool) -> None:
        if not self._closed:
            self._closed = True
            till = self.till
            till.emit(IntentClosed(till.world.now_us, till.station.name, self.intent, self._belief, walked_away))

    def host_declined(self) -> bool:
        """Whether the host has declined one of the cards that were shown: a terminal alone could say so of all."""
        device = self.till.station.name
        return any(self.till.witness.host_declined(device, token) for token in self._tokens)

    def _count(self, ending: Ending) -> None:
        """Sort this sale into the tally."""
        if not self._counts:
            return
        till, tally = self.till, self.till.tally
        if ending is Ending.PAID:
            tally.accepted += 1
        elif self._could_be_declined(ending) and self.host_declined():
            tally.declined += 1
        elif self._gave_way or excused(till, self._opened_us):
            tally.infeasible += 1
        elif ending is Ending.FULL:
            # Full with nobody settling is the people's doing; full in spite of settling is the terminal's.
            if till.settled_in_vain:
                tally.refused_full += 1
            else:
                tally.infeasible += 1
        elif ending in (Ending.REFUSED, Ending.DECLINED):
            tally.refused += 1
        else:
            tally.unanswered += 1

    def _could_be_declined(self, ending: Ending) -> bool:
        """Whoever never confirms on the phone may have left before the order was over."""
        return ending is Ending.DECLINED or (ending is Ending.LEFT and self._scans)

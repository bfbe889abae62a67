"""Pre-authorisation at the terminal: an amount is held at check-in, and what is due is taken from it at check-out.

Models: pre-authorisation, its void, completion and completion void, each with the same care as a sale: it goes through the
same admission, write-ahead record, reversal and log. The host knows the hold; the terminal refuses what its own log or the
slip in the operator's hand shows to be wrong: a hold completed or voided in this batch, an amount above 115 %.
Does not model: completion without the card, completion by notice. Source: UnionPay practice (domain notes 1.1).
"""

from __future__ import annotations

from harness.contract import Action, CardData, Outcome, Refused
from harness.terminals.reference.records import Transaction
from harness.terminals.reference.settling import SettlingTerminal

COMPLETION_PERCENT_MAX = 115
_NOT_FOUND = Refused("original_not_found", "原交易不存在 ORIGINAL NOT FOUND")


class HoldingTerminal(SettlingTerminal):
    """The actions about holds, over what every transaction goes through."""

    def preauth(self, action: Action) -> Outcome:
        """Hold an amount on the guest's card."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        card = self.read_card()
        if isinstance(card, Outcome):
            return card
        return self.conduct(self.compose("preauth", action, card.pan, card), card, card.pan)

    def completion(self, action: Action) -> Outcome:
        """Take what is due from a hold, which may be of an older batch: then the host alone knows it."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        hold = self.hold_named(action)
        refusal = self.hold_refusal(action, hold) or self.amount_refusal(action, hold)
        if refusal is not None:
            return refusal
        card = self.read_card()
        if isinstance(card, Outcome):
            return card
        return self.conduct(self.compose("completion", action, card.pan, card, hold), card, card.pan)

    def preauth_void(self, action: Action) -> Outcome:
        """Give up a hold, whole and once."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        hold = self.hold_named(action)
        refusal = self.hold_refusal(action, hold)
        if refusal is not None:
            return refusal
        if hold is not None:
            pan = self.unseal(hold)
            return self.conduct(self.compose("preauth_void", action, pan, None, hold), None, pan)
        card = self.read_card()
        if isinstance(card, Outcome):
            return card
        return self.conduct(self.compose("preauth_void", action, card.pan, card), card, card.pan)

    def completion_void(self, action: Action) -> Outcome:
        """Take back a completion of this batch, whole and once."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        original = self.find(action.original_stan)
        if original is None or original.kind != "completion" or action.original_batch not in ("", original.batch):
            return _NOT_FOUND
        if self.books.is_voided(original.stan):
            return Refused("already_voided", "原交易已撤销 ALREADY VOIDED")
        pan = self.unseal(original)
        return self.conduct(self.compose("completion_void", action, pan, None, original), None, pan)

    def hold_named(self, action: Action) -> Transaction | None:
        """The hold as this batch's log has it."""
        return self.find(action.original_stan) if action.original_batch in ("", self.books.batch) else None

    def hold_refusal(self, action: Action, hold: Transaction | None) -> Outcome | None:
        """Why nothing more can be done with the hold, as far as the log of this batch tells."""
        if not action.original_stan or (hold is not None and hold.kind != "preauth"):
            return _NOT_FOUND
        if self.books.is_used(action.original_batch, action.original_stan):
            return Refused("hold_used", "原预授权已完成或撤销 PREAUTH COMPLETED OR VOIDED")
        return None

    def amount_refusal(self, action: Action, hold: Transaction | None) -> Outcome | None:
        """Whether more is asked for than a hold allows, by the log or else by the slip."""
        held_fen = hold.amount_fen if hold is not None else action.original_amount_fen
        if held_fen and action.amount_fen * 100 > held_fen * COMPLETION_PERCENT_MAX:
            return Refused("above_hold", "超过预授权金额的115% ABOVE 115 % OF PREAUTH")
        return None

    # ------------------------------------------------------------ what every transaction goes through

    def admission(self, action: Action) -> Outcome | None:
        """Why this request must not be tried, or None."""
        raise NotImplementedError

    def read_card(self) -> CardData | Outcome:
        """Ask for a card."""
        raise NotImplementedError

    def find(self, stan: str) -> Transaction | None:
        """The logged transaction with this trace number."""
        raise NotImplementedError

    def compose(
        self, kind: str, action: Action, pan: str, card: CardData | None, original: Transaction | None = None
    ) -> Transaction:
        """The transaction to be sent."""
        raise NotImplementedError

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        """Send the transaction once."""
        raise NotImplementedError

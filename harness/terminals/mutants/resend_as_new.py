"""Defect: a sale without an answer is sent again under a new trace number, and the first one is forgotten.

The host cannot know that both are one purchase. Must be caught by I3 (double charge).
"""

from dataclasses import replace

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class ResendAsNew(ReferenceTerminal):
    """See the module's first lines."""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        outcome = super().conduct(transaction, card, pan)
        if outcome.kind != "unknown" or transaction.kind != "sale":
            return outcome
        assert self.store is not None
        self.store.clear(transaction.stan, "sent again")
        return super().conduct(replace(transaction, stan=self.take_stan()), card, pan)

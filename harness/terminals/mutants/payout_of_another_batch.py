"""Defect: what the acquirer paid for the batch before is shown as the open batch's.

Must be caught by I30 (paid is what the acquirer told of that batch).
"""

from harness.contract import Outcome
from harness.iso8583.funds import Payout63
from harness.terminals.reference import ReferenceTerminal


class PayoutOfAnotherBatch(ReferenceTerminal):
    """See the module's first lines."""

    def tell_payout(self, batch: str, told: Payout63) -> Outcome:
        own = self.books.batch
        return super().tell_payout(own, Payout63(own, told.state, told.amount_fen, told.due, told.cycle))

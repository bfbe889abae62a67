"""Defect: of a payout that came back the terminal says that it is expected.

Must be caught by I30 (a wrong account is shown, never lost in silence).
"""

from harness.contract import Outcome
from harness.iso8583.funds import Payout63
from harness.terminals.reference import ReferenceTerminal


class BounceAsPending(ReferenceTerminal):
    """See the module's first lines."""

    def tell_payout(self, batch: str, told: Payout63) -> Outcome:
        state = "pending" if told.state in ("bounced", "held") else told.state
        return super().tell_payout(batch, Payout63(told.batch, state, told.amount_fen, told.due, told.cycle))

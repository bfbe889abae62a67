"""Defect: a slip that has been completed is completed again, by anybody who keys it in.

Where the acquirer books what it is sent, the guest pays twice. Must be caught by I21 (one completion within the hold).
"""

from harness.contract import Action, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class CompletesTwice(ReferenceTerminal):
    """See the module's first lines."""

    def hold_refusal(self, action: Action, hold: Transaction | None) -> Outcome | None:
        refusal = super().hold_refusal(action, hold)
        is_void = hold is not None and self.books.is_voided(hold.stan)
        return None if refusal is not None and refusal.reason == "hold_used" and not is_void else refusal

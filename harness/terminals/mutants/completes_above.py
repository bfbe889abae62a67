"""Defect: a completion is sent with whatever amount is keyed in, above 115 % of what was held.

Must be caught by I21 (one completion within the hold).
"""

from harness.contract import Action, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class CompletesAbove(ReferenceTerminal):
    """See the module's first lines."""

    def amount_refusal(self, action: Action, hold: Transaction | None) -> Outcome | None:
        return None

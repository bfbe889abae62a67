"""Defect: a sale that is not in the log is voided by what the operator reads from its slip (R10).

It is not in the log because it was settled. Must be caught by I20 (voids and refunds).
"""

from harness.contract import Action, Outcome
from harness.terminals.reference import ReferenceTerminal


class VoidSettled(ReferenceTerminal):
    """See the module's first lines."""

    def void(self, action: Action) -> Outcome:
        outcome = super().void(action)
        if outcome.reason != "original_not_found":
            return outcome
        return self.conduct(self.compose("void", action, "", None), None, "")

"""Defect: whether a pre-authorisation has been voided is not looked up before it is completed, only whether it was completed.

The guest had paid otherwise, and pays again. Must be caught by I21 (one completion within the hold).
"""

from harness.contract import Action, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class CompletesVoided(ReferenceTerminal):
    """See the module's first lines."""

    def hold_refusal(self, action: Action, hold: Transaction | None) -> Outcome | None:
        refusal = super().hold_refusal(action, hold)
        if refusal is None or refusal.reason != "hold_used" or action.kind != "completion":
            return refusal
        logged = [self.store.read(offset) for offset in self.books.active_offsets()] if self.store is not None else []
        completed = any(
            each is not None and each.kind == "completion" and each.original_stan == action.original_stan
            for each in logged
        )
        return refusal if completed else None

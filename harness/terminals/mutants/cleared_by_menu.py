"""Defect D11: "clear cache" in the menu empties every flag and file that is no record, the pending reversal among them.

Seen in public terminal code as "clear reversal", for shops that cannot sell. Must be caught by I5 (reversal removal).
"""

from harness.contract import Action, Outcome
from harness.terminals.reference import ReferenceTerminal


class ClearedByMenu(ReferenceTerminal):
    """See the module's first lines."""

    def clear_cache(self, action: Action) -> Outcome:
        if self.store is not None and self.books.pending is not None:
            self.store.clear(self.books.pending.stan, "cleared by the menu")
        return super().clear_cache(action)

"""Defect D11: "clear reversal" in the service menu ends a pending settlement as well, as if the host had closed the batch.

Seen in public terminal code: both marks stand in the same few bytes, the menu empties them, and the next batch begins over the
records of the last. Must be caught by I11 (the log is cleared on the host's proof alone).
"""

from __future__ import annotations

from harness.contract import Action, Done, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import StorageFault


class ClearsTooMuch(ReferenceTerminal):
    """See the module's first lines."""

    def clear_reversal(self, action: Action) -> Outcome:
        outcome = super().clear_reversal(action)
        if self.store is None or self.books.settlement is None:
            return outcome
        try:
            self.store.close_batch(False, self.books.settlement.totals)
        except StorageFault:
            return outcome
        return Done("已清除 CLEARED")

"""Defect D3: after three tries without an answer the reversal is deleted, and the next sale goes out.

Seen in public terminal code: what the resending returned is ignored. Must be caught by I5 (reversal removal), and by I6 (the
reversal first), for the sale goes out with its doubt unresolved.
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.doubts import ATTEMPTS


class ReversalGivenUp(ReferenceTerminal):
    """See the module's first lines."""

    def resolve_doubt(self, attempts: int = ATTEMPTS) -> bool:
        if super().resolve_doubt(attempts):
            return True
        if attempts == ATTEMPTS and self.store is not None and self.books.pending is not None:
            self.store.clear(self.books.pending.stan, "given up")
            return True
        return False

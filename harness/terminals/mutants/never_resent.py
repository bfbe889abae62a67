"""Defect: a pending reversal is kept for ever and never sent; new sales are refused until a technician comes.

Must be caught by I22 (pending reversals end).
"""

from harness.terminals.reference import ReferenceTerminal


class NeverResent(ReferenceTerminal):
    """See the module's first lines."""

    def resolve_doubt(self, attempts: int = 0) -> bool:
        return self.books.pending is None

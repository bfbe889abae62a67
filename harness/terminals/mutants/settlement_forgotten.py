"""Defect: after a restart nobody knows that a settlement was under way, and the terminal sells.

Must be caught by I23 (no sale before an interrupted settlement has ended).
"""

from harness.terminals.reference import ReferenceTerminal


class SettlementForgotten(ReferenceTerminal):
    """See the module's first lines."""

    def store_opened(self) -> None:
        self.books.settlement = None
        super().store_opened()

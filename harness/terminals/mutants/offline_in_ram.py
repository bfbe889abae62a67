"""Defect: which offline sales the host has not been told of is known in memory alone; the log keeps them as any other sale.

Must be caught by I25 (each offline sale reaches the host) and I1 (lost approval).
"""

from harness.terminals.reference import ReferenceTerminal


class OfflineInRam(ReferenceTerminal):
    """See the module's first lines."""

    def store_opened(self) -> None:
        del self.books.unsent[:]
        super().store_opened()

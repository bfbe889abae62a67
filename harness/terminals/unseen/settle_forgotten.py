"""Defect: that a settlement is under way is forgotten at a restart; the batch is open for sales again.

The host may have closed the batch: what is sold now is in no batch of the host, or the next settlement differs. And nobody
resumes. Shows when power goes between the settlement request and the clearing of the log.
"""

from __future__ import annotations

from harness.terminals.reference import ReferenceTerminal


class SettleForgotten(ReferenceTerminal):
    """See the module's first lines."""

    def store_opened(self) -> None:
        self.books.settlement = None
        super().store_opened()

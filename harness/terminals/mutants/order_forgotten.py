"""Defect: an order that was open when the power went is thrown away at the next start.

The customer's payment came a second later. Must be caught by I30 (an order that was paid and is not known) and I31 (silent
charge).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import SCAN_SALE


class OrderForgotten(ReferenceTerminal):
    """See the module's first lines."""

    def store_opened(self) -> None:
        pending = self.books.pending
        if self.store is not None and pending is not None and pending.kind == SCAN_SALE:
            self.store.clear(pending.stan, "dropped at start")
        super().store_opened()

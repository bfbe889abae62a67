"""Defect: the settlement slip is added up anew from all records, voided sales included, while the host gets the right totals.

The merchant files a slip with more on it than the bank pays. Must be caught by I12 (settled exactly once, as the slip says).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import BatchTotals, Settlement
from harness.terminals.reference.store import Store


class SlipCountsVoids(ReferenceTerminal):
    """See the module's first lines."""

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        totals = BatchTotals()
        for stan in range(1, self.books.stan + 1):
            record = self.find(f"{stan:06d}")
            if record is not None:
                totals = totals.plus(record)
        store.close_batch(settlement.balanced, totals)

"""Defect: settlement clears the log and leaves the batch number to the next sign-on; until then sales go out under the old one.

Must be caught by I16 (a batch number is not used again).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.books import Books
from harness.terminals.reference.records import Base, BatchTotals, Slip
from harness.terminals.reference.store import Store


class StayingStore(Store):
    """Clears the log under the same number."""

    def close_batch(self, balanced: bool, totals: BatchTotals) -> None:
        old = self.books
        self._open_batch(Books(Base(old.batch, old.stan, 0, 0, True, Slip(old.batch, totals, balanced))))


class BatchStays(ReferenceTerminal):
    """See the module's first lines."""

    store_class = StayingStore

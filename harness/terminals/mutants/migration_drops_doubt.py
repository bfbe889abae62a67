"""Defect: the migration brings approvals over, and the reversal that waits to be sent is left behind.

Seen in the field: an update that deleted unsent payments. Must be caught by I5 (reversal removal), I2 (agreement) and I31 (no
silent charge): the host keeps a sale that nobody at the counter knows of.
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import Journal
from harness.terminals.reference.store import Store


class LeavingStore(Store):
    """Takes what is in doubt for over once a new release has started."""

    def _relocate(self, journal: Journal) -> None:
        if journal.is_old:
            self.books.pending = None
        super()._relocate(journal)


class MigrationDropsDoubt(ReferenceTerminal):
    """See the module's first lines."""

    store_class = LeavingStore

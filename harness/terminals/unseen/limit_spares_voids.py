"""Defect: against the batch's limit count only the sales and refunds that will be settled; voids and what they undid do not.

The batch grows beyond the number of records that the terminal says it can hold. Shows when a batch with voids, or with
pre-authorisations, is filled to its limit.
"""

from __future__ import annotations

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import Store


class LimitSparesVoids(ReferenceTerminal):
    """See the module's first lines."""

    def is_full(self, store: Store) -> bool:
        totals = self.books.totals
        return totals.debit_count + totals.credit_count >= (self.manifest.max_transactions or 0) or not store.has_room()

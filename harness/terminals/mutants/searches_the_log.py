"""Defect: before each sale the whole batch is gone through for a double, record by record.

Quick on the first day, unbearable in the evening of a busy one. The sleep stands for what opening a record costs a slow
processor, which the harness does not model. Must be caught by I27 (fast at every fill level).
"""

import time

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction

_OPEN_S = 0.4


class SearchesTheLog(ReferenceTerminal):
    """See the module's first lines."""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        for offset in self.books.active_offsets():
            kept = self.store.read(offset) if self.store is not None else None
            time.sleep(_OPEN_S)
            if kept is not None and kept.stan == transaction.stan:
                self.device.probe("searches_the_log.double")
        return super().conduct(transaction, card, pan)

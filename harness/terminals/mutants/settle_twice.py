"""Defect: when the answer to a settlement is lost, the next try goes out under the next batch number.

The host has settled the first; the same records are then claimed again. Must be caught by I12 (settled exactly once).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Settlement, next_batch
from harness.terminals.reference.settling import SettlementStopped
from harness.terminals.reference.store import Store


class SettleTwice(ReferenceTerminal):
    """See the module's first lines."""

    def request_settlement(self, store: Store, settlement: Settlement) -> Settlement:
        try:
            return super().request_settlement(store, settlement)
        except SettlementStopped as stop:
            if stop.args[0] == "no_answer":
                self.books.batch = next_batch(self.books.batch)
            raise

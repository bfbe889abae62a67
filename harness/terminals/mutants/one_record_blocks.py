"""Defect D13: one record that cannot be read ends every settlement, for ever.

Seen in a vendor's support notes ("delete the batch and key it in again"). Must be caught by I15 (settlement frees space).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Settlement
from harness.terminals.reference.settling import SettlementStopped
from harness.terminals.reference.store import Store


class OneRecordBlocks(ReferenceTerminal):
    """See the module's first lines."""

    def start_settlement(self, store: Store) -> Settlement:
        if store.is_damaged or store.verified_books().count < store.books.count:
            raise SettlementStopped("record_damaged", "流水文件损坏,结算失败 LOG DAMAGED, CANNOT SETTLE")
        return super().start_settlement(store)

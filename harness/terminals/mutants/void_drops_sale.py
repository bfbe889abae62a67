"""Defect: the sale is taken out of the totals as soon as its void is sent, and stays out when the void times out.

The void is reversed, the sale stands at the host, and the terminal no longer claims it. Must be caught by I20 (voids and
refunds) and I2 (host and terminal disagree).
"""

from dataclasses import replace

from harness.contract import Outcome
from harness.iso8583.unionpay import UploadItem
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind, Settlement, Transaction, join
from harness.terminals.reference.store import Store


class VoidDropsSale(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.dropped: dict[str, Transaction] = {}
        super().boot()

    def in_doubt(self, transaction: Transaction, reason: str) -> Outcome:
        if transaction.kind == "void" and (sale := self.find(transaction.original_stan)) is not None:
            self.dropped[sale.stan] = sale
        return super().in_doubt(transaction, reason)

    def start_settlement(self, store: Store) -> Settlement:
        totals = store.verified_books().totals
        for sale in self.dropped.values():
            totals = totals.plus(replace(sale, kind="sale"), -1)
        store.append(Kind.SETTLE_STARTED, join(self.take_stan(), *totals.texts()))
        return self._progress()

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        super().close_batch(store, settlement)
        self.dropped.clear()

    def _upload_item(self, store: Store, offset: int) -> UploadItem | None:
        item = super()._upload_item(store, offset)
        return None if item is None or item.stan in self.dropped else item

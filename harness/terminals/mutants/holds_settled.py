"""Defect: pre-authorisations are counted and uploaded in the settlement like sales.

The shop believes in money that is only held. Must be caught by I2 (host and terminal disagree).
"""

from dataclasses import replace

from harness.iso8583.unionpay import UploadItem
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind, Settlement, Transaction, join
from harness.terminals.reference.store import Store


class HoldsSettled(ReferenceTerminal):
    """See the module's first lines."""

    def start_settlement(self, store: Store) -> Settlement:
        totals = store.verified_books().totals
        for hold in self._holds(store):
            totals = totals.plus(replace(hold, kind="sale"))
        store.append(Kind.SETTLE_STARTED, join(self.take_stan(), *totals.texts()))
        return self._progress()

    def _holds(self, store: Store) -> list[Transaction]:
        logged = [store.read(offset) for offset in self.books.active_offsets()]
        return [each for each in logged if each is not None and each.kind == "preauth"]

    def _upload_item(self, store: Store, offset: int) -> UploadItem | None:
        transaction = store.read(offset)
        if transaction is not None and transaction.kind == "preauth":
            return UploadItem("00", transaction.stan, self.unseal(transaction), transaction.amount_fen)
        return super()._upload_item(store, offset)

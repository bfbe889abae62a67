"""Defect: the log takes so many transactions and no more, and nobody asks it before the sale.

As the 1,500-transaction cap of a public EDC application, here 40 so that an hour shows it: the record is dropped, the sale
is not. Must be caught by I1 (lost approval) and I2 (host and log agree).
"""

from dataclasses import replace

from harness.contract import Approved, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction
from harness.terminals.reference.store import Store

_CAP = 40


class CappedLog(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="capped_log", max_transactions=None)

    def is_full(self, store: Store) -> bool:
        return not store.has_room()

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        if self.books.count < _CAP:
            return super().approve(transaction, answer)
        assert self.store is not None
        logged = transaction.answered(answer.text(37), answer.text(38), answer.text(13), answer.text(12))
        self.store.clear(transaction.stan, "00")
        self.surface(logged)
        return Approved(logged.stan, logged.batch, logged.rrn)

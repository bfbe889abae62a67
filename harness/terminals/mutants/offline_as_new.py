"""Defect: an offline sale whose advice was not answered is told again as a new one, under a fresh trace number.

Must be caught by I25 (exactly once) and I3 (double charge).
"""

from dataclasses import replace

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class OfflineAsNew(ReferenceTerminal):
    """See the module's first lines."""

    def tell(self, transaction: Transaction) -> Answer:
        answer = super().tell(transaction)
        return answer if answer.code else super().tell(replace(transaction, stan=self.take_stan()))

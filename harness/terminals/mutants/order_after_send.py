"""Defect: the order's record is written when the request has gone out.

A power cut in between leaves a payment that nobody asks about. Must be caught by I30 (an order that was paid and is not known)
and I31 (silent charge), at crash points.
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import SCAN_SALE, Transaction


class OrderAfterSend(ReferenceTerminal):
    """See the module's first lines."""

    def write_ahead(self, transaction: Transaction) -> None:
        if transaction.kind != SCAN_SALE:
            super().write_ahead(transaction)

    def follow(self, order: Transaction, answer: Answer, sent_s: float) -> Outcome:
        super().write_ahead(order)
        return super().follow(order, answer, sent_s)

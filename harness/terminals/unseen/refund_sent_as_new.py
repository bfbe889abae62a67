"""Defect: a refund that was not answered is sent again as a new one, under the next trace number.

When only the answer was lost, the customer gets the money twice and the terminal logs one refund. Shows when the answer to a
refund is lost after the host acted on it.
"""

from __future__ import annotations

from dataclasses import replace

from harness.iso8583 import Message
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction
from harness.terminals.reference.store import StorageFault


class RefundSentAsNew(ReferenceTerminal):
    """See the module's first lines."""

    def request_about(self, pending: Transaction) -> Message:
        if pending.is_reversible:
            return super().request_about(pending)
        renewed = replace(pending, stan=self.take_stan())
        try:
            self.write_ahead(renewed)
        except StorageFault:
            renewed = pending
        return super().request_about(renewed)

    def repeat_answered(self, pending: Transaction, answer: Answer) -> None:
        super().repeat_answered(self.books.pending or pending, answer)

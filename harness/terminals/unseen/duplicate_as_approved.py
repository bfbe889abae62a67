"""Defect: 94, duplicate, is taken for an approval: "the host has it already".

The customer leaves with goods for which the host took nothing, when the number was used for something else or the first copy
was declined. Shows when a trace number comes to the host a second time: a request doubled on the line, an old backup.
"""

from __future__ import annotations

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class DuplicateAsApproved(ReferenceTerminal):
    """See the module's first lines."""

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        return self.approve(transaction, answer) if answer.code == "94" else super().conclude(transaction, answer)

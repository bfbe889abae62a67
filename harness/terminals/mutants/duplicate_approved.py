"""Defect: answer 94 (this number was used before) is read as "the host has this one already, so it is approved" (rule R8 broken).

After a restored backup or a device swap old numbers come again, and every such sale is goods for nothing. Must be caught by I9
(an answer that is a no approves nothing).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class DuplicateApproved(ReferenceTerminal):
    """See the module's first lines."""

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        if answer.status == "answered" and answer.code == "94":
            return self.approve(transaction, answer)
        return super().conclude(transaction, answer)

"""Defect: an order whose answer does not come is taken for paid.

"The code was read, it will have worked." Must be caught by I30 (success is shown only on SUCCESS) and I1 (an approval that the
host does not have).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class OrderAssumedPaid(ReferenceTerminal):
    """See the module's first lines."""

    def follow(self, order: Transaction, answer: Answer, sent_s: float) -> Outcome:
        if answer.status == "no_answer":
            return self.approve(order, answer)
        return super().follow(order, answer, sent_s)

"""Defect: a sale approved in part is taken for one approved whole: the amount in the answer is not looked at.

The shop believes in money that was not taken, and the settlement does not fit. Must be caught by I1 and I2.
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import PARTLY, Answer
from harness.terminals.reference.records import Transaction


class PartialAsWhole(ReferenceTerminal):
    """See the module's first lines."""

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        if answer.code == PARTLY:
            return self.approve(transaction, answer)
        return super().conclude(transaction, answer)

"""Defect: a sale approved in part is shown as declined, and what was approved is not reversed.

Must be caught by I31 (silent charge) and I2 (host and terminal disagree).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import PARTLY, Answer
from harness.terminals.reference.records import Transaction


class PartialDeclined(ReferenceTerminal):
    """See the module's first lines."""

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        if answer.code == PARTLY:
            return self.decline(transaction, PARTLY)
        return super().conclude(transaction, answer)

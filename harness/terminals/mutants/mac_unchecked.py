"""Defect: the MAC of an answer is received and not verified (R4).

Anybody on the line can approve. Must be caught by I9 (sound answers).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class MacUnchecked(ReferenceTerminal):
    """See the module's first lines."""

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        if answer.status == "bad_mac":
            answer = Answer("answered", answer.message)
        return super().conclude(transaction, answer)

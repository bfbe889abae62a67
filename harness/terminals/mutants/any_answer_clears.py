"""Defect: whatever the host answers to a reversal ends it; its code is not looked at (R6).

A host in trouble answers 96 and has undone nothing. Must be caught by I5 (reversal removal).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class AnyAnswerClears(ReferenceTerminal):
    """See the module's first lines."""

    def reversal_answered(self, pending: Transaction, answer: Answer) -> None:
        assert self.store is not None
        if answer.code:
            self.store.clear(pending.stan, f"answered {answer.code}")

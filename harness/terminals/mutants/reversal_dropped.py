"""Defect: the reversal is deleted after its first try, whatever came back.

Field form: the return code of the reversal is ignored and the record removed so that the shop can go on. Must be caught by I2
(host and terminal disagree at quiescence) and I31 (silent charge).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class ReversalDropped(ReferenceTerminal):
    """See the module's first lines."""

    def reversal_answered(self, pending: Transaction, answer: Answer) -> None:
        assert self.store is not None
        self.store.clear(pending.stan, f"tried {answer.code}")

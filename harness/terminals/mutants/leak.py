"""Defect: every answer is kept in a list "for support", and nothing ever takes it out.

A real leak of some kilobytes a transaction. Must be caught by I26 (memory does not grow with transactions).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class Leak(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.kept: list[tuple[Transaction, Answer]] = []
        super().boot()

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        self.kept.append((transaction, answer))
        return super().conclude(transaction, answer)

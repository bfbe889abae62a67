"""Defect D2: the reversal is removed as soon as the answer is there, and only then the approval is written.

Seen in public terminal code, where the file is removed by whoever receives. Must be caught by I5 (reversal removal): a cut
between the two leaves a charge of which the terminal knows nothing.
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class ClearedOnArrival(ReferenceTerminal):
    """See the module's first lines."""

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        assert self.store is not None
        self.store.clear(transaction.stan, "answered")
        return super().approve(transaction, answer)

"""Defect: "approved" is shown as soon as the answer is in, and the record is written after that (rule R3 broken).

Faster by one write; a cut in between leaves a customer with the goods and nobody with the money. Must be caught by I7
(exclusive fate: the reversal written ahead undoes what was shown).
"""

from harness.contract import Approved, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Kind, Transaction
from harness.terminals.reference.store import StorageFault


class ShownFirst(ReferenceTerminal):
    """See the module's first lines."""

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        store = self.store
        assert store is not None
        logged = transaction.answered(answer.text(37), answer.text(38), answer.text(13), answer.text(12))
        self.surface(logged)
        try:
            store.append(Kind.APPROVED, logged.pack())
        except StorageFault:
            return self.in_doubt(transaction, "96")
        return Approved(logged.stan, logged.batch, logged.rrn)

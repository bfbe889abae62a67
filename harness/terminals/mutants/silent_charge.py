"""Defect: a sale without an answer is shown as failed, and that it was ever sent is forgotten.

Must be caught by I31 (silent charge) and I2 (host and terminal disagree).
"""

from harness.contract import Declined, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class SilentCharge(ReferenceTerminal):
    """See the module's first lines."""

    def in_doubt(self, transaction: Transaction, reason: str) -> Outcome:
        assert self.store is not None
        self.store.clear(transaction.stan, "failed")
        return Declined("no_answer", "交易失败 FAILED", transaction.stan)

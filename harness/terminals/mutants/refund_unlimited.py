"""Defect: refunds of a sale that is still in the log are not added up, nor compared with it.

Must be caught by I20 (voids and refunds): refunds never exceed the sale.
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class RefundUnlimited(ReferenceTerminal):
    """See the module's first lines."""

    def refund_refusal(self, original: Transaction, amount_fen: int) -> Outcome | None:
        return None

"""Defect: the slip shows the whole card number, in groups of four as on the card.

Must be caught by I29 (card numbers are printed truncated).
"""

from dataclasses import replace

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class CardOnSlip(ReferenceTerminal):
    """See the module's first lines."""

    def print_receipt(self, transaction: Transaction, *, duplicate: bool) -> bool:
        pan = self.unseal(transaction)
        groups = " ".join(pan[at : at + 4] for at in range(0, len(pan), 4))
        return super().print_receipt(replace(transaction, card=groups or transaction.card), duplicate=duplicate)

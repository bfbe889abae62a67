"""Defect: to notice a card that is shown twice, its SHA-256 is kept in a file beside the masked number.

A hash without a key is no protection: with six digits hidden and one of them a check digit, a hundred thousand tries give
the number. Must be caught by I29 (no hash beside the truncated number).
"""

import os
from hashlib import sha256

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class HashedCards(ReferenceTerminal):
    """See the module's first lines."""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        path = os.path.join(self.device.volumes["data"], "recent.txt")
        try:
            with open(path, "w") as recent:
                recent.write(f"{sha256(pan.encode()).hexdigest()} {transaction.card}\n")
        except OSError:
            pass
        return super().conduct(transaction, card, pan)

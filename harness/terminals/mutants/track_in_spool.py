"""Defect: track 2 is spooled to a file while the sale is under way, and the file is deleted afterwards, not wiped.

Deleted is not erased: the pages keep what they held until the flash needs them. Must be caught by I28 (no sensitive data of
finished transactions, free pages included).
"""

import os

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class TrackInSpool(ReferenceTerminal):
    """See the module's first lines."""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        path = os.path.join(self.device.volumes["data"], "spool.tmp")
        try:
            with open(path, "wb") as spool:
                spool.write((card.track2 if card is not None else "").encode())
                spool.flush()
                os.fsync(spool.fileno())
            self.wipe(path)
        except OSError:
            pass
        outcome = super().conduct(transaction, card, pan)
        if os.path.exists(path):
            os.remove(path)
        return outcome

    def wipe(self, path: str) -> None:
        """What would have to be done, and is not."""

"""Defect: the host's approval counts, whatever the card says after it.

Must be caught by I9 (what was no sound approval approves nothing).
"""

from dataclasses import replace

from harness.contract import DeviceError, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class CardOverruled(ReferenceTerminal):
    """See the module's first lines."""

    def last_word(self, transaction: Transaction) -> Transaction | Outcome:
        try:
            return replace(transaction, certificate=self.device.card.second_cryptogram("00").data.hex())
        except DeviceError:
            return transaction

"""Defect: the reversal record holds the whole request, its PIN block too.

Seen in public terminal code (``dup_file``): the message is saved as it was packed, and nobody takes out what a reversal does not
need. Must be caught by I28 (no sensitive data of finished transactions).
"""

from dataclasses import replace

from harness.contract import CardData, Outcome
from harness.iso8583.message import FieldValue
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.messages import Messages
from harness.terminals.reference.records import Kind, Transaction


class RememberingMessages(Messages):
    """Remembers the PIN block of the last request."""

    pin_block = ""

    def _pin(self, pan: str) -> dict[int, FieldValue]:
        fields = super()._pin(pan)
        block = fields.get(52)
        self.pin_block = block.hex() if isinstance(block, bytes) else str(block or "")
        return fields


class PinInReversal(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        super().boot()
        self.messages: RememberingMessages = RememberingMessages(self.device)

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        self.messages.pin_block = ""
        return super().conduct(transaction, card, pan)

    def write_ahead(self, transaction: Transaction) -> None:
        assert self.store is not None
        kept = replace(transaction, time=f"{transaction.time} {self.messages.pin_block}")
        self.store.append(Kind.REQUEST, kept.pack())

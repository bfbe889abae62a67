"""Defect: an offline sale is told to the host once; with or without an answer the queue forgets it.

Must be caught by I25 (each offline sale reaches the host) and I1 (lost approval).
"""

from harness.iso8583 import CodecError
from harness.terminals.reference import ReferenceTerminal


class OfflineDropped(ReferenceTerminal):
    """See the module's first lines."""

    def forward(self, stan: str) -> bool:
        transaction = self.find(stan)
        try:
            return transaction is not None and bool(self.tell(transaction)) and self.note_forwarded(stan, "sent")
        except CodecError:
            return False

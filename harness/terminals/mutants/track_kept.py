"""Defect: the record written ahead of a sale keeps track 2, "so that the sale can be sent again".

Seen in public terminal code that keeps tracks in its refund file (``refnd.trk``). Whoever has the flash has cards that can be
used again. Must be caught by I28 (no sensitive data of finished transactions).
"""

from dataclasses import replace

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind, Transaction


class TrackKept(ReferenceTerminal):
    """See the module's first lines."""

    track2 = ""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        self.track2 = card.track2 if card is not None else ""
        return super().conduct(transaction, card, pan)

    def write_ahead(self, transaction: Transaction) -> None:
        assert self.store is not None
        kept = replace(transaction, time=f"{transaction.time} {self.track2}")
        self.store.append(Kind.REQUEST, kept.pack())

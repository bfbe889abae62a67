"""Defect: the guard against charging a card twice compares what the chip sent, in which a counter stands that never repeats.

It has never stopped anything, and nobody has noticed. Must be caught by I3 (double charge), for it declares a guard.
"""

from __future__ import annotations

from dataclasses import replace

from harness.contract import CardData
from harness.terminals.reference.records import Transaction
from harness.terminals.variants.duplicate_guard import DuplicateGuard


class GuardByTrack(DuplicateGuard):
    """See the module's first lines."""

    manifest = replace(DuplicateGuard.manifest, name="guard_by_track")

    def boot(self) -> None:
        super().boot()
        self._seen: list[tuple[str, int]] = []

    def is_repeated(self, transaction: Transaction, card: CardData) -> bool:
        read = (card.track2, transaction.amount_fen)
        found = read in self._seen
        self._seen = [*self._seen[-9:], read]
        return found

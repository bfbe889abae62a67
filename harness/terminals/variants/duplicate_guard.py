"""The reference with a guard against charging a card twice: the same card and amount within some minutes is refused.

Models: the guard looks into the log, so that neither a restart nor another customer in between makes it forget; what is in doubt
or was voided is no charge and blocks nothing. Who wants to buy the same again waits, or pays otherwise: its false alarms.
Does not model: a confirmation that lets the second sale pass; a guard that remembers beyond the settlement. Source: the field
articles (防重复刷卡); the window is an assumption.
"""

from __future__ import annotations

import time
from dataclasses import replace

from harness.contract import CardData, Outcome, Refused
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction

_WINDOW_S = 180.0
_LOOKED_AT = 20


class DuplicateGuard(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="duplicate_guard", duplicate_window_s=_WINDOW_S)

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        if transaction.kind == "sale" and card is not None and self.is_repeated(transaction, card):
            self.device.probe("duplicate_guard.refused")
            return Refused("duplicate", "该卡刚刚已付款 THIS CARD HAS JUST PAID")
        return super().conduct(transaction, card, pan)

    def is_repeated(self, transaction: Transaction, card: CardData) -> bool:
        """Whether this card has paid this amount within the window, by the log."""
        if self.store is None:
            return False
        for offset in reversed(self.books.active_offsets()[-_LOOKED_AT:]):
            logged = self.store.read(offset)
            if logged is None or (logged.kind, logged.amount_fen) != ("sale", transaction.amount_fen):
                continue
            if abs(_seconds(transaction) - _seconds(logged)) <= _WINDOW_S and self.unseal(logged) == card.pan:
                return True
        return False


def _seconds(transaction: Transaction) -> float:
    """Records have no year: a year's end is taken for far away."""
    return time.mktime(time.strptime(f"2024{transaction.date:0>4}{transaction.time:0>6}", "%Y%m%d%H%M%S"))

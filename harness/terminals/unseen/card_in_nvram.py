"""Defect: the last card number is kept in battery-backed memory, packed two digits a byte, to notice a card shown twice.

Whoever gets hold of the terminal reads a whole card number from it. Shows after any card was read, to whoever looks into that
memory and knows packed digits.
"""

from __future__ import annotations

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal

_OFFSET = 128
_DIGITS = 20


class CardInNvram(ReferenceTerminal):
    """See the module's first lines."""

    def read_card(self) -> CardData | Outcome:
        card = super().read_card()
        if isinstance(card, CardData):
            self.device.nvram.write(_OFFSET, bytes.fromhex(card.pan.ljust(_DIGITS, "f")))
        return card

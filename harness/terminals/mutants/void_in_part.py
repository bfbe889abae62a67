"""Defect: the amount of a void is rounded down to whole yuan, as the void's screen shows it (R10).

Must be caught by I20 (voids and refunds): a void takes back the whole sale.
"""

from dataclasses import replace

from harness.contract import Action, CardData
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class VoidInPart(ReferenceTerminal):
    """See the module's first lines."""

    def compose(
        self, kind: str, action: Action, pan: str, card: CardData | None, original: Transaction | None = None
    ) -> Transaction:
        composed = super().compose(kind, action, pan, card, original)
        amount_fen = composed.amount_fen
        return replace(composed, amount_fen=amount_fen - amount_fen % 100) if kind == "void" else composed

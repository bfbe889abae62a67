"""Defect: a refund gives the card fee back as well, which the customer never paid.

Must be caught by I20 (voids and refunds): refunds never exceed the sale.
"""

from dataclasses import replace

from harness.contract import Action, CardData
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction

_FEE_PERCENT = 2


class RefundWithFee(ReferenceTerminal):
    """See the module's first lines."""

    def compose(
        self, kind: str, action: Action, pan: str, card: CardData | None, original: Transaction | None = None
    ) -> Transaction:
        composed = super().compose(kind, action, pan, card, original)
        fee_fen = max(1, composed.amount_fen * _FEE_PERCENT // 100)
        return replace(composed, amount_fen=composed.amount_fen + fee_fen) if kind == "refund" else composed

"""Defect: a pre-authorisation goes out as a sale, so that what should be held is taken.

Must be caught by I3 (nobody pays more than is due: at check-in nothing is).
"""

from dataclasses import replace

from harness.contract import Action, CardData
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class HoldAsSale(ReferenceTerminal):
    """See the module's first lines."""

    def compose(
        self, kind: str, action: Action, pan: str, card: CardData | None, original: Transaction | None = None
    ) -> Transaction:
        transaction = super().compose(kind, action, pan, card, original)
        return replace(transaction, kind="sale") if kind == "preauth" else transaction

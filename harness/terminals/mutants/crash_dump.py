"""Defect: what went wrong is printed to the console with all that was at hand, the card included.

Only the rare path leaks, as with every crash dump: a sale without an answer. Must be caught by I28 (track data) and I29 (card
number).
"""

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class CrashDump(ReferenceTerminal):
    """See the module's first lines."""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        outcome = super().conduct(transaction, card, pan)
        if outcome.kind == "unknown":
            print(f"no answer to {transaction.stan}: {card!r}")
        return outcome

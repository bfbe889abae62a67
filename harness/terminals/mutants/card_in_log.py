"""Defect: each request is written to a log file for support, with the whole card number.

"Check the log" is what every help desk says, and the log leaves the shop by e-mail. Must be caught by I29 (card numbers are kept
truncated or encrypted).
"""

import os

from harness.contract import CardData, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction

_KEPT_BYTES = 4_096


class CardInLog(ReferenceTerminal):
    """See the module's first lines."""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        outcome = super().conduct(transaction, card, pan)
        path = os.path.join(self.device.volumes["data"], "debug.log")
        try:
            is_long = os.path.exists(path) and os.path.getsize(path) > _KEPT_BYTES
            with open(path, "w" if is_long else "a") as log:
                log.write(f"{transaction.kind} {transaction.stan} card={pan} {outcome.kind}\n")
        except OSError:
            pass
        return outcome

"""Defect: a pre-authorisation that was not answered is not reversed: "no money has moved".

The guest's money stays held at the bank for a hold that no slip and no log knows. Shows when the answer to a pre-authorisation
is lost after the host acted on it.
"""

from __future__ import annotations

from harness.contract import Declined, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class HoldLeftBehind(ReferenceTerminal):
    """See the module's first lines."""

    def in_doubt(self, transaction: Transaction, reason: str) -> Outcome:
        if transaction.kind != "preauth":
            return super().in_doubt(transaction, reason)
        assert self.store is not None
        self.store.clear(transaction.stan, "hold")
        return Declined("no_answer", "预授权失败 PREAUTH FAILED", transaction.stan)

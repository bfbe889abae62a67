"""Defect: a void does not ask whether the sale was voided before (R10).

It leaves that to the host, which refuses; a host that does not look either pays twice. Must be caught by I20 (voids and refunds).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class VoidAgain(ReferenceTerminal):
    """See the module's first lines."""

    def void_refusal(self, original: Transaction) -> Outcome | None:
        return None

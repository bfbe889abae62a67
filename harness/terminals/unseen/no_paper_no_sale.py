"""Defect: without paper for its slip an approved sale is said to have failed, though the host took the money and it is logged.

The clerk does what the screen says and makes it again: the customer pays twice. Shows when the paper runs out.
"""

from __future__ import annotations

from harness.contract import Failed, Outcome, Screen
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction

_TEXT = "缺纸,交易失败 NO PAPER, TRANSACTION FAILED"


class NoPaperNoSale(ReferenceTerminal):
    """See the module's first lines."""

    def surface(self, transaction: Transaction) -> None:
        if self.device.printer.has_paper():
            super().surface(transaction)
        else:
            self.device.display.show(Screen("error", _TEXT))

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        outcome = super().approve(transaction, answer)
        has_failed = outcome.kind == "approved" and not self.device.printer.has_paper()
        return Failed("paper_out", _TEXT) if has_failed else outcome

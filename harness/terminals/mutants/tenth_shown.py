"""Defect: the screen divides by a thousand where fen are hundredths: the customer reads a tenth of what is taken.

The record, the slip and the totals are right. Must be caught by I9 (what is told is what was approved).
"""

from dataclasses import replace

from harness.contract import Screen
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class TenthShown(ReferenceTerminal):
    """See the module's first lines."""

    def surface(self, transaction: Transaction) -> None:
        assert self.store is not None
        shown = replace(transaction, amount_fen=transaction.amount_fen // 10)
        text = f"交易成功 APPROVED {shown.amount_fen / 100:.2f}"
        self.device.display.show(Screen("approved", text, shown.amount_fen, shown.stan, shown.batch, shown.rrn or None))
        self.store.witness.note_shown(int(transaction.batch), int(transaction.stan))
        self.print_receipt(transaction, duplicate=False)

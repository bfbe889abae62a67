"""Defect: "reprint the last" prints the last request that went out since the restart, whatever became of it.

A sale that was declined or reversed gets a slip that says it was paid. Shows when the clerk reprints after a decline or after an
answer that did not come.
"""

from __future__ import annotations

from harness.contract import Action, Done, Failed, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class ReprintsRequest(ReferenceTerminal):
    """See the module's first lines."""

    _last: Transaction | None = None

    def write_ahead(self, transaction: Transaction) -> None:
        super().write_ahead(transaction)
        self._last = transaction

    def reprint(self, action: Action) -> Outcome:
        if action.original_stan or self._last is None:
            return super().reprint(action)
        is_printed = self.print_receipt(self._last, duplicate=True)
        return Done("重打印 REPRINTED") if is_printed else Failed("paper_out", "缺纸 NO PAPER")

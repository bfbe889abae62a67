"""Defect: settlement begins by writing a report of all records to the data volume, and gives up when that cannot be written.

The volume is full of exactly what only the settlement would free: "settlement failed, please clear the cache". Must be caught by
I15 (settlement frees space).
"""

import os

from harness.contract import Failed, Outcome
from harness.terminals.reference import ReferenceTerminal

_LINE_BYTES = 128


class ReportFirst(ReferenceTerminal):
    """See the module's first lines."""

    def run_settlement(self) -> Outcome:
        path = os.path.join(self.device.volumes["data"], "report.txt")
        try:
            with open(path, "wb") as report:
                for offset in self.books.active_offsets():
                    transaction = self.store.read(offset) if self.store is not None else None
                    if transaction is not None:
                        line = f"{transaction.stan} {transaction.kind} {transaction.card} {transaction.amount_fen}"
                        report.write(line.encode().ljust(_LINE_BYTES))
                report.flush()
                os.fsync(report.fileno())
        except OSError:
            return Failed("report", "结算失败,请清理缓存 SETTLE FAILED, CLEAR THE CACHE")
        outcome = super().run_settlement()
        if outcome.kind == "done":
            os.remove(path)
        return outcome

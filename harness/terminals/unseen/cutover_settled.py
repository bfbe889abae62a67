"""Defect: a host that answers a settlement with 90, day cut-over in progress, is taken to close the batch by itself.

The log is cleared and the batch advanced without the host's word on the totals. Shows when the merchant settles while the host
changes its day.
"""

from __future__ import annotations

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind, Settlement, join
from harness.terminals.reference.settling import SettlementStopped
from harness.terminals.reference.store import Store

_CUT_OVER = "host_90"


class CutoverSettled(ReferenceTerminal):
    """See the module's first lines."""

    def request_settlement(self, store: Store, settlement: Settlement) -> Settlement:
        try:
            return super().request_settlement(store, settlement)
        except SettlementStopped as stop:
            if stop.args[0] != _CUT_OVER:
                raise
        store.append(Kind.SETTLE_ANSWERED, join("balanced"))
        return self._progress()

    def end_upload(self, *, balanced: bool) -> None:
        try:
            super().end_upload(balanced=balanced)
        except SettlementStopped as stop:
            if stop.args[0] != _CUT_OVER:
                raise

"""Defect: a settlement request without an answer counts as settled, "so that the shop can open".

Must be caught by I11 (cleared without the host's proof).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind, Settlement, join
from harness.terminals.reference.settling import SettlementStopped
from harness.terminals.reference.store import Store


class ClearOnTimeout(ReferenceTerminal):
    """See the module's first lines."""

    def request_settlement(self, store: Store, settlement: Settlement) -> Settlement:
        try:
            return super().request_settlement(store, settlement)
        except SettlementStopped as stop:
            if stop.args[0] != "no_answer":
                raise
        store.append(Kind.SETTLE_ANSWERED, join("balanced"))
        return self._progress()

    def end_upload(self, *, balanced: bool) -> None:
        try:
            super().end_upload(balanced=balanced)
        except SettlementStopped as stop:
            if stop.args[0] != "no_answer":
                raise

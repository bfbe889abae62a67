"""Defect: when the batch is full the operator is told so, and the sale goes on.

Seen in public terminal code (``TermCheck``): the limit only warns. Must be caught by I13 (admission) and I14 (never accepts when
truly full). The limit is small so that a short run reaches it.
"""

from dataclasses import replace

from harness.contract import Screen
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.core import STORAGE_FULL
from harness.terminals.reference.store import Store


class OverLimitWarns(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="over_limit_warns", max_transactions=5)

    def is_full(self, store: Store) -> bool:
        if super().is_full(store):
            self.device.display.show(Screen("storage_full", STORAGE_FULL))
        return False

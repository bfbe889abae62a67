"""Defect D8: an upload that fails is shown for a moment and counts as done, "so that the shop can go home".

Seen as a remark in public terminal code. The host asked for every record because the totals differ, and clears without having
them. Must be caught by I11 (cleared without the host's proof).
"""

from collections.abc import Sequence

from harness.contract import Screen
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind, join
from harness.terminals.reference.settling import SettlementStopped
from harness.terminals.reference.store import Store


class ForcedSuccess(ReferenceTerminal):
    """See the module's first lines."""

    def upload_part(self, store: Store, part: int, offsets: Sequence[int]) -> None:
        try:
            super().upload_part(store, part, offsets)
        except SettlementStopped:
            pass
        if part not in self._progress().uploaded:
            self.device.display.show(Screen("error", "批上送失败 UPLOAD FAILED"))
            store.append(Kind.SETTLE_UPLOADED, join(self.take_stan(), str(part)))

"""Defect D6: without paper for its slip a settlement breaks off before the log is cleared, and is not taken up again.

Seen in public terminal code (its third settlement step): the host has closed the batch, the terminal takes it for settled and
keeps the log, so the storage stays full. Must be caught by I24 (back in service).
"""

from harness.contract import DeviceError, Failed, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Settlement
from harness.terminals.reference.settling import SettlementStopped
from harness.terminals.reference.store import Store


class PaperBlocks(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self._is_closed = False
        super().boot()

    def run_settlement(self) -> Outcome:
        if self._is_closed:
            return Failed("settled_before", "本批已结算 ALREADY SETTLED")
        return super().run_settlement()

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        try:
            has_paper = self.device.printer.has_paper()
        except DeviceError:
            has_paper = False
        if not has_paper:
            self._is_closed = True
            raise SettlementStopped("paper_out", "缺纸,结算失败 NO PAPER, SETTLEMENT FAILED")
        super().close_batch(store, settlement)

"""Defect: settlement first writes its slips to the second storage device, and gives up when that is full.

The first one has all the room in the world: "storage device B is full, the settlement cannot be completed". On a device with
one volume it does as it should. Must be caught by I15 (settlement frees space).
"""

import os

from harness.contract import Failed, Outcome
from harness.terminals.reference import ReferenceTerminal

_LINE_BYTES = 128


class ReportsToB(ReferenceTerminal):
    """See the module's first lines."""

    def run_settlement(self) -> Outcome:
        volumes = sorted(each for each in self.device.volumes if each != "system")
        if len(volumes) < 2:
            return super().run_settlement()
        path = os.path.join(self.device.volumes[volumes[1]], "slips.txt")
        try:
            with open(path, "wb") as slips:
                for offset in self.books.active_offsets():
                    transaction = self.store.read(offset) if self.store is not None else None
                    if transaction is not None:
                        line = f"{transaction.stan} {transaction.kind} {transaction.card} {transaction.amount_fen}"
                        slips.write(line.encode().ljust(_LINE_BYTES))
                slips.flush()
                os.fsync(slips.fileno())
        except OSError:
            return Failed("device_b", "存储设备B已满,无法完成结算,请处理 STORAGE DEVICE B IS FULL")
        return super().run_settlement()

"""Defect D7: the new batch number is written, then the flag "settling" is taken away; a restart in between counts again.

Seen in public terminal code (step five of its settlement). Must be caught by I16 (batch numbers go up by one).
"""

import os

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Settlement, next_batch
from harness.terminals.reference.store import StorageFault, Store

_FLAG = "settling"


class BatchTwice(ReferenceTerminal):
    """See the module's first lines."""

    def store_opened(self) -> None:
        if os.path.exists(self._flag()) and self.store is not None and self.books.settlement is None:
            try:
                self.store.adopt_batch(next_batch(self.books.batch))
            except StorageFault:
                return
            os.remove(self._flag())
        super().store_opened()

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        with open(self._flag(), "wb") as flag:
            os.fsync(flag.fileno())
        directory = os.open(self.device.volumes["data"], os.O_RDONLY)
        os.fsync(directory)
        super().close_batch(store, settlement)
        os.remove(self._flag())
        os.fsync(directory)
        os.close(directory)

    def _flag(self) -> str:
        return os.path.join(self.device.volumes["data"], _FLAG)

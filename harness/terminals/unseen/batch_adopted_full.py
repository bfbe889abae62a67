"""Defect: the batch number that the host names at sign-on is taken at once, and a new batch begins empty.

What the old batch held is gone from the log without a settlement. Shows when the host names another batch while records are
kept: after a settlement whose answer was lost, or at a host that lost count.
"""

from __future__ import annotations

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import StorageFault


class BatchAdoptedFull(ReferenceTerminal):
    """See the module's first lines."""

    def _learn_batch(self, batch: str) -> None:
        if batch == self.books.batch or not batch.isdecimal():
            return
        assert self.store is not None
        try:
            self.store.adopt_batch(batch)
        except StorageFault:
            self.must_sign_on = True

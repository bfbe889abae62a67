"""Defect: a batch upload that was interrupted begins again with the first record.

Must be caught by I23 (a settlement goes on where it stopped).
"""

from dataclasses import replace

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import Store


class UploadRestarts(ReferenceTerminal):
    """See the module's first lines."""

    def upload_batch(self, store: Store) -> None:
        self.books.settlement = replace(self._progress(), uploaded=frozenset())
        super().upload_batch(store)

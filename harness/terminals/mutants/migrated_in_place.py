"""Defect: the migration writes the new records over the old ones, in the same file.

A cut in the middle leaves neither. Must be caught by I1 (lost approval), at crash points of the first boot after an update.
"""

from collections.abc import Sequence

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.formats import Entry
from harness.terminals.reference.journal import Journal
from harness.terminals.reference.store import Store


class InPlaceJournal(Journal):
    """Its other file is the one that it reads from, as far as older records go."""

    def start_generation(self, base: bytes, copies: Sequence[Entry] = ()) -> None:
        if self.is_old:
            self._active = 1 - self._active
        super().start_generation(base, copies)


class InPlaceStore(Store):
    """A store on such a journal."""

    journal_class = InPlaceJournal


class MigratedInPlace(ReferenceTerminal):
    """See the module's first lines."""

    store_class = InPlaceStore

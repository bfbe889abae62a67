"""Defect: where one record is damaged at a start, the whole log is put aside and an empty one begun. It says so.

One flipped bit costs the batch: sales that are still whole on the medium are in no settlement. Must be caught by I1 (approval
shown, never settled), as damage excuses only what it can have hit.
"""

from __future__ import annotations

from typing import ClassVar

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.books import Books
from harness.terminals.reference.journal import Journal, Recovered
from harness.terminals.reference.records import Base
from harness.terminals.reference.store import Store
from harness.terminals.reference.witness import Seen


class _Store(Store):
    def _recover_books(self, journal: Journal, found: Recovered | None, seen: Seen | None) -> Books:
        books = super()._recover_books(journal, found, seen)
        if not books.damaged or not books.count:
            return books
        base = Base(books.batch, books.stan, 0, books.damaged + books.count, False, books.slip)
        self._begin(journal, Books(base), [])
        return Books.fold(journal.entries(), base)


class BeginsAnew(ReferenceTerminal):
    """See the module's first lines."""

    store_class: ClassVar[type[Store]] = _Store

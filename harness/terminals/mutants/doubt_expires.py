"""Defect: a reversal that an earlier start has brought over is taken for sent at the next one, and struck off.

Starting twice comes to another end than starting once. Must be caught by I19 (recovery is idempotent), and by I5 (reversal
removal) where the host had carried the request out.
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.books import Books
from harness.terminals.reference.journal import Journal, Recovered
from harness.terminals.reference.records import Kind
from harness.terminals.reference.store import Store
from harness.terminals.reference.witness import Seen


class ExpiringStore(Store):
    """Gives what is in doubt one start to be sent in."""

    def _recover_books(self, journal: Journal, found: Recovered | None, seen: Seen | None) -> Books:
        books = super()._recover_books(journal, found, seen)
        if found is not None and any(entry.is_copied and entry.kind == Kind.REQUEST for entry in found.entries):
            books.pending = None
            journal.is_failing = True  # so that it is written anew without it
        return books


class DoubtExpires(ReferenceTerminal):
    """See the module's first lines."""

    store_class = ExpiringStore

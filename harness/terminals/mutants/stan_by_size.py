"""Defect: of two trace numbers the greater is taken for the later one when the log is read at a start.

Nothing shows for years. When the counter has gone from 999999 to 000001 in the open batch, a restart goes on with 000001 again.
Must be caught by I8 (trace number used twice).
"""

from harness.terminals.reference import ReferenceTerminal


class StanBySize(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        super().boot()
        if self.store is not None:
            books = self.books
            books.stan = max(books.stan, *books.trace_numbers, 0)

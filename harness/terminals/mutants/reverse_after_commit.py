"""Defect: log entry and end of the reversal are two facts here, and a cut between them is read as "not approved".

After a restart the logged sale that nobody was shown is reversed, and stays in the log. Must be caught by I7 (exclusive fate).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind


class ReverseAfterCommit(ReferenceTerminal):
    """See the module's first lines."""

    def surface_unseen(self) -> None:
        offset = self.books.last_offset
        if self.store is None or offset is None or self.store.last_kind != Kind.APPROVED:
            return
        last = self.store.read(offset)
        if last is not None and not self.store.witness.was_shown(int(last.batch), int(last.stan)):
            self.books.pending = last

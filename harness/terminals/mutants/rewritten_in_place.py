"""Defect: each append rewrites the whole log in place, every record under a new generation, and syncs once at the end.

Seen wherever a file is "updated" by writing it again from its start (JSON settings, TinyDB). A cut in the middle leaves sectors
of both versions, and the older records no longer belong to the log. Must be caught by I1 (lost approval).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import COPIED, Journal
from harness.terminals.reference.records import Kind
from harness.terminals.reference.store import Store


class RewritingJournal(Journal):
    """Numbers the whole log anew with each record."""

    def append(self, kind: Kind, payload: bytes) -> int:
        offset, entries = self._tail, self.entries()
        self.generation += 1
        frames = [
            self.format.frame(each.kind | COPIED * each.is_copied, self.generation, each.sequence, each.payload)
            for each in entries
        ]
        frames.append(self.format.frame(kind, self.generation, self.sequence + 1, payload))
        data = b"".join(frames)
        self._files[self._active].write(0, data)
        self._current = self.generation
        self.sequence += 1
        self._tail = len(data)
        self._blank_to = max(self._blank_to, self._tail)
        return offset


class RewritingStore(Store):
    """A store on such a journal."""

    journal_class = RewritingJournal


class RewrittenInPlace(ReferenceTerminal):
    """See the module's first lines."""

    store_class = RewritingStore

"""Defect: the journal is written and never synced, so "approved" is shown while the record is in the page cache alone.

Seen in the field wherever a write that returned was taken for a write that is durable. Must be caught by I1 (lost approval).
"""

import os

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import Journal
from harness.terminals.reference.journal_file import JournalFile
from harness.terminals.reference.store import Store


class UnsyncedFile(JournalFile):
    """Believes the page cache."""

    def write(self, offset: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], offset + done)


class UnsyncedJournal(Journal):
    """A journal in such files."""

    file_class = UnsyncedFile


class UnsyncedStore(Store):
    """A store on such a journal."""

    journal_class = UnsyncedJournal


class NoFsync(ReferenceTerminal):
    """See the module's first lines."""

    store_class = UnsyncedStore

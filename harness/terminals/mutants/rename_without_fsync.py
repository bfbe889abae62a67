"""Defect: a new generation is written to a temporary file and renamed over the old one, and neither is synced.

Seen wherever "rename is atomic" is taken for "rename is durable": the name may lead to an empty file (ext4 without
auto_da_alloc, UBIFS, XFS), or the new log may be there while the directory still leads to the old one. Must be caught by I1
(lost approval).
"""

import os
from collections.abc import Sequence

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import FILE_NAMES, Entry, Journal
from harness.terminals.reference.journal_file import JournalFile
from harness.terminals.reference.store import Store

_TEMPORARY = "journal.tmp"


class Renamed(JournalFile):
    """A file whose first bytes are believed as soon as they are in the page cache."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.is_fresh = False

    def write(self, offset: int, data: bytes) -> None:
        if not self.is_fresh:
            super().write(offset, data)
            return
        done = 0
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], offset + done)


class RenamingJournal(Journal):
    """Begins each generation in a temporary file that is then renamed to its place."""

    file_class = Renamed

    def start_generation(self, base: bytes, copies: Sequence[Entry] = ()) -> None:
        target = 1 - self._active if self._current else self._active
        temporary = os.path.join(self._directory, _TEMPORARY)
        fresh = Renamed(temporary)
        fresh.is_fresh = True
        self._files[target].close()
        self._files[target] = fresh
        super().start_generation(base, copies)
        os.rename(temporary, os.path.join(self._directory, FILE_NAMES[target]))
        fresh.is_fresh = False


class RenamingStore(Store):
    """A store on such a journal."""

    journal_class = RenamingJournal


class RenameWithoutFsync(ReferenceTerminal):
    """See the module's first lines."""

    store_class = RenamingStore

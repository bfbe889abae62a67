"""Defect: the journal's files are created and synced, the directory that names them never is.

Seen wherever fsync of a file is taken to save its name as well, which ext4 does and POSIX does not promise (ALICE, OSDI'14).
Must be caught by I1 (lost approval) on a medium that keeps names apart, such as posix-weak or FAT; ext4 hides it.
"""

import os

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import FILE_NAMES, Journal
from harness.terminals.reference.store import Store


class NamelessJournal(Journal):
    """Trusts the file system with the names."""

    def __init__(self, directory: str) -> None:
        self._begin_in(directory, [self.file_class(os.path.join(directory, name)) for name in FILE_NAMES])


class NamelessStore(Store):
    """A store on such a journal."""

    journal_class = NamelessJournal


class NoDirectoryFsync(ReferenceTerminal):
    """See the module's first lines."""

    store_class = NamelessStore

"""Defect: the CRC is written and never checked, so a record torn by a power cut is read as if it were whole.

Must be caught by I17 (records are whole), or by I24 when the terminal dies of what it reads.
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import Journal, RecordFormat
from harness.terminals.reference.store import Store


class TrustingFormat(RecordFormat):
    """A magic is proof enough."""

    def is_intact(self, checked: bytes, payload: bytes, crc: int) -> bool:
        return True


class TrustingJournal(Journal):
    """A journal of such records."""

    format = TrustingFormat()


class TrustingStore(Store):
    """A store on such a journal."""

    journal_class = TrustingJournal


class TornParsed(ReferenceTerminal):
    """See the module's first lines."""

    store_class = TrustingStore

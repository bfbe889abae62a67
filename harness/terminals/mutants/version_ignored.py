"""Defect: older records are read as if they were today's, and where the amount now stands there was the date.

Must be caught by I1 (lost approval) and I2 (agreement): what it settles, if it comes to that, is not what was approved.
"""

from typing import ClassVar

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.formats import FirstFormat, RecordFormat
from harness.terminals.reference.journal import Journal
from harness.terminals.reference.store import Store


class UnreadVersion(FirstFormat):
    """The mark of the old format, and the fields of the new one."""

    def loaded(self, kind: int, payload: bytes) -> bytes:
        return payload


class GuessingJournal(Journal):
    """A journal of such records."""

    older: ClassVar[tuple[RecordFormat, ...]] = (UnreadVersion(),)


class GuessingStore(Store):
    """A store on such a journal."""

    journal_class = GuessingJournal


class VersionIgnored(ReferenceTerminal):
    """See the module's first lines."""

    store_class = GuessingStore

"""Defect: what an earlier release wrote is not known, so the new one starts on empty files, settled or not.

Seen where an update formats the data volume. Must be caught by I1 (lost approval).
"""

from typing import ClassVar

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.formats import RecordFormat
from harness.terminals.reference.journal import Journal
from harness.terminals.reference.store import Store


class FreshJournal(Journal):
    """Knows no format but its own."""

    older: ClassVar[tuple[RecordFormat, ...]] = ()


class FreshStore(Store):
    """A store on such a journal."""

    journal_class = FreshJournal


class UpdateFormats(ReferenceTerminal):
    """See the module's first lines."""

    store_class = FreshStore

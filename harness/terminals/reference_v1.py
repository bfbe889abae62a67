"""The release before the reference: the same terminal with the older format of records (``formats.FirstFormat``).

Models: what is in the field on the day of an update, and where a downgrade goes back to: it knows no later format, and refuses
what it cannot read. Does not model: older rules; it keeps R1-R14 as well. Source: as ``reference``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.formats import FirstFormat, RecordFormat
from harness.terminals.reference.journal import Journal
from harness.terminals.reference.store import Store


class FirstJournal(Journal):
    """Reads and writes the first format, and no other."""

    format = FirstFormat()
    older: ClassVar[tuple[RecordFormat, ...]] = ()


class FirstStore(Store):
    """A store on such a journal."""

    journal_class = FirstJournal


class ReferenceV1(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="reference_v1", version="1", previous="")
    store_class = FirstStore

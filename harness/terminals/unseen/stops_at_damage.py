"""Defect: the log is read up to the first damaged record, as if nothing could be behind it.

One flipped bit costs every approval that was logged after it. Shows when a record in the middle of the batch is damaged and the
terminal is restarted, or settles.
"""

from __future__ import annotations

from typing import ClassVar

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import Entry, Journal, RecordFormat
from harness.terminals.reference.store import Store


class _UpToDamage(RecordFormat):
    def scan(self, data: bytes) -> list[Entry]:
        entries: list[Entry] = []
        for entry in super().scan(data):
            if entry.offset != (entries[-1].end if entries else 0):
                break
            entries.append(entry)
        return entries


class _Journal(Journal):
    format: ClassVar[RecordFormat] = _UpToDamage()


class _Store(Store):
    journal_class: ClassVar[type[Journal]] = _Journal


class StopsAtDamage(ReferenceTerminal):
    """See the module's first lines."""

    store_class: ClassVar[type[Store]] = _Store

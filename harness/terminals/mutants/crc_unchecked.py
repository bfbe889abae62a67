"""Defect: a record that can be read is believed, whatever its CRC says.

One flipped bit in an amount is settled, printed and uploaded as if it had been approved so. Must be caught by I18 (corruption is
detected or harmless).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import Journal, RecordFormat
from harness.terminals.reference.records import RecordError, Transaction
from harness.terminals.reference.store import Store


class BelievingFormat(RecordFormat):
    """A transaction that can be unpacked needs no other proof."""

    def is_intact(self, checked: bytes, payload: bytes, crc: int) -> bool:
        if super().is_intact(checked, payload, crc):
            return True
        try:
            return Transaction.unpack(payload).stan.isdecimal()
        except (RecordError, ValueError):
            return False


class BelievingJournal(Journal):
    """A journal of such records."""

    format = BelievingFormat()


class BelievingStore(Store):
    """A store on such a journal."""

    journal_class = BelievingJournal


class CrcUnchecked(ReferenceTerminal):
    """See the module's first lines."""

    store_class = BelievingStore

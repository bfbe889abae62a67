"""Defect: tiered storage takes the older records out of the journal first and then writes them to the other volume.

On every day but one the order makes no difference. Power that goes between the two leaves a batch that is short of half a day.
Must be caught by I1 (lost approval) and I2 (agreement).
"""

from __future__ import annotations

from dataclasses import replace

from harness.terminals.reference.journal import Entry
from harness.terminals.reference.records import Kind, join
from harness.terminals.variants.archive import ArchivingJournal, movable, named, pack_segment
from harness.terminals.variants.tiered import Tiered, TieredStore


class HastyStore(TieredStore):
    """Writes the archive last."""

    def move(self, journal: ArchivingJournal, entries: list[Entry]) -> None:
        moved = movable(entries)
        raw = b"".join(journal.format.frame(each.kind, each.generation, each.sequence, each.payload) for each in moved)
        counting_bytes, count = named(entries)
        segment = pack_segment(raw, compresses=self.compresses)
        name = join(str(counting_bytes + len(segment)), str(count + len(moved)))
        self.begin_without(journal, entries, Entry(Kind.ARCHIVED, True, 0, 0, 0, name))
        journal.archive.write(counting_bytes, segment)
        self.books = self.verified_books()


class MovedTooSoon(Tiered):
    """See the module's first lines."""

    manifest = replace(Tiered.manifest, name="moved_too_soon")
    tiered_class = HastyStore

"""Defect: with each packing the whole archive is compressed anew and written over the old one.

One stream compresses better than many segments. A cut in the middle leaves neither the old archive nor the new one.
Must be caught by I1 (lost approval).
"""

from __future__ import annotations

from dataclasses import replace

from harness.terminals.variants.archive import Archive, ArchivingJournal, pack_segment, unpack_segments
from harness.terminals.variants.compressing import Compressing, CompressingStore


class RewrittenArchive(Archive):
    """One segment that is written again and again."""

    def append(self, counting_bytes: int, raw: bytes) -> int:
        segment = pack_segment(unpack_segments(self.content()[:counting_bytes]) + raw, compresses=True)
        self.write(0, segment)
        return len(segment)


class RewritingJournal(ArchivingJournal):
    """A journal with such an archive."""

    archive_class = RewrittenArchive


class RewritingStore(CompressingStore):
    """A store on such a journal."""

    archiving_class = RewritingJournal


class PackedInPlace(Compressing):
    """See the module's first lines."""

    manifest = replace(Compressing.manifest, name="packed_in_place")
    tiered_class = RewritingStore

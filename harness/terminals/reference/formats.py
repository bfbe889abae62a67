"""How records look on the disk, in this release and the one before it, and which of those found there are to be believed.

Models: a format that says in each record which one it is, so that a release finds what an older one wrote, and knows what a
newer one wrote from a few bytes of garbage. Numbers only grow. Release 1 ("TJ0") kept date and time before the amount.
Does not model: a format that changes how records lie in the files; there has been none.
Source: domain.md section 7 (旧版本不兼容); SQLite's file format numbers, which refuse what is newer and read what is older.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from harness.contract.making import quick
from harness.terminals.reference.records import Kind

MAGIC = b"TJ1\n"
_ANY_MAGIC = re.compile(rb"TJ[0-9]\n")
_HEADER = Struct(">4sHBxIII")
HEADER_BYTES = _HEADER.size
_CRC_FROM = 4
COPIED = 0x80


@quick
@dataclass(frozen=True, slots=True)
class Entry:
    """A record as found in a file. ``is_copied``: brought over from an earlier generation, before the base was written."""

    kind: int
    is_copied: bool
    generation: int
    sequence: int
    offset: int
    payload: bytes

    @property
    def end(self) -> int:
        """The offset after it."""
        return self.offset + _HEADER.size + len(self.payload)


@quick
@dataclass(frozen=True, slots=True)
class Recovered:
    """The newest whole generation: which file it is in, its records, and how many that must have been there are missing."""

    slot: int
    generation: int
    entries: tuple[Entry, ...]
    missing: int
    next_sequence: int
    format: RecordFormat


class RecordFormat:
    """How records look on the disk, and which of those found there are to be believed."""

    magic: bytes = MAGIC

    def stored(self, kind: int, payload: bytes) -> bytes:
        """The payload as this format keeps it, of the same length."""
        return payload

    def loaded(self, kind: int, payload: bytes) -> bytes:
        """The payload as this release knows it, from what the format keeps."""
        return payload

    def frame(self, kind: int, generation: int, sequence: int, payload: bytes) -> bytes:
        """A record's bytes."""
        payload = self.stored(kind & ~COPIED, payload)
        checked = _HEADER.pack(self.magic, len(payload), kind, generation, sequence, 0)[_CRC_FROM:-4]
        return self.magic + checked + crc32(payload, crc32(checked)).to_bytes(4, "big") + payload

    def is_intact(self, checked: bytes, payload: bytes, crc: int) -> bool:
        """Whether header and payload are what was written."""
        return crc32(payload, crc32(checked)) == crc

    def scan(self, data: bytes) -> list[Entry]:
        """Every whole record in ``data``; what is torn or damaged is skipped, up to the next magic."""
        entries: list[Entry] = []
        at = data.find(self.magic)
        while 0 <= at <= len(data) - _HEADER.size:
            _, length, kind, generation, sequence, crc = _HEADER.unpack_from(data, at)
            start = at + _HEADER.size
            payload = data[start : start + length]
            is_whole = len(payload) == length and self.is_intact(data[at + _CRC_FROM : start - 4], payload, crc)
            if is_whole:
                told = self.loaded(kind & ~COPIED, payload)
                entries.append(Entry(kind & ~COPIED, bool(kind & COPIED), generation, sequence, at, told))
            at = data.find(self.magic, start + length if is_whole else at + 1)
        return entries

    def newest(
        self, images: Sequence[bytes], witnessed: tuple[int, int] | None = None, disowned: tuple[int, int] | None = None
    ) -> Recovered | None:
        """The generation to go on with. ``witnessed`` and ``disowned`` name records by generation and sequence."""
        best: tuple[int, int, list[Entry]] | None = None
        for slot, image in enumerate(images):
            entries = self.scan(image)
            # Without a record of its own, a generation was still being copied when power went: the other file is the truth.
            generation = max((entry.generation for entry in entries if not entry.is_copied), default=-1)
            if generation >= 0 and (best is None or generation > best[0]):
                best = (generation, slot, [entry for entry in entries if entry.generation == generation])
        if best is None:
            return None
        generation, slot, entries = best
        entries = [entry for entry in entries if (generation, entry.sequence) != disowned]
        last = max((entry.sequence for entry in entries), default=0)
        if witnessed is not None and witnessed[0] == generation:
            last = max(last, witnessed[1])
        skipped = disowned[1] if disowned is not None and disowned[0] == generation else None
        missing = _missing(entries, last, skipped)
        return Recovered(slot, generation, tuple(entries), missing, max(last, skipped or 0) + 1, self)


def payload_bytes(header: bytes) -> int:
    """How long the payload is that ``header`` begins."""
    length: int = _HEADER.unpack(header)[1]
    return length


def _missing(entries: list[Entry], last: int, skipped: int | None) -> int:
    """How many records up to ``last`` should be there and are not."""
    present = {entry.sequence for entry in entries}
    first = next((int(entry.payload.split(b"\x1f")[2]) for entry in entries if entry.kind == Kind.BASE), None)
    bases_lost = 2 if first is None else 0
    if first is None:
        first = min(present, default=last + 1)
    expected = last + 1 - first
    if skipped is not None and first <= skipped <= last:
        expected -= 1
    return bases_lost + max(0, expected - len(present))


# ---------------------------------------------------------------- other releases


class FirstFormat(RecordFormat):
    """What release 1 wrote: transactions with date and time before the amount."""

    magic = b"TJ0\n"

    def stored(self, kind: int, payload: bytes) -> bytes:
        return _reordered(kind, payload, (0, 1, 2, 4, 5, 3))

    def loaded(self, kind: int, payload: bytes) -> bytes:
        return _reordered(kind, payload, (0, 1, 2, 5, 3, 4))


def _reordered(kind: int, payload: bytes, order: tuple[int, ...]) -> bytes:
    if kind not in (Kind.REQUEST, Kind.APPROVED):
        return payload
    fields = payload.split(b"\x1f")
    if len(fields) < len(order):
        return payload
    return b"\x1f".join([fields[place] for place in order] + fields[len(order) :])


class _NewerFormat(RecordFormat):
    """A later release's records, of which no more is known than that they are whole."""

    def __init__(self, magic: bytes) -> None:
        self.magic = magic


def newest_of(
    formats: Sequence[RecordFormat],
    images: Sequence[bytes],
    witnessed: tuple[int, int] | None = None,
    disowned: tuple[int, int] | None = None,
) -> Recovered | None:
    """The generation to go on with, in whichever of ``formats`` it was written.

    Every release begins a generation of its own, so two formats share one only where a bit of a magic has flipped: then the
    one with more records is the truth.
    """
    found = [each.newest(images, witnessed, disowned) for each in formats]
    return max(
        (each for each in found if each is not None),
        key=lambda each: (each.generation, len(each.entries)),
        default=None,
    )


def is_newer(images: Sequence[bytes], formats: Sequence[RecordFormat], generation: int) -> bool:
    """Whether a later release has begun a generation above ``generation``: what stands in ``formats`` is then out of date."""
    last = max(each.magic for each in formats)
    magics = {magic for image in images for magic in _ANY_MAGIC.findall(image) if magic > last}
    later = [_NewerFormat(magic).newest(images) for magic in sorted(magics)]
    return any(each is not None and each.generation > generation for each in later)

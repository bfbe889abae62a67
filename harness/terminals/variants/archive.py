"""Older records of the open batch in an archive beside the journal: moved whole, and none of them lost or there twice.

What it promises: a segment of records is durable in the archive before the journal begins a generation without them; that
generation names how much of the archive counts, so what was written and not named is not there. Whatever interrupts a move leaves
the old generation, which has the records, or the new one, which names the segment. A segment may be compressed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from struct import Struct
from typing import ClassVar
from zlib import compress, crc32, decompress, error

from harness.terminals.reference.journal import Entry, Journal, RecordFormat, Recovered
from harness.terminals.reference.records import Kind, join, split

NAME = "archive.bin"
ARCHIVE_FROM = 1 << 40
"""Offsets from here on are places in the archive."""
MOVED_AT = 24
"""So many approved records in the journal are moved, but for the last few, which people still ask about."""
KEPT = 4

_MAGIC = b"TA1\n"
_SEGMENT = Struct(">4sIII")
_RAW_BYTES_MAX = 1 << 24


class Archive:
    """One file of segments on a volume of its own or the journal's. Only ``append`` and ``reset`` write."""

    def __init__(self, directory: str, *, compresses: bool) -> None:
        self._directory = directory
        self._path = os.path.join(directory, NAME)
        self._compresses = compresses

    def content(self) -> bytes:
        """All that is in the file; nothing when there is none or it cannot be read."""
        try:
            with open(self._path, "rb") as file:
                return file.read()
        except OSError:
            return b""

    def append(self, counting_bytes: int, raw: bytes) -> int:
        """Write a segment behind the bytes that count, durable when this returns; how many bytes count with it."""
        segment = pack_segment(raw, compresses=self._compresses)
        self.write(counting_bytes, segment)
        return counting_bytes + len(segment)

    def write(self, offset: int, data: bytes) -> None:
        """All of ``data`` durable, or OSError."""
        is_new = not os.path.exists(self._path)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(fd, data[done:], offset + done)
            os.fsync(fd)
        finally:
            os.close(fd)
        if is_new:
            directory = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def reset(self) -> None:
        """The batch is closed: give the space back. Not being able to is no loss, for nothing names what is there."""
        try:
            os.truncate(self._path, 0)
        except OSError:
            pass


def pack_segment(raw: bytes, *, compresses: bool) -> bytes:
    """A segment's bytes."""
    stored = compress(raw, 6) if compresses else raw
    return _SEGMENT.pack(_MAGIC, len(raw), len(stored), crc32(stored)) + stored


def unpack_segments(data: bytes) -> bytes:
    """The records of all sound segments; what is damaged leaves zeros in its place, which never validate."""
    parts: list[bytes] = []
    at = 0
    while len(data) - at >= _SEGMENT.size:
        magic, raw_bytes, stored_bytes, crc = _SEGMENT.unpack_from(data, at)
        if magic != _MAGIC or raw_bytes > _RAW_BYTES_MAX:
            break
        stored = data[at + _SEGMENT.size : at + _SEGMENT.size + stored_bytes]
        parts.append(_raw(stored, raw_bytes) if crc32(stored) == crc else bytes(raw_bytes))
        at += _SEGMENT.size + stored_bytes
    return b"".join(parts)


def _raw(stored: bytes, raw_bytes: int) -> bytes:
    if len(stored) == raw_bytes:
        return stored
    try:
        return decompress(stored)
    except error:
        return bytes(raw_bytes)


def with_archive(found: Recovered, content: bytes, record_format: RecordFormat) -> Recovered:
    """The generation with the archived records that it names put before its own."""
    archived, count = archived_entries(found.entries, content, record_format)
    missing = found.missing + max(0, count - len(archived))
    return replace(found, entries=(*archived, *found.entries), missing=missing)


def archived_entries(own: Sequence[Entry], content: bytes, record_format: RecordFormat) -> tuple[list[Entry], int]:
    """The archived records that the journal's own name, and how many there should be."""
    counting_bytes, count = named(own)
    raw = unpack_segments(content[:counting_bytes])
    found = [replace(entry, offset=ARCHIVE_FROM + entry.offset) for entry in record_format.scan(raw)]
    return found[:count], count


def named(own: Sequence[Entry]) -> tuple[int, int]:
    """How many bytes of the archive count, and how many records are in them."""
    payload = next((entry.payload for entry in reversed(own) if entry.kind == Kind.ARCHIVED), None)
    if payload is None:
        return 0, 0
    counting_bytes, count = split(payload, 2)
    return int(counting_bytes), int(count)


class ArchivingFormat(RecordFormat):
    """What ``inspect`` reads with: the files' records, and those of the archive's content."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def newest(
        self, images: Sequence[bytes], witnessed: tuple[int, int] | None = None, disowned: tuple[int, int] | None = None
    ) -> Recovered | None:
        found = super().newest(images, witnessed, disowned)
        return None if found is None else with_archive(found, self._content, self)

    @classmethod
    def of(cls, image: Mapping[str, bytes]) -> ArchivingFormat:
        """From an image of the device's disk."""
        return cls(next((content for path, content in sorted(image.items()) if path.endswith("/" + NAME)), b""))


class ArchivingJournal(Journal):
    """A journal some of whose records are in an archive; to its store they are all one sequence."""

    archive_class: ClassVar[type[Archive]] = Archive

    def __init__(self, directory: str, archive_directory: str, *, compresses: bool) -> None:
        self.archive = self.archive_class(archive_directory, compresses=compresses)
        super().__init__(directory)

    def recover(self, witnessed: tuple[int, int] | None, disowned: tuple[int, int] | None) -> Recovered | None:
        found = super().recover(witnessed, disowned)
        return None if found is None else with_archive(found, self.archive.content(), self.format)

    def entries(self) -> list[Entry]:
        own = super().entries()
        archived, _ = archived_entries(own, self.archive.content(), self.format)
        return [*archived, *own]

    def read(self, offset: int) -> Entry | None:
        if offset < ARCHIVE_FROM:
            return super().read(offset)
        found = archived_entries(super().entries(), self.archive.content(), self.format)[0]
        return next((entry for entry in found if entry.offset == offset), None)

    def start_generation(self, base: bytes, copies: Sequence[Entry] = ()) -> None:
        # Where the new generation names the archive, what is there stays there; without it everything comes back.
        names_it = any(entry.kind == Kind.ARCHIVED for entry in copies)
        super().start_generation(base, [entry for entry in copies if not names_it or entry.offset < ARCHIVE_FROM])
        if not copies:
            self.archive.reset()

    # ------------------------------------------------------------ moving

    def move(self, own: Sequence[Entry]) -> Entry:
        """Put the older approved records of ``own`` into the archive; the record that names it with them."""
        moved = movable(own)
        raw = b"".join(self.format.frame(each.kind, each.generation, each.sequence, each.payload) for each in moved)
        counting_bytes, count = named(own)
        counting_bytes = self.archive.append(counting_bytes, raw)
        return Entry(Kind.ARCHIVED, True, 0, 0, 0, join(str(counting_bytes), str(count + len(moved))))


def movable(own: Sequence[Entry]) -> list[Entry]:
    """The approved records in the journal's own files that are old enough; none while they are few."""
    approved = [entry for entry in own if entry.kind == Kind.APPROVED and entry.offset < ARCHIVE_FROM]
    return approved[:-KEPT] if len(approved) >= MOVED_AT else []

"""The journal: one append-only sequence of records in two fixed files, of which one is active.

What it promises: when ``append`` returns, the record survives a power cut; a record is there whole or not at all; damage to
one record loses that record and no other, and is counted; nothing but overwriting and appending is asked of the file system
(no rename, no unlink), because a rename is not atomic on FAT and not durable without a directory fsync elsewhere.

How: each record has magic, length, generation, sequence number and CRC-32. A *generation* is one life of one file: closing a
batch, or leaving a file that failed, writes the other file from its start with a higher generation, and the last thing
written there is the base record (twice, so that one flipped bit does not lose it). Space is written ahead of need, so a
settlement finds room on a full volume.

Room for records is blank, all ones: on raw flash a record is then programmed onto an erased sector, and no erase takes the
records before it along. A sector is blanked before its first record; a tail that a cut left half written is never
written over: the generation moves to the other file. Blank never validates: a record needs its magic.

After a failed write or fsync the file is never trusted again in that generation: Linux marks the pages clean after a failed
fsync, and the next one succeeds with the data lost (Rebello et al., ATC'20).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import ClassVar

from harness.terminals.reference.formats import (
    COPIED,
    HEADER_BYTES,
    MAGIC,
    Entry,
    FirstFormat,
    RecordFormat,
    Recovered,
    is_newer,
    newest_of,
    payload_bytes,
)
from harness.terminals.reference.journal_file import JournalFile
from harness.terminals.reference.records import Kind

__all__ = ["COPIED", "MAGIC", "Entry", "Journal", "JournalError", "RecordFormat", "Recovered"]

FILE_NAMES = ("journal.0", "journal.1")
FILE_SIZE_BYTES = 16_384
"""What each file keeps for good; one that has grown with its batch shrinks to this when the batch is closed."""
GROWTH_BYTES = 16_384
RESERVE_BYTES = 6_144
"""Room that only reversals and the settlement may use: 63 upload acknowledgements of 45 bytes, and as much again."""

_ERASE_BYTES = 4_096
"""Records share an erase sector with no others than those before them; larger ones are multiples of this."""


class JournalError(Exception):
    """The journal cannot be written or read now."""


class NewerData(JournalError):
    """A later release wrote these files: this one cannot read them and must not write there."""


def _sector_end(offset: int) -> int:
    """The end of the erase sector that ``offset`` is in, or the sector's own beginning."""
    return -(-offset // _ERASE_BYTES) * _ERASE_BYTES


def _reaches(file: JournalFile, size_bytes: int) -> bool:
    """Whether the file has, or can be given, that size; with room to spare where there is any."""
    return size_bytes <= file.size_bytes or file.grow(size_bytes + GROWTH_BYTES) or file.grow(size_bytes)


def _require_full(file: JournalFile) -> None:
    """Raise what kept the file from growing, unless it is that the volume is full: people are told to settle for that alone."""
    if file.refusal is not None and file.refusal.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise file.refusal


def _fill(file: JournalFile, body: bytes, bases: bytes) -> None:
    if body:
        file.write(0, body)
    file.write(len(body), bases)


class Journal:
    """Both files, and where the next record goes. Any OSError leaves the journal as it was before the call."""

    format: ClassVar[RecordFormat] = RecordFormat()
    older: ClassVar[tuple[RecordFormat, ...]] = (FirstFormat(),)
    """What earlier releases wrote: read, and never written."""
    file_class: ClassVar[type[JournalFile]] = JournalFile

    def __init__(self, directory: str) -> None:
        self._begin_in(directory, [self.file_class(os.path.join(directory, name)) for name in FILE_NAMES])
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _begin_in(self, directory: str, files: list[JournalFile]) -> None:
        self._directory = directory
        self._files = files
        self._active = 0
        self._tail = 0
        self._blank_to = 0
        self._current = 0
        self._found: RecordFormat = self.format
        """What the present generation is written in."""
        self.generation = 0
        self.sequence = 0
        self.is_failing = False
        """The active file refused a write while it was recovered: it has to be left."""
        self.is_torn = False
        """Something that is no record stands behind the last one: nothing may be written there."""

    def recover(self, witnessed: tuple[int, int] | None, disowned: tuple[int, int] | None) -> Recovered | None:
        """Find the newest generation and stand at its end. None: there is none in these files."""
        images = [file.read() for file in self._files]
        formats = (self.format, *self.older)
        found = newest_of(formats, images, witnessed, disowned)
        if is_newer(images, formats, -1 if found is None else found.generation):
            raise NewerData("a later release wrote these files")
        # A generation that never got its base must not lend its number to a later one.
        scanned = (entry for each in formats for image in images for entry in each.scan(image))
        self.generation = max((entry.generation for entry in scanned), default=0)
        for file in self._files:
            file.grow(FILE_SIZE_BYTES)
        if found is None:
            return None
        self._active, self._found = found.slot, found.format
        file = self._files[self._active]
        self._tail = found.entries[-1].end if found.entries else 0
        self._blank_to = _sector_end(self._tail)
        self.is_torn = not file.is_blank(self._tail, self._blank_to)
        self._current = found.generation
        self.sequence = found.next_sequence - 1
        if found.entries and witnessed != (found.generation, found.entries[-1].sequence):
            # After a mere restart the tail may be in the page cache alone, even clean: write it again before believing it.
            # Not when it was witnessed: then it is durable, and a write over it could only do harm.
            last = found.entries[-1]
            try:
                file.write(last.offset, file.read(last.offset, last.end - last.offset))
            except OSError:
                self.is_failing = True
        return found

    def before_migration(self) -> Recovered | None:
        """What an earlier release left, and stand at its end, where it is whole: what it became is not."""
        found = newest_of(self.older, [file.read() for file in self._files])
        if found is None or found.missing:
            return None
        self._active, self._found = found.slot, found.format
        self._tail = found.entries[-1].end
        self._blank_to, self.is_torn = _sector_end(self._tail), False
        self._current, self.sequence = found.generation, found.next_sequence - 1
        return found

    def append(self, kind: Kind, payload: bytes) -> int:
        """Add a record; durable when this returns. Returns its offset."""
        data = self._found.frame(kind, self._current, self.sequence + 1, payload)
        file, offset = self._files[self._active], self._tail
        end = _sector_end(offset + len(data))
        if end > self._blank_to:
            file.blank(self._blank_to, end)
            self._blank_to = end
        file.write(offset, data)
        if offset + len(data) > file.size_bytes:
            file.size_bytes = offset + len(data)
        self.sequence += 1
        self._tail = offset + len(data)
        return offset

    @property
    def is_old(self) -> bool:
        """Whether an earlier release wrote the present generation."""
        return self._found is not self.format

    @property
    def position(self) -> tuple[int, int]:
        """Generation and sequence of the last record."""
        return self._current, self.sequence

    def start_generation(self, base: bytes, copies: Sequence[Entry] = ()) -> None:
        """Begin again in the other file with ``copies`` and ``base``; the old generation holds until that is durable."""
        self.generation += 1
        target = 1 - self._active if self._current else self._active
        file, sequence, parts = self._files[target], self.sequence, []
        for entry in copies:
            sequence += 1
            parts.append(self.format.frame(entry.kind | COPIED, self.generation, sequence, entry.payload))
        body = b"".join(parts)
        bases = b"".join(self.format.frame(Kind.BASE, self.generation, sequence + n, base) for n in (1, 2))
        if not file.grow(max(FILE_SIZE_BYTES, len(body) + len(bases) + RESERVE_BYTES)):
            if copies or not self._current or file.size_bytes >= len(bases):
                self._require(file, len(body) + len(bases))
            else:
                # Nowhere else to go: over the old batch's first sector, which is whole either way.
                target, file = self._active, self._files[self._active]
        end = _sector_end(len(body) + len(bases))
        try:
            if target != self._active or not self._current:
                file.blank(0, end)
            _fill(file, body, bases)
        except OSError:
            if target == self._active:
                raise
            file.renew()
            _fill(file, body, bases)
        old = self._files[1 - target]
        self._active, self._tail, self._blank_to = target, len(body) + len(bases), end
        self.is_torn = False
        self._current, self.sequence = self.generation, sequence + 2
        self._found = self.format
        old.shrink(FILE_SIZE_BYTES)
        if not copies:
            # A batch was closed: what both files had grown by goes back to the volume.
            file.shrink(max(FILE_SIZE_BYTES, self._tail + RESERVE_BYTES))

    def _require(self, file: JournalFile, size_bytes: int) -> None:
        if file.size_bytes < size_bytes:
            raise JournalError(f"no room for {size_bytes} bytes of journal")

    def entries(self) -> list[Entry]:
        """The records of this generation, read from the file again."""
        data = self._files[self._active].read(0, self._tail)
        return [entry for entry in self._found.scan(data) if entry.generation == self._current]

    def read(self, offset: int) -> Entry | None:
        """The record at ``offset``, or None when it is damaged."""
        file = self._files[self._active]
        header = file.read(offset, HEADER_BYTES)
        if len(header) < HEADER_BYTES:
            return None
        found = self._found.scan(header + file.read(offset + HEADER_BYTES, payload_bytes(header)))
        return found[0] if found and found[0].generation == self._current else None

    def has_room(self, size_bytes: int) -> bool:
        """Whether ``size_bytes`` fit beside the reserve; grows the files when they do not. OSError when it fails otherwise.

        Both files: should the active one fail, everything in it must find room in the other, also on a full volume. A
        spare that somebody deleted, and that found no room again at all, is done without.
        """
        needed = self._tail + size_bytes + RESERVE_BYTES
        active, spare = self._files[self._active], self._files[1 - self._active]
        if not _reaches(active, needed):
            _require_full(active)
            return False
        if _reaches(spare, needed) or spare.size_bytes < FILE_SIZE_BYTES:
            return True
        _require_full(spare)
        return False

    def is_unlinked(self) -> bool:
        """Whether the active file has lost its name."""
        return self._files[self._active].is_unlinked()

    def recreate_spare(self) -> None:
        """Give the other file its name back, if somebody deleted it."""
        slot = 1 - self._active
        if self._files[slot].is_unlinked():
            self._files[slot].close()
            self._files[slot] = self.file_class(os.path.join(self._directory, FILE_NAMES[slot]))

    def close(self) -> None:
        """Let go of both files."""
        for file in self._files:
            file.close()

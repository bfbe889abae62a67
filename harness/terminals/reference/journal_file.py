"""One of the journal's two files: reads in spite of bad sectors, writes that are durable or fail, room that is blank.

What it promises: a write that returned is durable; room that was grown is room, also on a full volume (it is written, not a
hole), and blank, all ones, as an erased sector of raw flash is.
"""

from __future__ import annotations

import errno
import os

_SECTOR_BYTES = 512
_BLANK = b"\xff"
_READ_TRIES = 3


class JournalFile:
    """One of the two files: a descriptor that stays open, and its size."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self.size_bytes = os.fstat(self._fd).st_size
        self.refusal: OSError | None = None
        """Why it could not grow when it was asked last."""

    def read(self, offset: int = 0, size: int = -1) -> bytes:
        wanted = self.size_bytes - offset if size < 0 else size
        try:
            return self._read(offset, wanted)
        except OSError:
            return self._read_by_sector(offset, wanted)

    def _read_by_sector(self, offset: int, wanted: int) -> bytes:
        """Zeros, which never validate, for a sector that cannot be read. OSError when none can: that is no bad sector."""
        parts: list[bytes] = []
        lost, end = 0, offset + wanted
        while offset < end:
            size = min(_SECTOR_BYTES - offset % _SECTOR_BYTES, end - offset)
            part = self._read_in_spite(offset, size)
            if part is None:
                lost += 1
            elif len(part) < size:
                return b"".join((*parts, part))
            parts.append(bytes(size) if part is None else part)
            offset += size
        if lost == len(parts):
            raise OSError(errno.EIO, "no sector can be read")
        return b"".join(parts)

    def _read_in_spite(self, offset: int, size: int) -> bytes | None:
        for _ in range(_READ_TRIES):
            try:
                return self._read(offset, size)
            except OSError:
                pass  # Old flash gives at the second try what it withheld at the first.
        return None

    def _read(self, offset: int, wanted: int) -> bytes:
        parts: list[bytes] = []
        while wanted > 0:
            part = os.pread(self._fd, wanted, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        """All of ``data`` durable, or OSError and nothing known."""
        done = os.pwrite(self._fd, data, offset)
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], offset + done)
        os.fsync(self._fd)

    def grow(self, size_bytes: int) -> bool:
        """Make sure of ``size_bytes``, written blank: a hole would not be room. False when it cannot be had: ``refusal``."""
        if size_bytes <= self.size_bytes:
            return True
        old_bytes = self.size_bytes
        try:
            self.write(old_bytes, _BLANK * (size_bytes - old_bytes))
        except OSError as error:
            self.refusal = error
            self._truncate(old_bytes)
            return False
        self.size_bytes = size_bytes
        return True

    def renew(self) -> None:
        """Write all of it: a sector that cannot be read cannot be written in part, and gets a sound one when written whole."""
        self.write(0, _BLANK * self.size_bytes)

    def is_blank(self, start: int, stop: int) -> bool:
        """Whether nothing was written from ``start`` to ``stop``; beyond the end nothing was."""
        size = min(stop, self.size_bytes) - start
        return size <= 0 or self.read(start, size) == _BLANK * size

    def blank(self, start: int, stop: int) -> None:
        """Make ``start`` to ``stop`` blank, as far as the file goes; nothing is written when it is."""
        if not self.is_blank(start, stop):
            self.write(start, _BLANK * (min(stop, self.size_bytes) - start))

    def shrink(self, size_bytes: int) -> None:
        """Give back what is beyond ``size_bytes``; not being able to is no loss of data."""
        if self.size_bytes > size_bytes:
            self._truncate(size_bytes)

    def is_unlinked(self) -> bool:
        """Whether somebody deleted the file: it lives only as long as it is open."""
        return os.fstat(self._fd).st_nlink == 0

    def close(self) -> None:
        os.close(self._fd)

    def _truncate(self, size_bytes: int) -> None:
        try:
            os.ftruncate(self._fd, size_bytes)
            os.fsync(self._fd)
            self.size_bytes = size_bytes
        except OSError:
            self.size_bytes = os.fstat(self._fd).st_size

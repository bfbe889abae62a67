"""Files of volumes that programs map into memory: a memfd stands in, and what was changed through it reaches the disk late.

Models: MAP_PRIVATE and read-only mappings exactly; a shared writable one as the page cache has it, written back where the
program asks (msync, fsync), where anybody reads or writes the file by a call, at munmap's sake never, at the end always. The
whole file is read when it is first mapped, and again when the medium damages it: what reading meets, the mapping meets then.
Does not model: a mapping over room that the volume has not got (SIGBUS): what finds no room at write-back is lost. A page that
cannot be read fails the mapping, where a kernel would end the program at its first touch (SIGBUS).
Source: mmap(2), msync(2).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.storage.inode import Inode, RegularFile

if TYPE_CHECKING:
    from harness.storage.disk import Disk
    from harness.storage.media import DamagedRange

_PAGE_BYTES = 4096


class _Mapped:
    """One inode with a memfd in its place. ``reader`` and ``writer`` are descriptors of ours on the disk; the second when it is
    mapped for writing.
    """

    __slots__ = ("inode", "memfd", "reader", "seen", "writer")

    def __init__(self, inode: RegularFile, memfd: int, reader: int) -> None:
        self.inode = inode
        self.memfd = memfd
        self.reader = reader
        self.writer: int | None = None
        self.seen = b""


class Mappings:
    """All mapped files of one boot."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._mapped: dict[int, _Mapped] = {}
        self._damage: list[DamagedRange] = []

    def memfd(self, descriptor: int, *, shared_writable: bool) -> int:
        """A memfd with the file's content, to be mapped instead of it."""
        inode = self._disk.inode_of(descriptor)
        assert isinstance(inode, RegularFile)
        mapped = self._mapped.get(id(inode))
        if mapped is None:
            mapped = _Mapped(inode, os.memfd_create("mapped", os.MFD_CLOEXEC), self._disk.dup(descriptor))
            try:
                self._read(mapped)
            except OSError:
                os.close(mapped.memfd)
                self._disk.close(mapped.reader)
                raise
            self._mapped[id(inode)] = mapped
            self._damage = self._damage_seen()
        if shared_writable and mapped.writer is None:
            mapped.writer = self._disk.dup(descriptor)
        return mapped.memfd

    def _content(self, inode: RegularFile) -> bytes:
        data = bytes(inode.content)
        return data.ljust(inode.size_bytes, b"\0")[: inode.size_bytes]

    def _read(self, mapped: _Mapped) -> None:
        self._fill(mapped, self._disk.pread(mapped.reader, mapped.inode.size_bytes, 0))

    def _fill(self, mapped: _Mapped, content: bytes) -> None:
        mapped.seen = content
        os.ftruncate(mapped.memfd, len(mapped.seen))
        os.pwrite(mapped.memfd, mapped.seen, 0)

    # ------------------------------------------------------------ the disk changes

    def written(self, descriptor: int) -> None:
        """A call has changed a file: whoever maps it sees that."""
        if self._mapped:
            self.changed(self._disk.inode_of(descriptor))

    def changed(self, inode: Inode) -> None:
        """As ``written``, by inode."""
        mapped = self._mapped.get(id(inode))
        if mapped is not None:
            self._fill(mapped, self._content(mapped.inode))

    def look_for_damage(self) -> None:
        """The world has had its turn: where the medium was damaged, what is mapped shows it."""
        if not self._mapped:
            return
        damage = self._damage_seen()
        if damage != self._damage:
            self._damage = damage
            for mapped in self._mapped.values():
                if self._content(mapped.inode) != mapped.seen:
                    try:
                        self._read(mapped)
                    except OSError:
                        self._fill(mapped, self._content(mapped.inode))

    def _damage_seen(self) -> list[DamagedRange]:
        return [
            each for volume in self._disk.volumes if volume.media is not None for each in volume.media.damaged_ranges
        ]

    # ------------------------------------------------------------ the mapping changes

    def settle(self, descriptor: int) -> None:
        """A call is about to look at a file: what was changed through a mapping is there."""
        if self._mapped:
            mapped = self._mapped.get(id(self._disk.inode_of(descriptor)))
            if mapped is not None and mapped.writer is not None:
                self._write_back(mapped)

    def settle_all(self) -> None:
        """Every file that is mapped for writing."""
        for mapped in self._mapped.values():
            if mapped.writer is not None:
                try:
                    self._write_back(mapped)
                except OSError:
                    pass  # the kernel's own flusher has nobody to tell; msync and fsync tell of a later try

    def _write_back(self, mapped: _Mapped) -> None:
        assert mapped.writer is not None
        size = mapped.inode.size_bytes
        data = os.pread(mapped.memfd, size, 0)
        if data == mapped.seen:
            return
        seen, mapped.seen = mapped.seen, data
        for start in range(0, size, _PAGE_BYTES):
            page = data[start : start + _PAGE_BYTES]
            if page != seen[start : start + _PAGE_BYTES]:
                self._disk.pwrite(mapped.writer, page, start)

    def sync_all(self, wait: bool) -> None:
        """msync(MS_SYNC): what is mapped for writing is durable; which range was meant is not looked at."""
        for mapped in self._mapped.values():
            if wait and mapped.writer is not None:
                self._disk.fdatasync(mapped.writer)

    def close(self) -> None:
        """The boot is over; the disk closes its own descriptors."""
        for mapped in self._mapped.values():
            os.close(mapped.memfd)
        self._mapped.clear()

"""Files of volumes that programs map into memory: a memfd stands in, and what was changed through it reaches the disk late.

Models: MAP_PRIVATE and read-only mappings exactly; a shared writable one as the page cache has it, written back where the
program asks (msync, fsync), where anybody reads or writes the file by a call, at munmap's sake never, at the end always. The
whole file is read when it is first mapped, and again when the medium damages it: what reading meets, the mapping meets then.
A page of a hole takes its room when it is touched, as tmpfs does it, and is known at the next call that could want that
room; when there is none for it, the program that mapped it gets SIGBUS then. An error of the medium at write-back loses
the page, and is told at the next msync.
Does not model: a page that cannot be read ends the program at its first touch (here it fails the mapping); the order in which a
kernel writes pages back by itself, before anybody asks.
Source: mmap(2), msync(2), Linux mm/shmem.c.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from harness.storage.inode import Inode, RegularFile
from harness.sut.supervisor.procfs import maps
from harness.sut.supervisor.tasks import Program

if TYPE_CHECKING:
    from harness.storage.disk import Disk
    from harness.storage.media import DamagedRange

_PAGE_BYTES = 4096


class _Mapped:
    """One inode with a memfd in its place. ``reader`` and ``writer`` are descriptors of ours on the disk, the second when it is
    mapped for writing.
    """

    __slots__ = ("blocks", "error", "inode", "memfd", "program", "reader", "seen", "writer")

    def __init__(self, inode: RegularFile, memfd: int, reader: int) -> None:
        self.inode = inode
        self.memfd = memfd
        self.reader = reader
        self.writer: int | None = None
        self.program: Program | None = None
        self.seen = b""
        self.blocks = 0
        self.error = 0


class Mappings:
    """All mapped files of one boot: ``programs`` are its programs.

    ``no_room`` is told of a program that touched a page which the volume has no room for.
    """

    def __init__(
        self, disk: Disk, programs: Callable[[], Iterable[Program]], no_room: Callable[[Program], None]
    ) -> None:
        self._disk = disk
        self._programs = programs
        self._no_room = no_room
        self._mapped: dict[int, _Mapped] = {}
        self._writers: list[_Mapped] = []
        self._damage: list[DamagedRange] = []

    def memfd(self, descriptor: int, program: Program, *, shared_writable: bool) -> int:
        """A memfd with the file's content, to be mapped instead of it."""
        inode = self._disk.inode_of(descriptor)
        assert isinstance(inode, RegularFile)
        mapped = self._mapped.get(id(inode))
        if mapped is None:
            met = self._disk.pread(descriptor, inode.size_bytes, 0)
            mapped = _Mapped(inode, os.memfd_create("mapped", os.MFD_CLOEXEC), self._disk.dup(descriptor))
            self._mapped[id(inode)] = mapped
            self._fill(mapped)
            if met != mapped.seen:
                os.pwrite(mapped.memfd, met, 0)
                mapped.seen = met
            self._damage = self._damage_seen()
        if shared_writable:
            mapped.program = program
            if mapped.writer is None:
                mapped.writer = self._disk.dup(descriptor)
                self._writers.append(mapped)
        return mapped.memfd

    def _fill(self, mapped: _Mapped) -> None:
        """The file's content into the memfd, with holes where the file has them."""
        inode, memfd = mapped.inode, mapped.memfd
        content = bytes(inode.content)[: inode.size_bytes]
        mapped.seen = content.ljust(inode.size_bytes, b"\0")
        os.ftruncate(memfd, inode.size_bytes)
        if not inode.holes:
            os.pwrite(memfd, content, 0)
        else:
            block_bytes = inode.volume.block_size_bytes
            for index, start in enumerate(range(0, len(content), block_bytes)):
                if index not in inode.holes:
                    os.pwrite(memfd, content[start : start + block_bytes], start)
        mapped.blocks = os.fstat(memfd).st_blocks

    # ------------------------------------------------------------ the disk changes

    def written(self, descriptor: int) -> None:
        """A call has changed a file: whoever maps it sees that."""
        if self._mapped:
            self.changed(self._disk.inode_of(descriptor))

    def changed(self, inode: Inode) -> None:
        """As ``written``, by inode."""
        mapped = self._mapped.get(id(inode))
        if mapped is not None:
            self._fill(mapped)

    def look_for_damage(self) -> None:
        """The world has had its turn: where the medium was damaged, what is mapped shows it."""
        if not self._mapped:
            return
        damage = self._damage_seen()
        if damage != self._damage:
            self._damage = damage
            for mapped in self._mapped.values():
                content = bytes(mapped.inode.content)
                if content != mapped.seen[: len(content)] or mapped.inode.size_bytes != len(mapped.seen):
                    self._fill(mapped)
                    try:
                        self._disk.pread(mapped.reader, mapped.inode.size_bytes, 0)
                    except OSError:
                        pass  # it is met all the same

    def _damage_seen(self) -> list[DamagedRange]:
        media = [volume.media for volume in self._disk.volumes if volume.media is not None]
        return [damage for each in media for damage in each.damaged_ranges]

    # ------------------------------------------------------------ the mapping changes

    def settle(self, descriptor: int) -> None:
        """A call is about to look at a file: what was changed through a mapping is there."""
        if self._writers:
            mapped = self._mapped.get(id(self._disk.inode_of(descriptor)))
            if mapped is not None and mapped.writer is not None:
                self._write_back(mapped)

    def take_room(self) -> None:
        """A call is about to want room on a volume, or to ask for it: pages that were touched before it have theirs."""
        if not self._mapped:
            return
        for mapped in list(self._mapped.values()):
            if mapped.inode.links == 0 and not self._is_mapped(mapped):
                self._let_go(mapped)
            elif mapped.writer is not None and os.fstat(mapped.memfd).st_blocks != mapped.blocks:
                self._write_back(mapped)

    def _is_mapped(self, mapped: _Mapped) -> bool:
        number = os.fstat(mapped.memfd).st_ino
        return any(maps(program.pid, number) for program in self._programs() if program.alive)

    def _let_go(self, mapped: _Mapped) -> None:
        """A deleted file that nobody maps any more: its room is free once its descriptors are closed."""
        if mapped.writer is not None:
            self._writers.remove(mapped)
            self._disk.close(mapped.writer)
        del self._mapped[id(mapped.inode)]
        self._disk.close(mapped.reader)
        os.close(mapped.memfd)

    def settle_all(self) -> None:
        """Every file that is mapped for writing."""
        for mapped in self._writers:
            self._write_back(mapped)

    def _write_back(self, mapped: _Mapped) -> None:
        assert mapped.writer is not None
        inode = mapped.inode
        size = inode.size_bytes
        data = os.pread(mapped.memfd, size, 0)
        blocks = os.fstat(mapped.memfd).st_blocks
        if data == mapped.seen and blocks == mapped.blocks:
            return
        seen, mapped.seen = mapped.seen, data
        if blocks != mapped.blocks:
            mapped.blocks = blocks
            self._take_room(mapped, size)
        if data == seen:
            return
        for start in range(0, size, _PAGE_BYTES):
            page = data[start : start + _PAGE_BYTES]
            if page != seen[start : start + _PAGE_BYTES]:
                try:
                    self._disk.pwrite(mapped.writer, page, start)
                except OSError as error:
                    self._failed(mapped, error)

    def _take_room(self, mapped: _Mapped, size: int) -> None:
        """Pages of holes that were touched, whatever is in them, have room from now on."""
        place = 0
        try:
            while place < size:
                try:
                    start = os.lseek(mapped.memfd, place, os.SEEK_DATA)
                    place = min(os.lseek(mapped.memfd, start, os.SEEK_HOLE), size)
                except OSError as error:
                    if error.errno == errno.ENXIO:
                        return
                    raise
                mapped.inode.volume.allocate(mapped.inode, start, place)
        except OSError as error:
            self._failed(mapped, error)

    def _failed(self, mapped: _Mapped, error: OSError) -> None:
        if error.errno == errno.ENOSPC and mapped.program is not None:
            program, mapped.program = mapped.program, None
            self._no_room(program)
        else:
            mapped.error = error.errno or errno.EIO

    def sync_all(self, wait: bool) -> None:
        """msync(MS_SYNC): what is mapped for writing is durable; which range was meant is not looked at."""
        for mapped in self._writers:
            error, mapped.error = mapped.error, 0
            if error:
                raise OSError(error, os.strerror(error))
            if wait:
                assert mapped.writer is not None
                self._disk.fdatasync(mapped.writer)

    def close(self) -> None:
        """The boot is over; the disk closes its own descriptors."""
        for mapped in self._mapped.values():
            os.close(mapped.memfd)
        self._mapped.clear()
        self._writers.clear()

"""File contents in blocks: writing, reading and cutting, with holes, and what runs out on the way.

Models: tmpfs's page by page accounting (a write stores what fits, then fails), ext4's delayed allocation (all of it or
nothing), holes that cost nothing until they are filled, preallocation, dirty bytes waiting for a barrier.
Does not model: where blocks lie, clusters larger than the block, write-back in the background.
Source: Linux mm/shmem.c, mm/filemap.c (generic_perform_write); both ENOSPC behaviours measured on tmpfs and a small ext4.
"""

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from harness.storage.inode import Directory, Inode, RegularFile, SymbolicLink
from harness.storage.oplog import Op, Truncate, Write
from harness.storage.oserrors import os_error

if TYPE_CHECKING:
    from harness.storage.media import Media
    from harness.storage.volume import Volume
    from harness.storage.witness import StorageWitness

SHORT_SYMLINK_BYTES = 128
"""A symbolic link up to this size, its final NUL included, lies in the inode (tmpfs); a longer one takes a block."""


class StoredFiles:
    """The part of a volume that holds file contents and counts blocks. ``Volume`` adds names and geometry."""

    block_size_bytes: int
    block_shift: int
    free_blocks: int
    file_bytes_max: int
    partial_writes: bool
    read_only: bool
    media: "Media | None"
    witness: "StorageWitness | None"
    now_us: Callable[[], int]
    log: list[Op]
    dirty_files: dict[int, RegularFile]

    # -- space ---------------------------------------------------------------------------------------------------------

    def blocks_for(self, size_bytes: int) -> int:
        return (size_bytes + self.block_size_bytes - 1) >> self.block_shift

    def allocated_blocks(self, inode: Inode) -> int:
        """Blocks the inode occupies now, as st_blocks would count them."""
        if isinstance(inode, RegularFile):
            return self.blocks_for(len(inode.content)) - (len(inode.holes) if inode.holes else 0)
        if isinstance(inode, Directory):
            return inode.blocks
        return self._symlink_blocks(inode)

    def _symlink_blocks(self, inode: Inode) -> int:
        assert isinstance(inode, SymbolicLink)
        return 1 if len(inode.target.encode("utf-8", "surrogateescape")) >= SHORT_SYMLINK_BYTES else 0

    def out_of_space(self, shown: tuple[object, ...] = ()) -> OSError:
        """The ENOSPC to raise; conditions that took the space count it as a bite."""
        error = errno.ENOSPC
        if self.media is not None:
            self.media.ran_out_of_space()
            error = self.media.space_errno()
        self.tell_failure("", None, error)
        return os_error(error, *shown)

    def tell_failure(self, operation: str, inode: Inode | None, error: int) -> None:
        """A call is about to return ``error``."""
        if self.witness is not None:
            self.witness.failed(operation, cast("Volume", self), inode, error)

    def refuse_if_read_only(self, shown: tuple[object, ...] = ()) -> None:
        if self.read_only:
            if self.media is not None:
                self.media.refused_as_read_only()
            self.tell_failure("", None, errno.EROFS)
            raise os_error(errno.EROFS, *shown)

    @property
    def dirty_bytes(self) -> int:
        """Bytes written since the last barrier of their file: what a sync would have to write back."""
        return sum(inode.dirty_bytes for inode in self.dirty_files.values())

    def cleaned(self, inode: RegularFile) -> None:
        """The file has no dirty pages any more: they were written back, or given up."""
        inode.dirty_bytes = 0
        self.dirty_files.pop(inode.number, None)

    def all_cleaned(self) -> None:
        """As ``cleaned``, for every file."""
        for inode in self.dirty_files.values():
            inode.dirty_bytes = 0
        self.dirty_files.clear()

    # -- file data -----------------------------------------------------------------------------------------------------

    def write(self, inode: RegularFile, offset_bytes: int, data: bytes) -> int:
        """Stores what fits and returns its length; raises ENOSPC or EFBIG when nothing does."""
        if self.media is not None:
            diverted = self.media.divert(inode, offset_bytes, data)
            if diverted:
                return len(data)
        content = inode.content
        if content.__class__ is bytes:
            content = inode.content = bytearray(content)
        assert isinstance(content, bytearray)
        size = inode.size_bytes
        end = offset_bytes + len(data)
        have = (len(content) + self.block_size_bytes - 1) >> self.block_shift
        needed = ((end + self.block_size_bytes - 1) >> self.block_shift) - have
        if offset_bytes == len(content) == size and needed <= self.free_blocks and end <= self.file_bytes_max:
            if needed > 0:
                self.free_blocks -= needed
            content += data
        elif not inode.holes and offset_bytes < end <= len(content) and end <= self.file_bytes_max:
            content[offset_bytes:end] = data  # bytes that have their blocks already
        else:
            data = self._write_anywhere(inode, content, offset_bytes, data)
            end = offset_bytes + len(data)
        if end > size:
            inode.size_bytes = end
        if not inode.dirty_bytes:
            self.dirty_files[inode.number] = inode
        inode.dirty_bytes += len(data)
        inode.mtime_ns = inode.ctime_ns = self.now_us() * 1000
        self.log.append(Write(inode.number, offset_bytes, data, size))
        if self.media is not None:
            self.media.overwritten(inode.number, offset_bytes, end)
        return len(data)

    def _write_anywhere(self, inode: RegularFile, content: bytearray, offset_bytes: int, data: bytes) -> bytes:
        """The general case: overwrites, holes filled, gaps left, space that ends half way. Returns what was stored."""
        if offset_bytes >= self.file_bytes_max:
            raise os_error(errno.EFBIG)
        data = data[: self.file_bytes_max - offset_bytes]
        missing = self._unallocated(inode, offset_bytes, offset_bytes + len(data))
        available = max(0, self.free_blocks)
        if len(missing) > available:
            if not self.partial_writes:
                raise self.out_of_space()
            stored = (missing[available] << self.block_shift) - offset_bytes
            if stored <= 0:
                raise self.out_of_space()
            if self.media is not None:
                self.media.ran_out_of_space()
            data = data[:stored]
            del missing[available:]
        end = offset_bytes + len(data)
        self._allocate(inode, content, missing, offset_bytes >> self.block_shift)
        if offset_bytes > len(content):
            content.extend(bytes(offset_bytes - len(content)))
        content[offset_bytes:end] = data
        return data

    def overwrite_stored(self, inode: RegularFile, offset_bytes: int, data: bytes) -> int:
        """Changes bytes that are stored already, asking for no space: what damage does. Returns how many it changed."""
        content = inode.content if isinstance(inode.content, bytearray) else bytearray(inode.content)
        inode.content = content
        data = data[: max(0, len(content) - offset_bytes)]
        if data:
            content[offset_bytes : offset_bytes + len(data)] = data
            self.log.append(Write(inode.number, offset_bytes, data, inode.size_bytes))
        return len(data)

    def _unallocated(self, inode: RegularFile, start: int, end: int) -> list[int]:
        """Indices of the blocks in ``start:end`` that hold nothing yet, in order."""
        first, last = start >> self.block_shift, (end - 1) >> self.block_shift
        have = self.blocks_for(len(inode.content))
        holes = inode.holes
        missing = [] if holes is None else [index for index in range(first, min(last + 1, have)) if index in holes]
        missing.extend(range(max(first, have), last + 1))
        return missing

    def _allocate(self, inode: RegularFile, content: bytearray, missing: list[int], first: int) -> None:
        """Takes the missing blocks; blocks skipped between the old end and ``first`` become holes."""
        self.free_blocks -= len(missing)
        have = self.blocks_for(len(content))
        if inode.holes is not None:
            inode.holes.difference_update(missing)
        if first > have:
            inode.holes = (inode.holes or set()) | set(range(have, first))
        if not inode.holes:
            inode.holes = None

    def read(self, inode: RegularFile, offset_bytes: int, count: int) -> bytes:
        """Up to ``count`` bytes from the offset; empty at the end of the file."""
        end = min(inode.size_bytes, offset_bytes + count)
        if end <= offset_bytes:
            return b""
        chunk = bytes(inode.content[offset_bytes:end])
        if len(chunk) < end - offset_bytes:
            chunk += bytes(end - offset_bytes - len(chunk))
        return chunk

    def truncate(self, inode: RegularFile, size_bytes: int, *, by_path: bool = False) -> None:
        """Sets the size, shorter or longer; longer leaves a hole. Nothing is logged when the size stays as it is."""
        if size_bytes > self.file_bytes_max:
            raise os_error(errno.EFBIG)
        old_size = inode.size_bytes
        inode.mtime_ns = inode.ctime_ns = self.now_us() * 1000
        if size_bytes == old_size:
            return
        if size_bytes < len(inode.content):
            self._cut(inode, size_bytes)
        inode.size_bytes = size_bytes
        self.log.append(Truncate(inode.number, size_bytes, old_size, by_path))
        if self.media is not None:
            self.media.overwritten(inode.number, size_bytes, max(old_size, size_bytes))

    def _cut(self, inode: RegularFile, size_bytes: int) -> None:
        before = self.allocated_blocks(inode)
        have = self.blocks_for(size_bytes)
        length = size_bytes
        if inode.holes is not None:
            holes = {index for index in inode.holes if index < have}
            while have and have - 1 in holes:
                have -= 1
                holes.discard(have)
                length = min(length, have << self.block_shift)
            inode.holes = holes or None
        if isinstance(inode.content, bytearray):
            del inode.content[length:]
        else:
            inode.content = inode.content[:length]
        self.free_blocks += before - self.allocated_blocks(inode)

    def allocate(self, inode: RegularFile, offset_bytes: int, end: int) -> None:
        """posix_fallocate: every block of the range is there afterwards, or none of the missing ones was taken."""
        if end > self.file_bytes_max:
            raise os_error(errno.EFBIG)
        missing = self._unallocated(inode, offset_bytes, end)
        if len(missing) > max(0, self.free_blocks):
            raise self.out_of_space()
        content = inode.content if isinstance(inode.content, bytearray) else bytearray(inode.content)
        inode.content = content
        self._allocate(inode, content, missing, offset_bytes >> self.block_shift)
        if end > len(content):
            content.extend(bytes(end - len(content)))
        if end > inode.size_bytes:
            self.log.append(Truncate(inode.number, end, inode.size_bytes))
            inode.size_bytes = end
        inode.ctime_ns = self.now_us() * 1000

"""read, write, seek, sync and their relatives: calls on an open descriptor's bytes."""

import errno
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from harness.storage.calls import CallKind
from harness.storage.inode import Description, Directory, RegularFile, path_of
from harness.storage.oplog import SyncDirectory, SyncFile, SyncVolume
from harness.storage.oserrors import os_error
from harness.storage.process import DiskProcess

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

Descriptor: TypeAlias = int
VECTOR_MAX = 1024


class DataCalls(DiskProcess):
    """Calls that move bytes, or make them durable."""

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self, fd: Descriptor, data: "ReadableBuffer", /) -> int:
        description = self._descriptors.get(fd)
        if description is None or not description.writable:
            _as_bytes(data)
            raise self._bad_descriptor()
        if data.__class__ is not bytes:
            data = _as_bytes(data)
        assert isinstance(data, bytes)
        if not data:
            return 0
        inode = description.inode
        assert isinstance(inode, RegularFile)
        offset = inode.size_bytes if description.append else description.position
        stored = self._store(description, inode, offset, data)
        description.position = offset + stored
        return stored

    def _store(self, description: Description, inode: RegularFile, offset: int, data: bytes) -> int:
        if not data:
            return 0
        volume = inode.volume
        if volume.read_only:
            volume.refuse_if_read_only()
        self._begin("write", inode, len(data), offset)
        stored = volume.write(inode, offset, data)
        if description.sync_data:
            self._sync_file(inode, data_only=not description.flags & (os.O_SYNC & ~os.O_DSYNC))
        return stored

    def pwrite(self, fd: Descriptor, buffer: "ReadableBuffer", offset: int, /) -> int:
        data = _as_bytes(buffer)
        if offset < 0:
            raise os_error(errno.EINVAL)
        description, inode = self._writable(fd)
        # Linux appends whatever the offset says when the description is in append mode (pwrite(2), BUGS).
        return self._store(description, inode, inode.size_bytes if description.append else offset, data)

    def writev(self, fd: Descriptor, buffers: "Sequence[ReadableBuffer]", /) -> int:
        self._check_vector(fd, buffers)
        return self.write(fd, b"".join([_as_bytes(buffer) for buffer in buffers]))

    def pwritev(self, fd: Descriptor, buffers: "Sequence[ReadableBuffer]", offset: int, flags: int = 0, /) -> int:
        self._check_vector(fd, buffers)
        return self.pwrite(fd, b"".join([_as_bytes(buffer) for buffer in buffers]), offset)

    def _check_vector(self, fd: Descriptor, buffers: "Sequence[ReadableBuffer]") -> None:
        self._description(fd)
        if len(buffers) > VECTOR_MAX:
            raise os_error(errno.EINVAL)

    def _writable(self, fd: Descriptor) -> tuple[Description, RegularFile]:
        description = self._description(fd)
        inode = description.inode
        if not description.writable or not isinstance(inode, RegularFile):
            raise self._bad_descriptor()
        return description, inode

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, fd: Descriptor, length: int, /) -> bytes:
        if length < 0:
            raise os_error(errno.EINVAL)
        description, inode = self._readable(fd)
        data = self._fetch(inode, description.position, length)
        description.position += len(data)
        return data

    def _readable(self, fd: Descriptor) -> tuple[Description, RegularFile]:
        description = self._description(fd)
        inode = description.inode
        if not description.readable:
            raise self._bad_descriptor()
        if not isinstance(inode, RegularFile):
            raise os_error(errno.EISDIR)
        return description, inode

    def _fetch(self, inode: RegularFile, offset: int, length: int) -> bytes:
        volume = inode.volume
        if self.hook_reads and self.before_operation is not None:
            self._announce("read", volume, path_of(inode), inode.number, length, offset)
        media = volume.media
        if media is not None:
            media.before_read(inode, offset, length)
        data = volume.read(inode, offset, length)
        if volume.latency is not None:
            self._charge(volume, "read", len(data), inode)
        return data if media is None else media.after_read(inode, offset, data)

    def pread(self, fd: Descriptor, length: int, offset: int, /) -> bytes:
        if length < 0 or offset < 0:
            raise os_error(errno.EINVAL)
        return self._fetch(self._readable(fd)[1], offset, length)

    def readinto(self, fd: Descriptor, buffer: "WriteableBuffer", /) -> int:
        """What a raw file's ``readinto`` needs: read(2) into the caller's memory."""
        view = memoryview(buffer).cast("B")
        data = self.read(fd, len(view))
        view[: len(data)] = data
        return len(data)

    def readv(self, fd: Descriptor, buffers: "Sequence[WriteableBuffer]", /) -> int:
        views = self._views(fd, buffers)
        total = sum(len(view) for view in views)
        return _scatter(self.read(fd, total), views) if total else 0

    def preadv(self, fd: Descriptor, buffers: "Sequence[WriteableBuffer]", offset: int, flags: int = 0, /) -> int:
        if offset < 0:
            raise os_error(errno.EINVAL)
        views = self._views(fd, buffers)
        total = sum(len(view) for view in views)
        return _scatter(self.pread(fd, total, offset), views) if total else 0

    def _views(self, fd: Descriptor, buffers: "Sequence[WriteableBuffer]") -> list[memoryview]:
        """Where a vector read puts its bytes. One with no room at all is fine even on a directory."""
        self._check_vector(fd, buffers)
        if not self._description(fd).readable:
            raise self._bad_descriptor()
        return [memoryview(buffer).cast("B") for buffer in buffers]

    # -- position and size ---------------------------------------------------------------------------------------------

    def lseek(self, fd: Descriptor, position: int, how: int, /) -> int:
        description = self._description(fd)
        inode = description.inode
        size = inode.size_bytes if isinstance(inode, RegularFile) else 0
        if how == os.SEEK_SET:
            target = position
        elif how == os.SEEK_CUR:
            target = description.position + position
        elif how == os.SEEK_END and isinstance(inode, RegularFile):
            target = size + position
        elif how in (os.SEEK_DATA, os.SEEK_HOLE) and isinstance(inode, RegularFile):
            target = _seek_extent(inode, position, hole=how == os.SEEK_HOLE)
        else:
            raise os_error(errno.EINVAL)
        if target < 0:
            raise os_error(errno.EINVAL)
        description.position = target
        return target

    def ftruncate(self, fd: Descriptor, length: int, /) -> None:
        description = self._file_of(fd)
        if length < 0 or not description.writable:
            raise os_error(errno.EINVAL)
        assert isinstance(description.inode, RegularFile)
        self._resize(description.inode, length)

    def posix_fallocate(self, fd: Descriptor, offset: int, len: int, /) -> None:
        description = self._description(fd)
        if offset < 0 or len <= 0:
            raise os_error(errno.EINVAL)
        if not description.writable or not isinstance(description.inode, RegularFile):
            raise os_error(errno.EBADF)
        inode = description.inode
        inode.volume.refuse_if_read_only()
        self._begin("allocate", inode, len, offset)
        inode.volume.allocate(inode, offset, offset + len)

    # -- barriers ------------------------------------------------------------------------------------------------------

    def fsync(self, fd: object) -> None:
        inode = self._file_of(fd).inode
        if isinstance(inode, RegularFile):
            self._sync_file(inode, data_only=False)
        elif isinstance(inode, Directory):
            self._sync_directory("fsync", inode)

    def fdatasync(self, fd: object) -> None:
        inode = self._file_of(fd).inode
        if isinstance(inode, RegularFile):
            self._sync_file(inode, data_only=True)
        elif isinstance(inode, Directory):
            self._sync_directory("fdatasync", inode)

    def _sync_directory(self, kind: CallKind, directory: Directory) -> None:
        self._begin(kind, directory)
        volume = directory.volume
        volume.log.append(SyncDirectory(directory.number))
        if volume.witness is not None:
            volume.witness.made_durable(kind, directory)

    def _sync_file(self, inode: RegularFile, *, data_only: bool) -> None:
        kind: CallKind = "fdatasync" if data_only else "fsync"
        self._begin(kind, inode, inode.dirty_bytes)
        volume = inode.volume
        volume.log.append(SyncFile(inode.number, data_only))
        volume.cleaned(inode)
        if volume.witness is not None:
            volume.witness.made_durable(kind, inode)

    def sync(self) -> None:
        """Every volume in turn. As with sync(2), an error of the medium is not reported to the caller."""
        self._check_alive()
        for volume in self.volumes:
            try:
                self._begin("sync", volume.root, volume.dirty_bytes)
            except OSError:
                if self.dead:
                    raise
                continue
            volume.log.append(SyncVolume())
            volume.all_cleaned()
            if volume.witness is not None:
                volume.witness.made_durable("sync", volume.root)

    # -- copying -------------------------------------------------------------------------------------------------------

    def sendfile(self, out_fd: Descriptor, in_fd: Descriptor, offset: int | None, count: int) -> int:
        source = self._description(in_fd)
        if not source.readable:
            raise self._bad_descriptor()
        target, _ = self._writable(out_fd)
        inode = source.inode
        if target.append:
            raise os_error(errno.EINVAL)
        if count == 0:
            return 0
        if not isinstance(inode, RegularFile):
            raise os_error(errno.EINVAL)
        start = source.position if offset is None else offset
        copied = self.write(out_fd, self._fetch(inode, start, count))
        if offset is None:
            source.position += copied
        return copied

    def copy_file_range(
        self, src: Descriptor, dst: Descriptor, count: int, offset_src: int | None = None, offset_dst: int | None = None
    ) -> int:
        if count < 0:
            raise ValueError("negative value for 'count' not allowed")
        source, target = self._description(src), self._description(dst)
        inode = source.inode
        if not isinstance(inode, RegularFile) or not isinstance(target.inode, RegularFile):
            raise os_error(errno.EISDIR)
        if not source.readable or not target.writable or target.append:
            raise os_error(errno.EBADF)
        data = self._fetch(inode, source.position if offset_src is None else offset_src, count)
        copied = self.write(dst, data) if offset_dst is None else self.pwrite(dst, data, offset_dst)
        if offset_src is None:
            source.position += copied
        return copied


def _as_bytes(data: "ReadableBuffer") -> bytes:
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        raise TypeError("a bytes-like object is required, not 'str'")
    return memoryview(data).tobytes()


def _scatter(data: bytes, views: list[memoryview]) -> int:
    taken = 0
    for view in views:
        part = data[taken : taken + len(view)]
        view[: len(part)] = part
        taken += len(part)
    return len(data)


def _seek_extent(inode: RegularFile, position: int, *, hole: bool) -> int:
    """SEEK_DATA and SEEK_HOLE over whole blocks; the end of the file counts as a hole."""
    if position < 0 or position >= inode.size_bytes:
        raise os_error(errno.ENXIO)
    shift = inode.volume.block_shift
    have = inode.volume.blocks_for(len(inode.content))
    index = position >> shift
    while index << shift < inode.size_bytes:
        is_hole = index >= have or (inode.holes is not None and index in inode.holes)
        if is_hole == hole:
            return max(position, index << shift)
        index += 1
    if hole:
        return inode.size_bytes
    raise os_error(errno.ENXIO)

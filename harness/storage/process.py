"""One process on a disk: its descriptors and working directory, and the gate every storage call passes.

Models: a descriptor table with the lowest free number, a working directory, death by power loss and death of the
process alone, the count of operations, the hook for faults, the cost in virtual time.
Does not model: several processes at once on one device (a terminal's threads share one), descriptor inheritance.
Source: POSIX.1-2017 2.14 (descriptor allocation); the design's rule that the dead never write.
"""

import errno
from collections.abc import Callable
from typing import SupportsIndex

from harness.storage.calls import BeforeOperation, CallKind, StorageCall
from harness.storage.inode import Description, Directory, Inode, RegularFile, path_of
from harness.storage.namespace import Namespace, path_text
from harness.storage.oserrors import Shown, os_error
from harness.storage.volume import Volume

FIRST_DESCRIPTOR = 3
DESCRIPTOR_LIMIT = 1024


class DiskProcess:
    """What all groups of calls share. ``Disk`` joins the groups."""

    def __init__(
        self,
        namespace: Namespace,
        *,
        now_us: Callable[[], int],
        first_descriptor: int = FIRST_DESCRIPTOR,
        descriptor_limit: int = DESCRIPTOR_LIMIT,
    ) -> None:
        self.namespace = namespace
        self.volumes = namespace.volumes
        self.now_us = now_us
        for volume in self.volumes:
            volume.now_us = now_us
        self.first_descriptor = first_descriptor
        self.descriptor_limit = descriptor_limit
        self.dead = False
        self.operation_ordinal = 0
        self.accrued_us = 0
        self.before_operation: BeforeOperation | None = None
        self.hook_reads = False
        self.umask_bits = 0o022
        self._descriptors: dict[int, Description] = {}
        self._lowest_free = first_descriptor
        self._working_directory: Directory = namespace.root
        self._working_directory.open_descriptions += 1

    # -- life and death ------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Power is lost: from here on every call on this process and its files raises EIO and changes nothing."""
        if self.dead:
            return
        self.dead = True
        self._working_directory.open_descriptions = 0
        for description in self._descriptors.values():
            inode = description.inode
            inode.open_descriptions = 0
            if isinstance(inode, RegularFile):
                inode.lock_holders = None
        self._descriptors = {}

    def abandon_process(self) -> None:
        """The process alone dies: descriptors are closed and locks dropped, what Python had buffered never lands."""
        if self.dead:
            return
        for descriptor in sorted(self._descriptors):
            self._release(self._descriptors.pop(descriptor))
        self._enter(self.namespace.root)
        self.kill()

    def _enter(self, directory: Directory) -> None:
        """Changes the working directory, which holds on to its inode as an open descriptor would."""
        directory.open_descriptions += 1
        left, self._working_directory = self._working_directory, directory
        left.volume.closed(left, wrote=False)

    # -- descriptors ---------------------------------------------------------------------------------------------------

    def _bad_descriptor(self, *shown: object) -> OSError:
        return os_error(errno.EIO if self.dead else errno.EBADF, *shown)

    def _description(self, descriptor: SupportsIndex) -> Description:
        """The open file description behind an integer descriptor."""
        found = self._descriptors.get(descriptor)  # type: ignore[call-overload]
        if found is None:
            if type(descriptor) is not int:
                descriptor.__index__()  # the TypeError that the os function would raise
            raise self._bad_descriptor()
        return found  # type: ignore[no-any-return]

    def inode_of(self, descriptor: int) -> Inode:
        """What an open descriptor leads to."""
        return self._description(descriptor).inode

    def _file_of(self, descriptor: object) -> Description:
        """As ``_description``, for the calls that also take an object with ``fileno()``."""
        if type(descriptor) is int:
            found = self._descriptors.get(descriptor)
            if found is not None:
                return found
            if descriptor < 0:
                raise ValueError(f"file descriptor cannot be a negative integer ({descriptor})")
            raise self._bad_descriptor()
        fileno = getattr(descriptor, "fileno", None)
        if fileno is None:
            if isinstance(descriptor, int):
                return self._file_of(int(descriptor))
            raise TypeError("argument must be an int, or have a fileno() method.")
        number = fileno()
        if not isinstance(number, int):
            raise TypeError("fileno() returned a non-integer")
        return self._file_of(int(number))

    def _install(self, description: Description) -> int:
        """Gives the description the lowest free descriptor; the caller has checked the limit."""
        table = self._descriptors
        descriptor = self._lowest_free
        while descriptor in table:
            descriptor += 1
        table[descriptor] = description
        self._lowest_free = descriptor + 1
        return descriptor

    def _check_descriptor_limit(self, *shown: object) -> None:
        if len(self._descriptors) >= self.descriptor_limit - self.first_descriptor:
            raise os_error(errno.EMFILE, *shown)

    def _release(self, description: Description) -> None:
        """One descriptor of the description went; with the last one the description goes."""
        description.references -= 1
        if description.references:
            return
        inode = description.inode
        if description.lock and isinstance(inode, RegularFile | Directory):
            self._unlock(description)
        inode.volume.closed(inode, wrote=description.writable)

    def _unlock(self, description: Description) -> None:
        raise NotImplementedError

    # -- the gate ------------------------------------------------------------------------------------------------------

    def _check_alive(self) -> None:
        if self.dead:
            raise os_error(errno.EIO)

    def _begin(self, kind: CallKind, inode: Inode, byte_count: int = 0, offset_bytes: int = 0) -> None:
        """Counts, announces, charges a call on an inode that is about to change it; faults speak up here."""
        self.operation_ordinal += 1
        if self.before_operation is not None:
            self._announce(kind, inode.volume, path_of(inode), inode.number, byte_count, offset_bytes)
        volume = inode.volume
        if volume.media is not None:
            volume.media.before(kind, inode)
        if volume.latency is not None:
            self._charge(volume, kind, byte_count, inode)

    def _begin_name(
        self, kind: CallKind, directory: Directory, name: str, inode: Inode | None, source: str = ""
    ) -> None:
        """As ``_begin``, for a call that adds, moves or removes a name."""
        self.operation_ordinal += 1
        volume = directory.volume
        if self.before_operation is not None:
            path = path_of(directory).rstrip("/") + "/" + name
            self._announce(kind, volume, path, inode.number if inode is not None else 0, 0, 0, source)
        if volume.media is not None:
            volume.media.before(kind, directory)
        if volume.latency is not None:
            self._charge(volume, kind, 0, directory)

    def _announce(
        self,
        kind: CallKind,
        volume: Volume,
        path: str,
        number: int,
        byte_count: int,
        offset_bytes: int,
        source: str = "",
    ) -> None:
        assert self.before_operation is not None
        call = StorageCall(self.operation_ordinal, kind, volume, path, number, byte_count, offset_bytes, source)
        self.before_operation(call)
        self._check_alive()

    def _charge(self, volume: Volume, kind: CallKind, byte_count: int, inode: Inode) -> None:
        assert volume.latency is not None
        dirty = inode.dirty_bytes if isinstance(inode, RegularFile) else volume.dirty_bytes
        free, total = volume.free_blocks, volume.total_blocks
        fill_percent = (
            100 - 100 * free // total if free > 0 and total > 0 else 100
        )  # without a call, as it is always asked
        cost = volume.latency.cost_us(kind, byte_count, dirty, fill_percent)
        if volume.media is not None:
            cost = volume.media.slowed(cost, fill_percent)
        self.accrued_us += cost

    def _resize(self, inode: RegularFile, length: int, *shown: object) -> None:
        """ftruncate and truncate: refused before anything is counted, or done."""
        inode.volume.refuse_if_read_only(shown)
        if length != inode.size_bytes:
            if length > inode.volume.file_bytes_max:
                raise os_error(errno.EFBIG, *shown)
            self._begin("truncate", inode, abs(inode.size_bytes - length), length)
        inode.volume.truncate(inode, length, by_path=bool(shown))

    # -- paths ---------------------------------------------------------------------------------------------------------

    def _start(self, dir_fd: int | None, shown: Shown) -> Directory:
        """The directory that a relative path starts from."""
        if dir_fd is None:
            return self._working_directory
        found = self._descriptors.get(dir_fd)
        if found is None:
            raise self._bad_descriptor(*shown)
        if not isinstance(found.inode, Directory):
            raise os_error(errno.ENOTDIR, *shown)
        return found.inode

    def _start_for(self, text: str, dir_fd: int | None, shown: Shown) -> Directory:
        """As ``_start``; an absolute path does not look at ``dir_fd`` at all."""
        if dir_fd is None or text[0] == "/":
            return self._working_directory
        return self._start(dir_fd, shown)

    def _lookup(self, path: str | bytes, dir_fd: int | None = None, *, follow: bool = True) -> Inode:
        if self.dead:
            raise os_error(errno.EIO, path)
        shown = (path,)
        text = path_text(path, shown)
        return self.namespace.lookup(text, self._start_for(text, dir_fd, shown), shown, follow)

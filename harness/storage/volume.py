"""One volume: blocks, inodes, names, and the op log of everything that ever changed them.

Models: space accounted in blocks and inodes as tmpfs does it (holes are free, a hard link takes an inode, an unlinked
file keeps its space until the last close), or as ext4 does it (directories take blocks, hard links do not); both kinds
of running out of space: a short write first, or all or nothing as delayed allocation gives.
Does not model: what survives a power cut (``storage/profiles`` reads ``log`` for that), block placement, journals,
reserved blocks, files beyond ``file_bytes_max``.
Source: Linux mm/shmem.c, fs/namei.c and fs/libfs.c, held against a real tmpfs by tests/storage/tmpfs_fuzz.py; the two
ENOSPC behaviours were measured on tmpfs and on a small ext4.
"""

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.storage.extents import StoredFiles
from harness.storage.flash import Flash
from harness.storage.inode import Directory, Inode, RegularFile, SymbolicLink
from harness.storage.latency import LatencyModel
from harness.storage.oplog import ROOT_INODE, Close, Link, Op, Rename, SetMode, Unlink
from harness.storage.oserrors import os_error

if TYPE_CHECKING:
    from harness.storage.contents import VolumeImage
    from harness.storage.media import Media
    from harness.storage.witness import StorageWitness

EXT4_NAME_RECORD_BYTES = 8


def _never_advances() -> int:
    return 0


class Volume(StoredFiles):
    """A mountable tree of inodes with its geometry. Changed only through a ``Disk``, which checks, counts and charges."""

    def __init__(
        self,
        name: str,
        mount_point: str,
        total_bytes: int,
        block_size_bytes: int = 4096,
        inode_limit: int | None = None,
        *,
        partial_writes: bool = True,
        directory_blocks: bool = False,
        links_use_inodes: bool = True,
        read_only: bool = False,
        file_bytes_max: int = 256 * 1024 * 1024,
        latency: LatencyModel | None = None,
        flash: Flash | None = None,
    ) -> None:
        if block_size_bytes < 512 or block_size_bytes & (block_size_bytes - 1):
            raise ValueError(f"block_size_bytes is {block_size_bytes}; it must be a power of two from 512 up")
        if not mount_point.startswith("/"):
            raise ValueError(f"mount_point is {mount_point!r}; it must be an absolute path")
        self.name = name
        self.mount_point = mount_point.rstrip("/") or "/"
        self.block_size_bytes = block_size_bytes
        self.block_shift = block_size_bytes.bit_length() - 1
        self.total_blocks = total_bytes // block_size_bytes
        self.inode_limit = inode_limit if inode_limit is not None else max(self.total_blocks, 64)
        self.partial_writes = partial_writes
        self.directory_blocks = directory_blocks
        self.links_use_inodes = links_use_inodes
        self.read_only = read_only
        self.file_bytes_max = file_bytes_max
        self.latency = latency
        self.flash = flash
        self.media: Media | None = None
        self.witness: StorageWitness | None = None
        self.now_us: Callable[[], int] = _never_advances
        self.device_number = 0
        self.foreign_blocks = 0
        self.foreign_inodes = 0
        self.log: list[Op] = []
        self.base_image: VolumeImage | None = None
        self.dirty_files: dict[int, RegularFile] = {}
        self.next_inode = ROOT_INODE + 1
        self.clear()

    def clear(self) -> None:
        """Empties the tree without a log record, as formatting does. Inode numbers are not given out again."""
        self.free_blocks = self.total_blocks - self.foreign_blocks
        self.lost_chains: tuple[int, ...] = ()
        self.free_inodes = self.inode_limit - 1 - self.foreign_inodes
        self.orphans: dict[int, Inode] = {}
        self.dirty_files = {}
        self.root = Directory(self, ROOT_INODE, 0o40755, self.now_us() * 1000)
        self.root.links = 2
        if self.directory_blocks:
            self.root.blocks = 1
            self.free_blocks -= 1

    def lose(self, chains: tuple[int, ...]) -> None:
        """Space that no file owns any more and that nothing but formatting gives back: each chain takes whole blocks."""
        self.lost_chains = chains
        self.free_blocks -= sum(self.blocks_for(size_bytes) for size_bytes in chains)

    def take_inodes(self, count: int) -> None:
        """Somebody else's files use so many inodes more, or fewer."""
        self.foreign_inodes += count
        self.free_inodes -= count

    @property
    def free_bytes(self) -> int:
        return max(0, self.free_blocks) << self.block_shift

    @property
    def fill_percent(self) -> int:
        """Blocks in use, foreign ones included, as a share of the volume."""
        if self.total_blocks <= 0 or self.free_blocks <= 0:
            return 100
        return 100 - 100 * self.free_blocks // self.total_blocks

    # -- names ---------------------------------------------------------------------------------------------------------

    def check_new_name(self, directory: Directory, name: str, shown: tuple[object, ...], *, new_inode: bool) -> None:
        """Raises ENOSPC when there is no inode, or no block for the directory to grow by."""
        if (new_inode or self.links_use_inodes) and self.free_inodes <= 0:
            if self.media is not None:
                self.media.ran_out_of_inodes()
            self.tell_failure("", None, errno.ENOSPC)
            raise os_error(errno.ENOSPC, *shown)
        if self.directory_blocks:
            self.check_growth(directory, name, shown)

    def check_growth(self, directory: Directory, name: str, shown: tuple[object, ...]) -> None:
        """Raises ENOSPC when the directory has no block to grow by for this name."""
        if self._growth_blocks(directory, name) > max(0, self.free_blocks):
            raise self.out_of_space(shown)

    def _growth_blocks(self, directory: Directory, name: str) -> int:
        grown = directory.name_bytes + _name_record_bytes(name)
        return max(0, self.blocks_for(grown) - directory.blocks)

    def create(self, directory: Directory, name: str, inode: Inode) -> None:
        """Adds a new inode under the name. The caller has checked names and space."""
        self.free_inodes -= 1
        if isinstance(inode, Directory):
            inode.links = 1
            if self.directory_blocks:
                inode.blocks = 1
                self.free_blocks -= 1
        elif isinstance(inode, SymbolicLink):
            self.free_blocks -= self._symlink_blocks(inode)
        self.attach(directory, name, inode)
        target = inode.target if isinstance(inode, SymbolicLink) else None
        self.log.append(Link(directory.number, name, inode.number, inode.mode, target))

    def add_link(self, directory: Directory, name: str, inode: Inode) -> None:
        """Adds a further name for an inode that has one."""
        if self.links_use_inodes:
            self.free_inodes -= 1
        self.attach(directory, name, inode)
        target = inode.target if isinstance(inode, SymbolicLink) else None
        self.log.append(Link(directory.number, name, inode.number, inode.mode, target, created=False))

    def attach(self, directory: Directory, name: str, inode: Inode) -> None:
        """Adds the name and counts the link, without a record."""
        if self.directory_blocks:
            growth = self._growth_blocks(directory, name)
            directory.blocks += growth
            self.free_blocks -= growth
        directory.name_bytes += _name_record_bytes(name)
        directory.entries[name] = inode
        inode.links += 1
        inode.directory, inode.name = directory, name
        if isinstance(inode, Directory):
            directory.links += 1
            directory.subdirectories += 1
        inode.ctime_ns = directory.mtime_ns = directory.ctime_ns = self.now_us() * 1000

    def _detach(self, directory: Directory, name: str, inode: Inode) -> None:
        del directory.entries[name]
        directory.name_bytes -= _name_record_bytes(name)
        inode.links -= 1
        if isinstance(inode, Directory):
            directory.links -= 1
            directory.subdirectories -= 1
        inode.ctime_ns = directory.mtime_ns = directory.ctime_ns = self.now_us() * 1000

    def unlink(self, directory: Directory, name: str, inode: Inode) -> None:
        """Removes a name; a directory with it. Space comes back when nothing holds the inode any more."""
        self._detach(directory, name, inode)
        self.log.append(Unlink(directory.number, name, inode.number))
        self._drop_link(inode)

    def _drop_link(self, inode: Inode) -> None:
        if isinstance(inode, Directory):
            inode.links = 0
        elif inode.links and self.links_use_inodes:
            self.free_inodes += 1
        if inode.links == 0:
            self.orphans[inode.number] = inode
            # An open file keeps the directory it was in, even when that is removed as well.
            assert inode.directory is not None
            inode.directory.open_descriptions += 1
            self.release_if_unused(inode)

    def release_if_unused(self, inode: Inode) -> None:
        """Gives back an inode that has neither a name nor an open description."""
        if inode.links or inode.open_descriptions or self.orphans.pop(inode.number, None) is None:
            return
        self.free_blocks += self.allocated_blocks(inode)
        self.free_inodes += 1
        if isinstance(inode, RegularFile):
            self.cleaned(inode)
        if inode.directory is not None:
            inode.directory.open_descriptions -= 1
            self.release_if_unused(inode.directory)

    def rename(
        self, old: Directory, old_name: str, new: Directory, new_name: str, inode: Inode, replaced: Inode | None
    ) -> None:
        """Moves a name within the volume, replacing what the new name held."""
        if replaced is not None:
            self._detach(new, new_name, replaced)
        self._detach(old, old_name, inode)
        self.attach(new, new_name, inode)
        record = Rename(
            old.number, old_name, new.number, new_name, inode.number, None if replaced is None else replaced.number
        )
        self.log.append(record)
        if replaced is not None:
            self._drop_link(replaced)

    def set_mode(self, inode: Inode, mode: int) -> None:
        inode.mode = mode
        inode.ctime_ns = self.now_us() * 1000
        self.log.append(SetMode(inode.number, mode))

    def closed(self, inode: Inode, *, wrote: bool) -> None:
        """The last descriptor of an open file description went."""
        inode.open_descriptions -= 1
        if wrote:
            self.log.append(Close(inode.number))
        if inode.links == 0:
            self.release_if_unused(inode)


def _name_record_bytes(name: str) -> int:
    """An ext4 directory entry: eight bytes and the name, rounded up to four."""
    return EXT4_NAME_RECORD_BYTES + ((len(name.encode("utf-8", "surrogateescape")) + 3) & ~3)

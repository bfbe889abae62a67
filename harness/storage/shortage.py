"""Media faults that leave room and yet refuse it: no inodes, a quota that statvfs does not know, a log without a clean block.

Models: inodes used up by somebody else's files; a project or user quota below what the volume has, told as EDQUOT; a medium
that writes out of place, on which an overwrite, a new name or a rename needs a clean page as an append does, so that
preallocated files are no reserve. Deleting and truncating work to the end: file systems keep blocks for that alone.
Does not model: quotas on inodes, a garbage collector that finds room a moment later.
Source: inode tables of ext4 (mke2fs -N) and tmpfs (nr_inodes); quotactl(2) and write(2): EDQUOT; Linux fs/jffs2/nodemgmt.c (any
node needs space in the log, resv_blocks_deletion lies below resv_blocks_write); littlefs DESIGN.md (copy on write, NOSPC).
"""

import errno

from harness.storage.calls import CallKind
from harness.storage.conditions import ForeignBallast
from harness.storage.inode import Inode
from harness.storage.media import Condition
from harness.storage.volume import Volume


class NoInodes(Condition):
    """Files of somebody else use up the inodes until ``left`` are free; lifting removes them again."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left
        self.taken = 0

    def _begin(self, volume: Volume) -> None:
        self.taken = max(0, volume.free_inodes - self.left)
        volume.take_inodes(self.taken)

    def _end(self, volume: Volume) -> None:
        volume.take_inodes(-self.taken)

    def ran_out_of_inodes(self) -> None:
        self.bites += 1


class Quota(ForeignBallast):
    """The software may store ``free_bytes`` more and then gets EDQUOT; statvfs goes on telling what the volume has."""

    def ran_out_of_space(self) -> None:
        self.bites += 1 if self.taken_blocks else 0

    def space_errno(self) -> int:
        return errno.EDQUOT if self.taken_blocks else errno.ENOSPC

    def reported_free_blocks(self, free_blocks: int) -> int:
        # The caller has cut what is below nothing; the volume knows.
        assert self.volume is not None
        return max(0, self.volume.free_blocks + self.taken_blocks)


_DELETES: frozenset[str] = frozenset({"unlink", "rmdir", "truncate", "fsync", "fdatasync", "sync", "read"})


class NoCleanBlock(Condition):
    """With fewer than ``reserve_bytes`` free every change but a deletion returns ENOSPC, an overwrite and a rename too."""

    def __init__(self, reserve_bytes: int) -> None:
        super().__init__()
        self.reserve_bytes = reserve_bytes

    def before(self, kind: CallKind, inode: Inode) -> None:
        volume = inode.volume
        if kind not in _DELETES and volume.free_bytes < self.reserve_bytes:
            self.bites += 1
            raise volume.out_of_space()

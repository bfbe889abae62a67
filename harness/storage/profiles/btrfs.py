"""btrfs: btrfs with its defaults (copy-on-write data, no-holes, tree log, flushoncommit off).

May lose: data not synced, block by block, each block old or new or, where the file has grown over it, zeros (the size may be
committed before the data); a file renamed over another without fsync may be empty, or have its size and be zeros; names
not covered by fsync of the file or of the directory, in any combination: fsync writes a log tree of that one inode and
its names, and what else was done before it stays for the next commit, so that later changes may be there and earlier not;
after a rename from one directory to another and fsync of the new one the file may be found in both (seen on Linux 6.18);
a file that was never durable, renamed over one that is, may be lost with the name that it took (seen as well).
A file truncated and written again may have its old content up to its new size: fsync of its directory logs the inode, and
not its extents (seen as well).
Does not lose: content once fsync of the file returned, and the name it was created under; names once fsync of the directory
returned; of a renamed file at least one of its names; no block is torn (it is written elsewhere and then referred to), and
none shows what it held before.
Source: Linux fs/btrfs/tree-log.c (btrfs_log_inode_parent, btrfs_log_new_name, log_new_dir_dentries), fs/btrfs/inode.c
(btrfs_finish_one_ordered, btrfs_rename: one transaction), fs/btrfs/file-item.c (btrfs_inode_safe_disk_i_size_write:
with no-holes the size on disk is the size in memory); ALICE (OSDI'14), Table 1:
btrfs reorders directory operations. Held against a real kernel by ``storage.kernels``.
Harsher than btrfs: without any fsync between, changes of names are committed in order, and here they are not.
"""

from harness.storage.profiles.ext4_ordered import WRITES_BACK_AFTER_US
from harness.storage.profiles.registry import register
from harness.storage.profiles.unordered import Rules, UnorderedProfile


class Btrfs(UnorderedProfile):
    name = "btrfs"
    summary = "blocks whole or not at all; a rename may leave both names; only fsync of file or directory orders names"
    rules = Rules(
        sector_bytes=4096,
        garbage=False,
        fsync_persists_name=True,
        rename_keeps_a_name=True,
        size_alone=True,
        removed_emptied=False,
    )
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "replace by rename without fsync": "the name may lead to an empty file, or to zeros; fsync the new file first",
        "relying on the order of names": "fsync of one file does not bring earlier changes of other names with it",
    }


BTRFS = register(Btrfs())

"""xfs: XFS with its defaults.

May lose: data not synced, and with it size: a new file may be there and empty, a growing one may stop at any block, and a
block that did not land below one that did reads as zeros; a file truncated to nothing and rewritten, or renamed over
another, without fsync may be empty, since nothing holds the commit back for its data; an overwrite in place is torn at
sectors, and with nothing else to commit even sync leaves it in the drive's cache (fsync does not); the latest creations,
removals, renames and truncations, always the latest first.
Does not lose: content once fsync of the file returned, and then its name too, with every earlier change to any name (one
sync forces the log up to the inode's last change); the order of metadata; the atomicity of a rename; a file never shows
blocks that held something else, nor zeros for data that its size has grown over within a block (the size is logged when
the data is on the medium).
Source: Linux fs/xfs/xfs_aops.c (xfs_end_ioend and xfs_setfilesize: the size moves at I/O completion; unwritten extents are
converted then), fs/xfs/xfs_log_cil.c (a checkpoint is atomic and in order), fs/xfs/xfs_file.c (xfs_file_fsync forces the log
to the inode's last commit), fs/xfs/xfs_iops.c (xfs_setattr_size); Documentation/filesystems/xfs/xfs-delayed-logging-design.rst.
fs/xfs/xfs_super.c, xfs_fs_sync_fs, forces the log and flushes nothing itself (ext4_sync_fs does): seen on Linux 6.18.
xfs_file_release starts write-back at the close of a truncated file, and no commit waits for it: no promise.
"""

from harness.storage.profiles.ext4_ordered import WRITES_BACK_AFTER_US
from harness.storage.profiles.journalled import JournalledProfile, JournalRules
from harness.storage.profiles.registry import register


class Xfs(JournalledProfile):
    name = "xfs"
    summary = "metadata in order and atomic, sizes grow only after their data, replace-by-rename not protected"
    rules = JournalRules(auto_da_alloc=False, size_after_data=True, sync_flushes=False)
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "replace by rename without fsync": "the name may lead to an empty file; fsync the new file before renaming it",
    }


XFS = register(Xfs())

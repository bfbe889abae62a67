"""ext4-ordered: ext4 as Linux mounts it since 5.6, with and without auto_da_alloc; ext4-dioread_lock: as it did before.

May lose: data not synced, and with it size: a new file may be there and empty, a growing one may stop at any block or have its
new size over zeros, block by block; an overwrite in place is torn at sectors; the latest creations, removals, renames,
truncations, always the latest first. A file renamed over another without fsync, or rewritten in place and closed, may
have its new size and read as zeros: auto_da_alloc allocates its blocks before the commit, but the extents stay unwritten
until the data is on the medium, and that is recorded in a later commit.
Does not lose: content once fsync of the file returned, and then its name too, with every earlier change to any name
(one sync commits all metadata before the inode's last change); the order of metadata; the atomicity of a rename; a file
never shows blocks that held something else. With auto_da_alloc, a file renamed over another has the blocks it had at that
moment, and a file truncated to nothing, rewritten and closed has its new blocks once the close is committed (a commit may
fall between the truncation and the close, and then it is empty). ext4-dioread_lock waits for the data of new blocks too
(data=ordered as its name says), so that these have their data and no zeros.
Source: Linux Documentation/filesystems/ext4/journal.rst and admin-guide/ext4.rst (data=ordered, auto_da_alloc,
dioread_nolock); commit 244adf6426ee, "ext4: make dioread_nolock the default" (5.6); fs/ext4/inode.c, ext4_map_blocks (only
extents that are not unwritten go on the ordered list), mpage_map_and_submit_extent (the size is set when blocks are
mapped) and ext4_put_io_end (unwritten extents converted in a transaction of their own); commits afd4672 (auto_da_alloc)
and 06bd3c36 (data exposure after a crash, the stale-block bug this model is free of). Each was seen: a file of zeros
after a rename over another, after rewrite and close, and after an append, on Linux 6.18 (storage/kernels).
"""

from harness.storage.profiles.journalled import JournalledProfile, JournalRules
from harness.storage.profiles.registry import register

WRITES_BACK_AFTER_US = 60_000_000
"""Twice what the kernel's defaults come to (see ``storage.write_back``)."""


class Ext4Ordered(JournalledProfile):
    name = "ext4-ordered"
    summary = (
        "metadata in order and atomic; new blocks may read as zeros; replace-by-rename is never empty, but may be zeros"
    )
    rules = JournalRules(unwritten_extents=True)
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "replace by rename without fsync": "the file may have its new size and read as zeros (kernels from 5.6)",
    }


class Ext4DioreadLock(JournalledProfile):
    name = "ext4-dioread_lock"
    summary = "ext4 before Linux 5.6, or mounted dioread_lock: new blocks have their data before a commit shows them"
    rules = JournalRules()
    writes_back_after_us = WRITES_BACK_AFTER_US


class Ext4NoAutoDaAlloc(JournalledProfile):
    name = "ext4-noauto_da_alloc"
    summary = "ext4-ordered mounted noauto_da_alloc: a file renamed over another without fsync may be found empty"
    rules = JournalRules(auto_da_alloc=False, unwritten_extents=True)
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "replace by rename without fsync": "the rename is committed before the data, and the file is found empty",
    }


EXT4_ORDERED = register(Ext4Ordered())
EXT4_DIOREAD_LOCK = register(Ext4DioreadLock())
EXT4_NOAUTO_DA_ALLOC = register(Ext4NoAutoDaAlloc())

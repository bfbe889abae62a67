"""ext4-ordered: ext4 with its default journal mode, with and without auto_da_alloc.

May lose: data not synced, and with it size: a new file may be there and empty, a growing one may stop at any block or show
zeros to the end of its last block; an overwrite in place is torn at sectors; the latest creations, removals, renames,
truncations, always the latest first.
Does not lose: content once fsync of the file returned, and then its name too, with every earlier change to any name
(one sync commits all metadata before the inode's last change); the order of metadata; the atomicity of a rename; a file
never shows blocks that held something else. With auto_da_alloc, a file renamed over another has the data it had at that
moment, and a file truncated to nothing, rewritten and closed has its new data once the close is committed (a commit may
fall between the truncation and the close, and then it is empty).
Source: Linux Documentation/filesystems/ext4/journal.rst and admin-guide/ext4.rst (data=ordered, auto_da_alloc); commits
afd4672 (auto_da_alloc) and 06bd3c36 (data exposure after a crash, the stale-block bug this model is free of).
"""

from harness.storage.profiles.journalled import JournalledProfile, JournalRules
from harness.storage.profiles.registry import register

WRITES_BACK_AFTER_US = 60_000_000
"""Twice what the kernel's defaults come to (see ``storage.write_back``)."""


class Ext4Ordered(JournalledProfile):
    name = "ext4-ordered"
    summary = "metadata in order and atomic, new blocks before the commit that shows them, replace-by-rename protected"
    rules = JournalRules()
    writes_back_after_us = WRITES_BACK_AFTER_US


class Ext4NoAutoDaAlloc(JournalledProfile):
    name = "ext4-noauto_da_alloc"
    summary = "ext4-ordered mounted noauto_da_alloc: a file renamed over another without fsync may be found empty"
    rules = JournalRules(auto_da_alloc=False)
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "replace by rename without fsync": "the rename is committed before the data, and the file is found empty",
    }


EXT4_ORDERED = register(Ext4Ordered())
EXT4_NOAUTO_DA_ALLOC = register(Ext4NoAutoDaAlloc())

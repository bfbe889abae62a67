"""alice-default: ALICE's abstract persistence model as published, harsher than any file system in use.

May lose: all that posix-weak may lose; and a rename over an existing file is three separate writes, so that the name may
lead to nothing, or to the old file emptied, until the directory is synced.
Does not lose: file content once fsync of the file returned; names once fsync of the directory returned.
Source: ALICE (OSDI'14), alicedefaultfs.py: rename = truncate the destination if its last link goes, delete its entry,
delete the source entry, create the destination entry.
Use: to learn whether software leans on atomic replacement at all. Two slots written in turn do not, and pass.
"""

from harness.storage.profiles.registry import register
from harness.storage.profiles.unordered import Rules, UnorderedProfile


class AliceDefault(UnorderedProfile):
    name = "alice-default"
    summary = "posix-weak with renames split into three writes, as ALICE's default model has it"
    rules = Rules(replace_removes_first=True, replaced_emptied=True)
    unsafe_practices = {
        "replace by rename": "the name may lead to nothing until the directory is synced; write two slots in turn",
    }


ALICE_DEFAULT = register(AliceDefault())

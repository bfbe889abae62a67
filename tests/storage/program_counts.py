"""How many crash states of each program violate, on each profile: ours, the prototype's, and why they differ.

A state violates when an acknowledged transaction is missing from it or the program's own recovery raises. Three transactions.
``python -m tests.storage.program_counts`` prints the rows anew, for a model that has changed on purpose.
"""

from dataclasses import dataclass

LIMIT = 300
"""Crash states listed at one crash point; beyond that they are sampled, and a count begins with ``~``."""

ORDER = (
    "tmp+rename, no fsync",
    "in-place rewrite+fsync",
    "tmp+fsync+rename, no directory fsync",
    "tmp+fsync+rename+directory fsync",
    "lines appended, no fsync",
    "lines appended+fsync, naive parser",
    "checked log+fsync",
    "two checked slots in turn+fsync",
    "dbm.dumb",
    "TinyDB's storage",
)

# Violating/distinct, in the order above.
COUNTS = {
    "alice-default": "~55/62 94/101 ~40/63 8/30 ~129/130 60/68 0/68 0/46 ~287/300 20/28",
    "battery-ram": "2/39 24/31 2/39 2/39 21/29 21/29 0/29 0/27 47/91 12/20",
    "btrfs": "~43/50 8/15 15/31 0/19 15/16 3/11 0/11 0/13 ~290/300 5/13",
    "emmc": "40/41 22/29 11/27 8/27 ~51/52 102/110 71/110 4/49 ~284/291 25/33",
    "emmc-reliable-write": "25/26 6/13 3/16 0/16 ~40/41 19/27 0/27 0/13 ~246/252 11/19",
    "ext4-dioread_lock": "12/13 3/10 3/13 0/13 50/51 18/26 0/26 0/11 ~177/183 10/18",
    "ext4-noauto_da_alloc": "27/28 6/13 3/16 0/16 ~40/41 19/27 0/27 0/13 ~246/252 11/19",
    "ext4-ordered": "25/26 6/13 3/16 0/16 ~40/41 19/27 0/27 0/13 ~246/252 11/19",
    "f2fs": "43/44 9/16 15/31 0/19 36/37 12/20 0/20 0/15 ~222/229 8/16",
    "f2fs-strict": "21/22 6/13 3/16 0/16 33/34 11/19 0/19 0/13 ~181/188 7/15",
    "fat": "~55/62 109/116 ~40/63 8/30 ~129/130 60/68 0/68 0/46 ~214/226 20/28",
    "jffs2": "11/13 7/14 3/16 0/16 7/8 3/11 0/11 0/13 27/31 2/10",
    "littlefs": "0/13 1/8 0/13 0/13 0/8 0/8 0/8 0/11 6/28 0/8",
    "littlefs-nuttx": "0/13 3/10 0/13 0/13 0/8 0/8 0/8 0/11 6/28 0/8",
    "littlefs-unordered": "0/15 4/11 0/15 0/15 3/11 3/11 0/11 0/16 6/31 3/11",
    "lying-flush": "42/43 25/32 78/94 49/68 ~39/40 110/118 ~94/120 5/40 ~293/300 68/76",
    "posix-weak": "~57/65 94/101 32/54 0/22 ~129/130 60/68 0/68 0/46 ~287/300 20/28",
    "raw-slots": "2/63 48/55 2/63 2/63 45/53 45/53 0/53 0/33 68/135 49/57",
    "sd": "~49/56 ~84/91 ~57/80 26/48 ~140/141 225/233 165/233 4/104 ~220/232 32/40",
    "ubifs": "27/28 6/13 3/16 0/16 10/11 3/11 0/11 0/13 ~284/300 3/11",
    "xfs": "13/14 3/10 3/13 0/13 4/5 0/8 0/8 0/11 ~82/86 2/10",
    "yaffs2": "0/13 3/10 0/13 0/13 2/10 2/10 0/10 0/11 6/28 0/8",
}

# The prototype's, measured on a virtual disk of its own with models of its own, in the order above ("-": not measured).
MEASURED = {
    "posix-weak": "18/22 9/18 23/36 0/13 36/37 4/12 0/12 - 323/329 3/11",
    "ext4-ordered": "12/13 6/13 3/13 0/13 36/37 4/12 0/12 - 410/415 3/11",
    "jffs2": "9/10 3/10 3/13 0/13 4/5 0/8 0/8 - 17/20 0/8",
    "ubifs": "13/14 3/10 3/13 0/13 8/9 0/8 0/8 - 255/260 0/8",
    "fat": "20/25 9/18 26/42 4/20 36/37 4/12 0/12 - 328/333 3/11",
}

# Right wherever a rename replaces a file at one stroke, and right wherever nothing damages what nobody writes.
RIGHT = {
    "tmp+fsync+rename+directory fsync": "every file system but those whose rename is several writes",
    "checked log+fsync": "every medium but those that lie or harm neighbours",
    "two checked slots in turn+fsync": "every medium but those that lie or harm neighbours",
}
RENAME_IS_SEVERAL_WRITES = frozenset(("alice-default", "fat", "sd", "raw-slots", "battery-ram"))
BETRAYS = frozenset(("emmc", "sd", "lying-flush"))
# Wrong in general and right on media that hold each change, or each closed file, by the time the call returns; and on xfs,
# where the size of a file follows its data, so that an appended line is there whole or not at all.
RIGHT_THERE = {
    "tmp+rename, no fsync": frozenset(("littlefs", "littlefs-nuttx", "littlefs-unordered", "yaffs2")),
    "tmp+fsync+rename, no directory fsync": frozenset(("littlefs", "littlefs-nuttx", "littlefs-unordered", "yaffs2")),
    "lines appended, no fsync": frozenset(("littlefs", "littlefs-nuttx")),
    "lines appended+fsync, naive parser": frozenset(("littlefs", "littlefs-nuttx", "xfs")),
    "TinyDB's storage": frozenset(("littlefs", "littlefs-nuttx", "yaffs2")),
}


@dataclass(frozen=True)
class Difference:
    """Why counts of these programs on this profile are not the prototype's. ``turned``: it saw no violation, and we do."""

    profile: str
    programs: tuple[str, ...]
    why: str
    turned: bool = False


_RENAMED = ("tmp+rename, no fsync", "tmp+fsync+rename, no directory fsync", "tmp+fsync+rename+directory fsync")
_APPENDED = ("lines appended, no fsync", "lines appended+fsync, naive parser", "checked log+fsync", "dbm.dumb")
_ALICE_APPENDS = (
    "an append lands sector by sector, each through zeros and what the block held before, and sizes apart from data (ALICE, "
    "alicedefaultfs.py: ZEROS, GARBAGE, data); the prototype had a clean prefix of sectors alone"
)
_HALVES = (
    "the two halves of a rename land apart until the directory is synced, so that there may be both names or neither "
    "(fs/ext2/namei.c, ext2_rename: two entries in two blocks); the prototype had the rename whole or not at all"
)
_JFFS2_NODE = (
    "a node is as long as the space left in the erase block, so that one write may be two nodes and be cut between them "
    "(fs/jffs2/write.c, jffs2_write_inode_range); the prototype cut at multiples of 4 KiB alone, and these writes have none"
)
_UBIFS_SIZE = (
    "the size is in the inode node and may be on the flash before the data node, and the file then ends in zeros (linux-mtd, "
    "September 2009; UBIFS FAQ, zero-length and zero-tailed files); the prototype had data whole or missing with its size"
)
_EXT4_ZEROS = (
    "growth within a block that was there before may be committed before its data, and shows zeros up to the new end "
    "(fs/ext4/inode.c, ext4_da_write_end); the prototype had a prefix of sectors"
)
_EXT4_UNWRITTEN = (
    "a new block is unwritten, and reads as zeros, until a commit after its data (fs/ext4/inode.c, ext4_map_blocks; "
    "dioread_nolock, the default since 5.6; seen on a real kernel), so that a new file may have its size over zeros; the "
    "prototype had ext4 as it was before, which ext4-dioread_lock still has"
)
_TURNED = "; with that the line or document is not whole, and a parser that checks nothing stops at it"

DIFFERENCES = (
    Difference("posix-weak", (*_APPENDED, "in-place rewrite+fsync", "TinyDB's storage"), _ALICE_APPENDS),
    Difference("posix-weak", _RENAMED, _HALVES),
    Difference("fat", (*_APPENDED, "in-place rewrite+fsync", "TinyDB's storage"), _ALICE_APPENDS),
    Difference(
        "fat",
        _RENAMED,
        "a replaced file may be emptied before its name goes, and each of removal, new entry and old entry lands on its own "
        "(FatFs, f_rename: FR_EXIST, so removal first); the prototype had three steps in order",
    ),
    Difference("ext4-ordered", (*_APPENDED, "TinyDB's storage"), _EXT4_ZEROS),
    Difference("ext4-ordered", _RENAMED, _EXT4_UNWRITTEN),
    Difference(
        "jffs2",
        _RENAMED,
        "a rename is a new entry and then the removal of the old one, and a cut between leaves both (fs/jffs2/dir.c, "
        "jffs2_rename); the prototype had it as one record",
    ),
    Difference("jffs2", ("in-place rewrite+fsync", "lines appended, no fsync", "checked log+fsync", "dbm.dumb"), _JFFS2_NODE),
    Difference(
        "jffs2", ("lines appended+fsync, naive parser", "TinyDB's storage"), _JFFS2_NODE + _TURNED, turned=True
    ),
    Difference(
        "ubifs",
        (*_RENAMED, "in-place rewrite+fsync", "lines appended, no fsync", "checked log+fsync", "dbm.dumb"),
        _UBIFS_SIZE,
    ),
    Difference(
        "ubifs", ("lines appended+fsync, naive parser", "TinyDB's storage"), _UBIFS_SIZE + _TURNED, turned=True
    ),
)  # fmt: skip


def rows() -> dict[str, str]:
    """The table as the models give it now."""
    from harness.storage.profiles import registry
    from tests.storage.crash_programs import PROGRAMS, count_violations

    return {
        name: " ".join(str(count_violations(PROGRAMS[program], registry.get(name), LIMIT)) for program in ORDER)
        for name in registry.names()
    }


if __name__ == "__main__":
    for name, row in rows().items():
        print(f'    "{name}": "{row}",')

"""posix-weak: what POSIX itself promises after a power cut, and no more; the floor that portable software stands on.

May lose: everything not covered by a barrier, in any combination and any order. A write lands sector by sector (512
bytes); a file may grow over zeros, or over what its blocks held before, without its data; an overwritten sector is old or
new. Creations, removals and both halves of a rename land on their own account until the directory is synced, so that
after a rename both names may be there, or neither. A file removed may be found empty. Truncation may stop half-way.
Does not lose: file content once fsync of the file returned; names once fsync of the directory returned; one without
the other is not enough. A rename over an existing file leaves that name leading to the old file or to the new one.
Source: ALICE's default persistence model (OSDI'14, alicedefaultfs.py), which this equals but for one rule: ALICE also
splits the replacement itself (old name removed, then the new one written) and empties the file replaced. No file system
in the paper's Table 1 does that: journals and copy-on-write make the rename atomic, and ext2, which has neither, writes
the new inode number over the old one in place, in one sector (fs/ext2/namei.c, ext2_rename). With ALICE's rule no
program that replaces files is ever right, and the usual dance with fsync is right on all of them. The profile
alice-default has the rule; this one has ext2's.
"""

from harness.storage.profiles.registry import register
from harness.storage.profiles.unordered import Rules, UnorderedProfile


class PosixWeak(UnorderedProfile):
    name = "posix-weak"
    summary = "only barriers order anything: fsync(file) saves content, fsync(directory) saves names"
    rules = Rules()


POSIX_WEAK = register(PosixWeak())

"""ubifs: UBIFS on raw NAND, Linux's successor of JFFS2, with write-back and a journal.

May lose: data not synced, block by block (4 KiB) and in any order; the size of a file is written before its data, so that a
file may have the right size and zeros in place of data, at its end or in between, even in the middle of an fsync; blocks may
also land without the size, and then make the file as long as they reach; a file renamed over another without fsync may be
found empty, or all zeros: nothing holds the rename back until the data is there. A file truncated and rewritten without fsync
may be found with new blocks among old ones. The latest creations, removals, renames and shortenings, always the latest first.
Does not lose: content and size once fsync of the file returned, and then its name too, with every earlier change to any name
(all go through one journal head, in order); the order of names; the atomicity of a rename. A block is old or new, never torn:
a node cut in half fails its check sum, and recovery drops it. No file shows what another one held.
Does not model: that link() and unlink() write the size of a file along with its names (here it may still be lost after them),
and attributes of directories, written with each of their names.
Source: linux-mtd UBIFS documentation (write-back, UBIFS in synchronous mode vs JFFS2, synchronisation exceptions for buggy
applications) and FAQ (how to change a file atomically); linux-mtd, September 2009, UBIFS power cut issues; fs/ubifs/file.c
(ubifs_writepage writes the inode before pages beyond its synced size; ubifs_fsync), io.c (ubifs_sync_wbufs_by_inode), journal.c
(the base head holds inodes, names and truncations; multi-node writes are atomic), recovery.c (ubifs_recover_size), dir.c.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.storage.draft import Draft, Fate
from harness.storage.image import Image
from harness.storage.oplog import (
    Link,
    Op,
    Rename,
    SetMode,
    SyncDirectory,
    SyncFile,
    SyncVolume,
    Truncate,
    Unlink,
    Write,
)
from harness.storage.profiles.base import Crash, Profile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.last_read import LastRead
from harness.storage.profiles.registry import register
from harness.storage.profiles.write_behind import Flushes, HeldFiles, enter, flushes

WRITES_BACK_AFTER_US = 60_000_000
"""The page cache after 30 to 35 s, the write-buffer 3 to 5 s later; this is later than a healthy kernel ever is."""

_BLOCK_BYTES = 4096


def _in_journal(op: Op) -> bool:
    """Whether an operation is written to the journal at once, in order with all others of its kind."""
    if type(op) is Truncate:
        return op.size_bytes < op.old_size_bytes
    return type(op) in (Link, Unlink, Rename)


@dataclass(slots=True)
class _Journal:
    """What the barriers of a log have made durable."""

    # By operation: how many journalled operations come before it.
    rank: list[int]
    length: int
    # Journalled operations before this rank are on the flash whatever happens.
    committed: int
    # Lengthenings and modes that a sync wrote with the inode.
    forced: list[bool]
    flushes: Flushes


def _read(base: Image, log: Sequence[Op]) -> _Journal:
    """A sync of an inode writes the journal up to that inode's last node; it writes the inode itself if that changed."""
    rank: list[int] = []
    forced = [False] * len(log)
    touched: dict[int, int] = {}  # inode -> rank after its last change
    resized: dict[int, int] = {}
    waiting: dict[int, list[int]] = {}
    length = committed = 0
    for index, op in enumerate(log):
        rank.append(length)
        length += _in_journal(op)
        if type(op) is Write:
            touched[op.inode] = length
            if op.offset_bytes + len(op.data) > op.old_size_bytes:
                resized[op.inode] = length
        elif type(op) is Truncate:
            touched[op.inode] = resized[op.inode] = length
            waiting.setdefault(op.inode, []).append(index)
        elif type(op) is SetMode:
            touched[op.inode] = length
            waiting.setdefault(op.inode, []).append(index)
        elif type(op) is Link:
            touched[op.inode] = touched[op.directory] = length
            if op.created:
                resized[op.inode] = length
        elif type(op) is Unlink:
            touched[op.inode] = touched[op.directory] = length
        elif type(op) is Rename:
            touched[op.inode] = touched[op.old_directory] = touched[op.new_directory] = length
            if op.replaced_inode is not None:
                touched[op.replaced_inode] = length
        elif type(op) is SyncFile:
            committed = max(committed, (resized if op.data_only else touched).get(op.inode, 0))
            left = []
            for each in waiting.pop(op.inode, ()):
                forced[each] = not op.data_only or type(log[each]) is Truncate
                if not forced[each]:
                    left.append(each)
            if left:
                waiting[op.inode] = left
        elif type(op) is SyncDirectory:
            committed = max(committed, touched.get(op.directory, 0))
            for each in waiting.pop(op.directory, ()):
                forced[each] = True
        elif type(op) is SyncVolume:
            committed = length
            for indices in waiting.values():
                for each in indices:
                    forced[each] = True
            waiting.clear()
    return _Journal(rank, length, committed, forced, flushes(log))


class Ubifs(Profile):
    name = "ubifs"
    summary = "write-back: names in order and atomic, size before data, so a file not synced may be zeros or empty"
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "replace by rename without fsync": "the rename is journalled before the data, and the file is found empty or all "
        "zeros; call fsync before the rename",
        "a record taken for written because the file is long enough for it": "the size lands before the data, even while an "
        "fsync runs, and the record reads as zeros; give each record a check sum that zeros do not satisfy",
    }

    def __init__(self) -> None:
        self._read = LastRead(_read)

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        journal = self._read(base, log)
        durable = [Durability.PENDING] * len(log)
        for index, op in enumerate(log):
            if type(op) is Write:
                sure = journal.flushes.synced[index]
            elif _in_journal(op):
                sure = journal.rank[index] < journal.committed
            else:
                sure = journal.forced[index]
            if sure:
                durable[index] = Durability.DURABLE
        return durable

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        journal = self._read(base, log)
        committed = journal.committed + choices.cut(journal.length - journal.committed)
        return _Run(log, journal, committed, Crash(Draft(base)), choices).play()


class _Run:
    """One cut, with the journal on the flash up to ``committed``."""

    def __init__(self, log: Sequence[Op], journal: _Journal, committed: int, crash: Crash, choices: Choices) -> None:
        self._log = log
        self._journal = journal
        self._committed = committed
        self._crash = crash
        self._choices = choices
        self._held = HeldFiles(crash.draft, _BLOCK_BYTES, choices)
        # Files whose creation was lost: nothing leads to what was written to them.
        self._absent: set[int] = set()
        # Files of which an inode node with a new size, or mode, was not written: later ones were not either.
        self._unsized: set[int] = set()
        self._unmoded: set[int] = set()

    def play(self) -> Crash:
        crash, journal = self._crash, self._journal
        for index, op in enumerate(self._log):
            kept = journal.rank[index] < self._committed
            if type(op) is Write:
                self._write(op, index)
            elif type(op) is Truncate:
                self._truncate(op, index, kept)
            elif type(op) is SetMode:
                self._set_mode(op, index)
            elif not _in_journal(op):
                continue
            elif kept:
                crash.draft.apply(op)
            else:
                crash.lost.append(index)
                if type(op) is Link:
                    crash.draft.register(op)
                    if op.created:
                        self._absent.add(op.inode)
        return crash

    def _may_write_inode(self, index: int) -> bool:
        """An inode node goes to the same journal head: it is there only with all that was journalled before the change."""
        return self._journal.rank[index] <= self._committed

    def _write(self, op: Write, index: int) -> None:
        if self._journal.flushes.synced[index]:
            self._held.landed(op)
        elif op.inode in self._absent:
            self._crash.lost.append(index)
        elif self._journal.flushes.dropped[index]:
            self._held.dropped(op, index, self._crash)
        else:
            fates = self._held.write(op)
            if self._grown(op.inode, index):
                fates = bytes(Fate.KEPT if fate == Fate.KEPT else Fate.ZEROS for fate in fates)
            enter(op, index, fates, _BLOCK_BYTES, self._crash)

    def _grown(self, inode: int, index: int) -> bool:
        """Whether the inode was written with the size that it now has in memory, and the file is longer for it."""
        size, on_flash = self._held.size_of(inode), self._crash.draft.size_of(inode)
        if size <= on_flash or inode in self._unsized:
            return False
        if self._may_write_inode(index) and self._choices.pick(2) == 0:
            self._crash.draft.write(inode, on_flash, bytes(size - on_flash))
            return True
        self._unsized.add(inode)
        return False

    def _truncate(self, op: Truncate, index: int, kept: bool) -> None:
        if _in_journal(op):
            if kept:
                self._unsized.discard(op.inode)
                self._held.landed(op)
            else:
                self._held.lost_truncation(op)
                self._crash.lost.append(index)
        elif self._journal.forced[index]:
            self._held.landed(op)
        else:
            self._held.lost_truncation(op)
            if not self._grown(op.inode, index) and self._crash.draft.size_of(op.inode) < op.size_bytes:
                self._crash.lost.append(index)

    def _set_mode(self, op: SetMode, index: int) -> None:
        written = op.inode not in self._unmoded and self._may_write_inode(index)
        if self._journal.forced[index] or (written and self._choices.pick(2) == 0):
            self._crash.draft.apply(op)
        else:
            self._unmoded.add(op.inode)
            self._crash.lost.append(index)


UBIFS = register(Ubifs())

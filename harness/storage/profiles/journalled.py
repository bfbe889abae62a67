"""File systems with an ordered metadata journal: the crash model behind ext4.

Models: names, modes, truncations and growth of files are metadata, committed in order and atomically, so that a cut
keeps a prefix of them; a commit waits for the data of blocks that it newly allocates (data=ordered), so that a file never
shows a block that was not written; data otherwise lands in its own time, after or before later metadata; an overwrite
in place is torn at sectors, each of which holds the file as it was at some moment (a page cache writes whole pages, so a
later write to a sector never lands without the earlier one); growth within the last block may be committed before its data,
and then shows zeros; a shortened file's last block may be zeroed before the new size is committed.
Does not model: holes (a write into one is taken for an overwrite in place, which allows a little more than the kernel
does), the five-second commit and thirty-second write-back timers (whatever is unsynced may be lost however old).
Source: Linux Documentation/filesystems/ext4/journal.rst; fs/ext4/inode.c (ext4_da_write_end and
ext4_da_should_update_i_disksize for growth within a mapped block, ext4_block_truncate_page), fs/ext4/fsync.c (a sync
commits the transaction of the inode's last change, with all earlier ones), fs/ext4/namei.c and file.c (auto_da_alloc).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from harness.storage.draft import Draft, Fate, Resized, SectorFates
from harness.storage.image import Image
from harness.storage.oplog import (
    Close,
    DropDirty,
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

_METADATA = frozenset((Truncate, Link, Unlink, Rename, SetMode))


@dataclass(frozen=True, slots=True)
class JournalRules:
    """What distinguishes one journalled file system, or set of mount options, from another."""

    sector_bytes: int = 512
    block_bytes: int = 4096
    # Data of a file is flushed before the commit that renames it over another, or after truncation to nothing and close.
    auto_da_alloc: bool = True


@dataclass(slots=True)
class _Commits:
    """What the barriers of a log have made durable, and which operations protect each other's data."""

    # Per operation: how many journalled operations come before it.
    rank: list[int]
    journalled: list[int]
    # Journalled operations before this rank are committed whatever happens.
    committed: int
    synced: list[bool]
    dropped: list[bool]
    # Data operation -> rank of the commit that waits for it (auto_da_alloc).
    flushed_by: dict[int, int] = field(default_factory=dict)
    # Close of a file truncated to nothing and rewritten -> that truncation.
    closes: dict[int, int] = field(default_factory=dict)

    def durable_data(self, index: int) -> bool:
        if self.dropped[index]:
            return False
        return self.synced[index] or self.flushed_by.get(index, len(self.rank) + 1) < self.committed


class _Stop(IntEnum):
    """Why later writes to a sector cannot land."""

    UNALLOCATED = 1  # its block was never allocated: neither data nor size can reach it
    STALE = 2  # an earlier write to it did not land: only growth over zeros can follow


# What may become of one sector in place: answer 0 is the most that can have landed, answer 1 nothing.
_OLD_OR_NEW: tuple[Fate, ...] = (Fate.KEPT, Fate.LOST)
_LOST_ONLY: tuple[Fate, ...] = (Fate.LOST,)
# By: the data and the size may both land; the size may land alone; the data may land below the size reached.
_GROWTH: dict[tuple[bool, bool, bool], tuple[Fate, ...]] = {
    (True, True, False): (Fate.KEPT, Fate.LOST, Fate.ZEROS),
    (True, True, True): (Fate.KEPT, Fate.LOST, Fate.ZEROS, Fate.UNSIZED),
    (False, True, False): (Fate.ZEROS, Fate.LOST),
    (False, False, False): _LOST_ONLY,
    (False, False, True): (Fate.UNSIZED, Fate.LOST),
}


class JournalledProfile(Profile):
    """A profile given by its JournalRules."""

    rules: JournalRules

    # ------------------------------------------------------------------ what barriers give

    def _commits(self, base: Image, log: Sequence[Op]) -> _Commits:
        closes = self._truncating_closes(log) if self.rules.auto_da_alloc else {}
        rank: list[int] = []
        journalled: list[int] = []
        for index, op in enumerate(log):
            rank.append(len(journalled))
            if type(op) in _METADATA or index in closes:
                journalled.append(index)
        commits = _Commits(rank, journalled, 0, [False] * len(log), [False] * len(log), closes=closes)
        self._read_barriers(log, commits)
        if self.rules.auto_da_alloc:
            self._read_flushes(base, log, commits)
        return commits

    def _read_barriers(self, log: Sequence[Op], commits: _Commits) -> None:
        """Which data is synced, and up to where the journal is committed.

        A sync of an inode commits the transaction of that inode's last change, and with it everything before; an inode
        that did not change commits nothing. fdatasync looks at changes of size alone.
        """
        touched: dict[int, int] = {}  # inode -> rank after its last change
        resized: dict[int, int] = {}
        unsynced: dict[int, list[int]] = {}
        for index, op in enumerate(log):
            after = commits.rank[index] + (type(op) in _METADATA)
            if type(op) is Write:
                touched[op.inode] = after
                if op.offset_bytes + len(op.data) > op.old_size_bytes:
                    resized[op.inode] = after
                unsynced.setdefault(op.inode, []).append(index)
            elif type(op) is Truncate:
                touched[op.inode] = resized[op.inode] = after
            elif type(op) is Link:
                touched[op.inode] = touched[op.directory] = after
                if op.created:
                    resized[op.inode] = after
            elif type(op) is Unlink:
                touched[op.inode] = touched[op.directory] = after
            elif type(op) is Rename:
                touched[op.inode] = touched[op.old_directory] = touched[op.new_directory] = after
                if op.replaced_inode is not None:
                    touched[op.replaced_inode] = after
            elif type(op) is SetMode:
                touched[op.inode] = after
            elif type(op) is SyncFile:
                for written in unsynced.pop(op.inode, ()):
                    commits.synced[written] = True
                last = resized if op.data_only else touched
                commits.committed = max(commits.committed, last.get(op.inode, 0))
            elif type(op) is SyncDirectory:
                commits.committed = max(commits.committed, touched.get(op.directory, 0))
            elif type(op) is SyncVolume:
                for indices in unsynced.values():
                    for written in indices:
                        commits.synced[written] = True
                unsynced.clear()
                commits.committed = after
            elif type(op) is DropDirty:
                for written in unsynced.pop(op.inode, ()):
                    commits.dropped[written] = True

    def _truncating_closes(self, log: Sequence[Op]) -> dict[int, int]:
        """Closes of files that were truncated to nothing since they were opened: close index -> truncation index."""
        emptied: dict[int, int] = {}
        closes: dict[int, int] = {}
        for index, op in enumerate(log):
            if type(op) is Truncate and op.size_bytes == 0 and op.old_size_bytes > 0:
                emptied[op.inode] = index
            elif type(op) is Close and op.inode in emptied:
                closes[index] = emptied.pop(op.inode)
        return closes

    def _read_flushes(self, base: Image, log: Sequence[Op], commits: _Commits) -> None:
        """Data that a rename over a file, or the close after a truncation, makes the commit wait for.

        That is data in blocks not yet allocated. Blocks that were already durable are overwritten in place, and nothing
        waits for those.
        """
        durable_size: dict[int, int] = {}
        waiting: dict[int, list[int]] = {}
        for index, op in enumerate(log):
            if type(op) is Write:
                inode, end = op.inode, op.offset_bytes + len(op.data)
                size = durable_size.get(inode)
                if size is None:
                    size = durable_size[inode] = len(base.files.get(inode, b""))
                if commits.synced[index]:
                    durable_size[inode] = max(size, end)
                elif not commits.dropped[index]:
                    allocated_end = -(-size // self.rules.block_bytes) * self.rules.block_bytes
                    if end > allocated_end:
                        waiting.setdefault(inode, []).append(index)
            elif type(op) is Truncate:
                if op.size_bytes < durable_size.get(op.inode, len(base.files.get(op.inode, b""))):
                    durable_size[op.inode] = op.size_bytes
            elif (type(op) is Rename and op.replaced_inode is not None) or (
                type(op) is Close and index in commits.closes
            ):
                for written in waiting.pop(op.inode, ()):
                    commits.flushed_by[written] = commits.rank[index]

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        commits = self._commits(base, log)
        durable = [Durability.PENDING] * len(log)
        for index, op in enumerate(log):
            if type(op) is Write:
                if commits.durable_data(index):
                    durable[index] = Durability.DURABLE
            elif type(op) in _METADATA and commits.rank[index] < commits.committed:
                durable[index] = Durability.DURABLE
        for close, truncation in commits.closes.items():
            # The close is known for what it is by the truncation, which has to stay until the close is committed.
            if durable[truncation] and commits.rank[close] >= commits.committed:
                durable[truncation] = Durability.HELD
        return durable

    # ------------------------------------------------------------------ the crash

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = Crash(Draft(base))
        draft = crash.draft
        commits = self._commits(base, log)
        free = len(commits.journalled) - commits.committed
        committed = commits.committed + choices.cut(free)
        stops: dict[tuple[int, int], _Stop] = {}
        for index, op in enumerate(log):
            kept = commits.rank[index] < committed
            if type(op) is Write:
                flushed = commits.flushed_by.get(index)
                if commits.synced[index] or (flushed is not None and flushed < committed):
                    draft.apply(op)
                    continue
                # Growth is committed with or after every journalled operation before it.
                may_grow = commits.rank[index] <= committed
                own_stops = {} if commits.dropped[index] else stops
                fates = self._fates(op, draft, own_stops, may_grow, choices)
                if not any(fates):
                    draft.apply(op)
                elif fates.count(Fate.LOST) == len(fates):
                    crash.lost.append(index)
                else:
                    part = SectorFates(fates, self.rules.sector_bytes)
                    draft.apply(op, part)
                    crash.torn.append((index, part))
            elif type(op) is Truncate:
                for key in [key for key in stops if key[0] == op.inode]:
                    del stops[key]
                if kept:
                    draft.apply(op)
                else:
                    self._uncommitted_truncation(op, index, crash, choices)
            elif type(op) in _METADATA:
                if kept:
                    draft.apply(op)
                else:
                    if type(op) is Link:
                        draft.register(op)
                    crash.lost.append(index)
        return crash

    def _uncommitted_truncation(self, op: Truncate, index: int, crash: Crash, choices: Choices) -> None:
        """The old size stays; the rest of the new last block may have been zeroed already."""
        block_bytes = self.rules.block_bytes
        if op.size_bytes < op.old_size_bytes and op.size_bytes % block_bytes and choices.pick(2) == 0:
            tail_end = min(op.old_size_bytes, (op.size_bytes // block_bytes + 1) * block_bytes)
            part = Resized(None, op.size_bytes, tail_end, Fate.ZEROS)
            crash.draft.apply(op, part)
            crash.torn.append((index, part))
        else:
            crash.lost.append(index)

    def _fates(
        self, op: Write, draft: Draft, stops: dict[tuple[int, int], _Stop], may_grow: bool, choices: Choices
    ) -> bytes:
        """One fate a sector, block by block."""
        block_bytes = self.rules.block_bytes
        offset, end = op.offset_bytes, op.offset_bytes + len(op.data)
        allocated_end = -(-op.old_size_bytes // block_bytes) * block_bytes
        if end <= allocated_end and offset // block_bytes == (end - 1) // block_bytes:
            return self._block_in_place(op, offset, end, draft, stops, may_grow, choices)
        fates = bytearray()
        start = offset
        while start < end:
            block_end = min(end, (start // block_bytes + 1) * block_bytes)
            if start >= allocated_end:
                fates += self._new_block(op.inode, start, block_end, stops, may_grow, choices)
            else:
                fates += self._block_in_place(op, start, block_end, draft, stops, may_grow, choices)
            start = block_end
        return bytes(fates)

    def _new_block(
        self,
        inode: int,
        start: int,
        stop: int,
        stops: dict[tuple[int, int], _Stop],
        may_grow: bool,
        choices: Choices,
    ) -> bytes:
        """A block allocated for this write: with its data or not at all."""
        sector_bytes = self.rules.sector_bytes
        count = (stop - 1) // sector_bytes - start // sector_bytes + 1
        if may_grow and choices.pick(2) == 0:
            return bytes(count)
        block = start // self.rules.block_bytes * self.rules.block_bytes
        for sector in range(block // sector_bytes, (block + self.rules.block_bytes) // sector_bytes):
            stops[inode, sector] = _Stop.UNALLOCATED
        return bytes([Fate.LOST]) * count

    def _block_in_place(
        self,
        op: Write,
        start: int,
        stop: int,
        draft: Draft,
        stops: dict[tuple[int, int], _Stop],
        may_grow: bool,
        choices: Choices,
    ) -> bytes:
        """A block the file had before: each sector old or new; beyond the old size perhaps zeros."""
        sector_bytes = self.rules.sector_bytes
        size = draft.size_of(op.inode)
        fates = bytearray()
        for sector in range(start // sector_bytes, (stop - 1) // sector_bytes + 1):
            stopped = stops.get((op.inode, sector))
            if stop <= op.old_size_bytes or (sector + 1) * sector_bytes <= op.old_size_bytes:
                options = _LOST_ONLY if stopped else _OLD_OR_NEW
            else:
                overlaps = not stopped and max(start, sector * sector_bytes) < size
                zeros = may_grow and stopped != _Stop.UNALLOCATED
                options = _GROWTH[may_grow and not stopped, zeros, overlaps]
            fate = options[choices.pick(len(options))]
            if not stopped and (fate == Fate.LOST or fate == Fate.ZEROS):
                stops[op.inode, sector] = _Stop.STALE
            fates.append(fate)
        return bytes(fates)

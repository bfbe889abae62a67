"""File systems with an ordered metadata journal: the crash model behind ext4.

Models: names, modes, truncations and growth of files are metadata, committed in order and atomically, so that a cut
keeps a prefix of them. A new block is with its data or not there; or (``unwritten_extents``) there and reading as zeros.
Data in blocks that the file had lands in its own time, after or before later metadata; an overwrite in place is torn at
sectors, each of which holds the file as it was at some moment (a page cache writes whole pages, so a later write to a
sector never lands without the earlier one; and it lands whole though the size has not grown to its end). Growth within
the last block may be committed before its data, and then shows zeros, or (``size_after_data``) only after it. A shortened
file's last block may be zeroed, sector by sector, before the new size is committed. A truncation dropped by a failed fsync
may be lost for good, whatever is committed around it.
Does not model: holes (a write into one is taken for an overwrite in place, which allows a little more than the kernel
does), the five-second commit and thirty-second write-back timers (whatever is unsynced may be lost however old).
Source: Linux Documentation/filesystems/ext4/journal.rst; fs/ext4/inode.c (ext4_da_write_end and
ext4_da_should_update_i_disksize for growth within a mapped block, ext4_block_truncate_page, ext4_map_blocks for unwritten
extents), fs/ext4/fsync.c (a sync commits the transaction of the inode's last change, with all earlier ones; an overwrite
within a tick of the clock is none, fs/inode.c, inode_needs_update_time), fs/ext4/namei.c and file.c (auto_da_alloc: blocks
not yet allocated are allocated, what was allocated is not waited for). Held against real kernels by ``storage.kernels``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from harness.contract.making import quick
from harness.storage.draft import Draft, Fate, Resized, SectorFates
from harness.storage.image import Image
from harness.storage.oplog import Link, Op, Truncate, Write
from harness.storage.profiles.base import Crash, Profile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.journal_commits import METADATA, Commits, read_commits


@dataclass(frozen=True, slots=True)
class JournalRules:
    """What distinguishes one journalled file system, or set of mount options, from another."""

    sector_bytes: int = 512
    block_bytes: int = 4096
    # A size is committed after the data below it is on the medium, and growth of one block lands as one (XFS).
    size_after_data: bool = False
    # sync flushes the drive's cache even when there is nothing to commit.
    sync_flushes: bool = True
    # A new block is unwritten, and reads as zeros, until a later commit; the commit that allocates it does not wait for data.
    unwritten_extents: bool = False
    # A file's new blocks are allocated before the commit that renames it over another, or after truncation to nothing and close.
    auto_da_alloc: bool = True


class Stop(IntEnum):
    """Why later writes to a sector cannot land."""

    UNALLOCATED = 1  # its block was never allocated: neither data nor size can reach it
    STALE = 2  # an earlier write to it did not land: only growth over zeros can follow
    HIDDEN = 3  # an earlier write landed beyond the size: later ones may land below the size, and not move it


Stops: TypeAlias = "dict[tuple[int, int], Stop]"


@quick
@dataclass(frozen=True, slots=True)
class Piece:
    """Sectors of a write that share one fate, and the fates they may have: the most that can have landed comes first."""

    sector: int
    count: int
    options: tuple[Fate, ...]
    new_block: bool = False
    growth: bool = False


_IN_PLACE: tuple[Fate, ...] = (Fate.KEPT, Fate.LOST)
_BEYOND_SIZE: tuple[Fate, ...] = (Fate.KEPT, Fate.LOST, Fate.UNSIZED)
_LOST_ONLY: tuple[Fate, ...] = (Fate.LOST,)
_HIDDEN: tuple[Fate, ...] = (Fate.UNSIZED, Fate.LOST)
# By: data and size may both land; the size may land alone; the data may land below the size reached, or unseen beyond it.
_GROWTH: dict[tuple[bool, bool, bool], tuple[Fate, ...]] = {
    (True, True, False): (Fate.KEPT, Fate.LOST, Fate.ZEROS),
    (True, True, True): (Fate.KEPT, Fate.LOST, Fate.ZEROS, Fate.UNSIZED),
    (True, False, False): (Fate.KEPT, Fate.LOST),
    (True, False, True): (Fate.KEPT, Fate.LOST, Fate.UNSIZED),
    (False, True, False): (Fate.ZEROS, Fate.LOST),
    (False, True, True): (Fate.ZEROS, Fate.LOST, Fate.UNSIZED),
    (False, False, False): _LOST_ONLY,
    (False, False, True): (Fate.UNSIZED, Fate.LOST),
}
_NO_DATA = (Stop.UNALLOCATED, Stop.STALE)
_ZEROS_FOLLOW = (None, Stop.STALE)
# By: its extent is unwritten until its data is on the medium; a commit waited for its allocation.
_NEW_BLOCK: dict[tuple[bool, bool], tuple[Fate, ...]] = {
    (False, False): (Fate.KEPT, Fate.LOST),
    (True, False): (Fate.KEPT, Fate.LOST, Fate.ZEROS),
    (False, True): (Fate.KEPT,),
    (True, True): (Fate.KEPT, Fate.ZEROS),
}


class JournalledProfile(Profile):
    """A profile given by its JournalRules."""

    rules: JournalRules

    _read: tuple[Image, Sequence[Op], Commits] | None = None
    """The log last played and its commits: listing plays one log again and again."""

    # ------------------------------------------------------------------ what barriers give

    def commits(self, base: Image, log: Sequence[Op]) -> Commits:
        """What the barriers of the log have committed."""
        return read_commits(log, auto_da_alloc=self.rules.auto_da_alloc, sync_flushes=self.rules.sync_flushes)

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        commits = self.commits(base, log)
        durable = [Durability.PENDING] * len(log)
        for index, op in enumerate(log):
            if type(op) is Write:
                if commits.synced[index] or (
                    commits.allocated(index, commits.committed) and self._all_new_and_ordered(op)
                ):
                    durable[index] = Durability.DURABLE
            elif type(op) in METADATA and commits.rank[index] < commits.committed and not commits.dropped[index]:
                durable[index] = Durability.DURABLE
        for close, truncation in commits.closes.items():
            # The close is known for what it is by the truncation, which has to stay until the close is committed.
            if durable[truncation] and commits.rank[close] >= commits.committed:
                durable[truncation] = Durability.HELD
        return durable

    def _all_new_and_ordered(self, op: Write) -> bool:
        return not self.rules.unwritten_extents and op.offset_bytes >= self._allocated_end(op)

    def _allocated_end(self, op: Write) -> int:
        return -(-op.old_size_bytes // self.rules.block_bytes) * self.rules.block_bytes

    # ------------------------------------------------------------------ the crash

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = Crash(Draft(base))
        draft = crash.draft
        commits = self._commits_of(base, log)
        committed = commits.committed + choices.cut(len(commits.journalled) - commits.committed)
        stops: Stops = {}
        for index, op in enumerate(log):
            kept = commits.rank[index] < committed
            if type(op) is Write:
                if commits.synced[index]:
                    draft.apply(op)
                    continue
                own_stops = {} if commits.dropped[index] else stops
                fates = bytearray()
                for piece in self.pieces(op, index, draft.size_of(op.inode), own_stops, commits, committed):
                    fate = piece.options[choices.pick(len(piece.options))]
                    if fate:
                        self.note(op.inode, piece, fate, own_stops)
                    if piece.count == 1:
                        fates.append(fate)
                    else:
                        fates += bytes((fate,)) * piece.count
                if not any(fates):
                    draft.apply(op)
                elif fates.count(Fate.LOST) == len(fates):
                    crash.lost.append(index)
                else:
                    part = SectorFates(bytes(fates), self.rules.sector_bytes)
                    draft.apply(op, part)
                    crash.torn.append((index, part))
            elif type(op) is Truncate:
                for key in [key for key in stops if key[0] == op.inode]:
                    del stops[key]
                if kept and not (commits.dropped[index] and choices.pick(2)):
                    draft.apply(op)
                else:
                    self._lose_truncation(op, index, crash, choices)
            elif type(op) in METADATA:
                if kept:
                    draft.apply(op)
                else:
                    if type(op) is Link:
                        draft.register(op)
                    crash.lost.append(index)
        return crash

    def _commits_of(self, base: Image, log: Sequence[Op]) -> Commits:
        """As ``commits``, which depends on nothing that changes while a log is listed."""
        if self._read is None or self._read[0] is not base or self._read[1] is not log:
            commits = self.commits(base, log)
            if type(log) is not tuple:
                return commits
            self._read = base, log, commits
        return self._read[2]

    def _lose_truncation(self, op: Truncate, index: int, crash: Crash, choices: Choices) -> None:
        """The old size stays; the rest of the new last block may have been zeroed already, sector by sector."""
        zeroed = [piece for piece in self.cleared_tail(op) if choices.pick(2) == 0]
        for part in zeroed:
            crash.draft.apply(op, part)
        if zeroed:
            crash.torn.append((index, Resized(None, zeroed[0].fill_from, zeroed[-1].fill_to, Fate.ZEROS)))
        else:
            crash.lost.append(index)

    def cleared_tail(self, op: Truncate) -> list[Resized]:
        """What of the last block a shortened file keeps is zeroed beyond the new end, each sector on its own account."""
        if op.size_bytes >= op.old_size_bytes or op.size_bytes % self.rules.block_bytes == 0:
            return []
        end = min(op.old_size_bytes, (op.size_bytes // self.rules.block_bytes + 1) * self.rules.block_bytes)
        parts = []
        start = op.size_bytes
        while start < end:
            stop = min(end, (start // self.rules.sector_bytes + 1) * self.rules.sector_bytes)
            parts.append(Resized(None, start, stop, Fate.ZEROS))
            start = stop
        return parts

    def pieces(
        self, op: Write, index: int, size_bytes: int, stops: Stops, commits: Commits, committed: int
    ) -> list[Piece]:
        """The parts of a write that land on their own account, in file order. ``size_bytes``: as the cut has it so far."""
        block_bytes, sector_bytes = self.rules.block_bytes, self.rules.sector_bytes
        end, allocated_end = op.offset_bytes + len(op.data), self._allocated_end(op)
        may_grow = commits.may_grow(index, committed)
        pieces: list[Piece] = []
        start = op.offset_bytes
        while start < end:
            stop = min(end, (start // block_bytes + 1) * block_bytes)
            if start >= allocated_end:
                first, last = start // sector_bytes, (stop - 1) // sector_bytes
                options = _NEW_BLOCK[self.rules.unwritten_extents, commits.allocated(index, committed)]
                pieces.append(Piece(first, last - first + 1, options if may_grow else _LOST_ONLY, new_block=True))
            else:
                unseen = commits.overwritten_later[index]
                self._pieces_in_place(op, start, stop, size_bytes, stops, may_grow, unseen, pieces)
            start = stop
        return pieces

    def _pieces_in_place(
        self,
        op: Write,
        start: int,
        stop: int,
        size_bytes: int,
        stops: Stops,
        may_grow: bool,
        unseen: bool,
        pieces: list[Piece],
    ) -> None:
        """A block the file had before: each sector old or new; beyond the old size perhaps zeros.

        ``unseen``: it matters whether data landed beyond the size, as something below that is written later.
        """
        sector_bytes = self.rules.sector_bytes
        last = (stop - 1) // sector_bytes
        for sector in range(start // sector_bytes, last + 1):
            stopped = stops.get((op.inode, sector)) if stops else None
            place = max(start, sector * sector_bytes)
            end = min(stop, (sector + 1) * sector_bytes)
            if stop <= op.old_size_bytes or end <= op.old_size_bytes:
                options = _IN_PLACE
                if end > size_bytes:
                    # The size it lies under was set by an operation that did not land.
                    options = _BEYOND_SIZE if may_grow and stopped != Stop.HIDDEN else _HIDDEN
                pieces.append(Piece(sector, 1, _LOST_ONLY if stopped in _NO_DATA else options))
                continue
            count = 1
            if self.rules.size_after_data:
                count = last + 1 - sector
                together = range(sector, last + 1) if stops else ()
                stopped = next(filter(None, (stops.get((op.inode, other)) for other in together)), None)
            seen = (place < size_bytes or unseen) and stopped not in _NO_DATA
            zeros = may_grow and stopped in _ZEROS_FOLLOW and not self.rules.size_after_data
            pieces.append(Piece(sector, count, _GROWTH[may_grow and not stopped, zeros, seen], growth=True))
            if self.rules.size_after_data:
                return

    def note(self, inode: int, piece: Piece, fate: Fate, stops: Stops) -> None:
        """What the fate of one piece says about later writes to its sectors."""
        if fate == Fate.KEPT:
            return
        sectors_a_block = self.rules.block_bytes // self.rules.sector_bytes
        first = piece.sector // sectors_a_block * sectors_a_block
        sectors = range(piece.sector, piece.sector + piece.count)
        if piece.new_block and fate == Fate.LOST:
            sectors = range(first, first + sectors_a_block)
        elif piece.new_block or (self.rules.size_after_data and piece.growth):
            # The page is written whole: what grows the file later in the same block would carry this as well.
            sectors = range(piece.sector, first + sectors_a_block)
        stop = Stop.HIDDEN if fate == Fate.UNSIZED else Stop.STALE
        if piece.new_block and fate == Fate.LOST:
            stop = Stop.UNALLOCATED
        for sector in sectors:
            if stops.get((inode, sector)) in (None, Stop.HIDDEN):
                stops[inode, sector] = stop

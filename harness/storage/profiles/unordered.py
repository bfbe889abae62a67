"""File systems that order nothing but by barriers: the crash model shared by posix-weak, ALICE's default and FAT.

Models: every operation since the last barrier that covers it lands or not on its own account; writes by the sector;
sizes apart from data; renames and removals by their steps, as far as the rules of the profile split them.
Does not model: order within one page of a page cache (two unsynced writes to a sector may land in either way), and
sectors that are torn within: a sector is old or new.
Source: ALICE's abstract persistence model (OSDI'14, alicedefaultfs.py): an operation depends on the last barrier before
it and on nothing else; appends by the chunk through zeros and garbage; fsync of a file waits for that inode's writes
and truncations only; directory entries wait for fsync of the directory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag

from harness.storage.draft import Draft, Fate, Part, Resized, SectorFates, Step, Steps
from harness.storage.image import Image
from harness.storage.oplog import (
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

_CUTS_MAX = 8
_BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Rules:
    """What distinguishes one unordered file system from another."""

    sector_bytes: int = 512
    # A file may grow over blocks that show what they held before.
    garbage: bool = True
    # fsync of a file that was just created makes its name durable too.
    fsync_persists_name: bool = False
    # A rename over a file may remove the old name before the new one is written: for a while there is neither.
    replace_removes_first: bool = False
    # The replaced or removed file may be emptied while a name still leads to it.
    replaced_emptied: bool = False
    removed_emptied: bool = True
    # Blocks of a shortened file may be reused while the old size still shows.
    shortened_garbage: bool = False
    # Space may end up with no owner.
    leaks_space: bool = False
    hard_links: bool = True


class Forced(IntFlag):
    """What of an operation a later barrier made durable; a rename may be forced in one of its directories alone."""

    NO = 0
    SOURCE = 1
    DESTINATION = 2
    WHOLE = 3


class _Barriers:
    """Barriers seen so far, reading a log from its end."""

    __slots__ = ("_directories", "_dropped", "_everything", "_files", "_metadata")

    def __init__(self) -> None:
        self._everything = False
        self._files: set[int] = set()
        self._metadata: set[int] = set()
        self._directories: set[int] = set()
        self._dropped: set[int] = set()

    def see(self, op: Op) -> None:
        match op:
            case SyncVolume():
                self._everything = True
                self._dropped.clear()
            case SyncFile():
                self._files.add(op.inode)
                self._dropped.discard(op.inode)
                if not op.data_only:
                    self._metadata.add(op.inode)
            case SyncDirectory():
                self._directories.add(op.directory)
                self._metadata.add(op.directory)
            case DropDirty():
                self._dropped.add(op.inode)

    def covers_data(self, inode: int) -> bool:
        return inode not in self._dropped and (self._everything or inode in self._files)

    def covers_metadata(self, inode: int) -> bool:
        return self._everything or inode in self._metadata

    def covers_name(self, directory: int) -> bool:
        return self._everything or directory in self._directories

    def covers_file(self, inode: int) -> bool:
        return self._everything or inode in self._files


def forced_by_barriers(log: Sequence[Op], rules: Rules) -> list[Forced]:
    """For each operation, what of it the barriers after it have made durable."""
    forced = [Forced.NO] * len(log)
    barriers = _Barriers()
    whole = Forced.WHOLE
    for index in range(len(log) - 1, -1, -1):
        op = log[index]
        match op:
            case Write() | Truncate():
                if barriers.covers_data(op.inode):
                    forced[index] = whole
            case Link():
                named_by_file = rules.fsync_persists_name and op.created and barriers.covers_file(op.inode)
                if named_by_file or barriers.covers_name(op.directory):
                    forced[index] = whole
            case Unlink():
                if barriers.covers_name(op.directory):
                    forced[index] = whole
            case Rename():
                part = Forced.SOURCE if barriers.covers_name(op.old_directory) else Forced.NO
                if barriers.covers_name(op.new_directory):
                    part |= Forced.DESTINATION
                forced[index] = part
            case SetMode():
                if barriers.covers_metadata(op.inode):
                    forced[index] = whole
            case _:
                barriers.see(op)
    return forced


class _LinkCounts:
    """How many names each inode has as the software sees it; counted only when a removal asks."""

    __slots__ = ("_base", "_delta")

    def __init__(self, base: Image) -> None:
        self._base = base
        self._delta: dict[int, int] = {}

    def add(self, inode: int, change: int) -> None:
        self._delta[inode] = self._delta.get(inode, 0) + change

    def is_unnamed(self, inode: int) -> bool:
        return self._base.link_counts().get(inode, 0) + self._delta.get(inode, 0) <= 0


class UnorderedProfile(Profile):
    """A profile given by its Rules."""

    rules: Rules

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        return [Durability(forced == Forced.WHOLE) for forced in forced_by_barriers(log, self.rules)]

    def mount(self, draft: Draft) -> Image:
        return draft.mount(hard_links=self.rules.hard_links, leak_orphans=self.rules.leaks_space)

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = Crash(Draft(base))
        draft = crash.draft
        names = _LinkCounts(base)
        forced_ops = forced_by_barriers(log, self.rules)
        for index, op in enumerate(log):
            kind = op.__class__
            forced = forced_ops[index]
            part: Part | None = None
            if kind is Write:
                if not forced:
                    assert isinstance(op, Write)
                    part = self._write_part(op, draft, choices)
            elif kind is Truncate:
                if not forced:
                    assert isinstance(op, Truncate)
                    part = self._truncate_part(op, choices)
            elif kind is Link:
                assert isinstance(op, Link)
                names.add(op.inode, 1)
                if not forced and choices.pick(2):
                    draft.register(op)
                    crash.lost.append(index)
                    continue
            elif kind is Unlink:
                assert isinstance(op, Unlink)
                names.add(op.inode, -1)
                part = self._unlink_part(op, forced, draft, names, choices)
            elif kind is Rename:
                assert isinstance(op, Rename)
                if op.replaced_inode is not None:
                    names.add(op.replaced_inode, -1)
                part = self._rename_part(op, forced, draft, names, choices)
            elif kind is SetMode:
                if not forced and choices.pick(2):
                    crash.lost.append(index)
                    continue
            else:
                continue
            if part is None:
                draft.apply(op)
            elif _is_nothing(part):
                crash.lost.append(index)
            else:
                draft.apply(op, part)
                crash.torn.append((index, part))
        return crash

    def _write_part(self, op: Write, draft: Draft, choices: Choices) -> SectorFates | None:
        sector_bytes = self.rules.sector_bytes
        offset, end = op.offset_bytes, op.offset_bytes + len(op.data)
        first, last = offset // sector_bytes, (end - 1) // sector_bytes
        if first < last:
            answer = choices.pick(3)
            if answer < 2:
                return None if answer == 0 else _NOTHING_WRITTEN
        size = draft.size_of(op.inode)
        fates = bytearray()
        for sector in range(first, last + 1):
            start, stop = max(offset, sector * sector_bytes), min(end, (sector + 1) * sector_bytes)
            options = _OVERWRITE if stop <= op.old_size_bytes else self._growth_options(start < size)
            fates.append(options[choices.pick(len(options))])
        if not any(fates):
            return None
        return SectorFates(bytes(fates), sector_bytes)

    def _growth_options(self, overlaps: bool) -> tuple[Fate, ...]:
        if self.rules.garbage:
            return _GROWTH_OVER_DATA if overlaps else _GROWTH
        return _CLEAN_GROWTH_OVER_DATA if overlaps else _CLEAN_GROWTH

    def _truncate_part(self, op: Truncate, choices: Choices) -> Resized | None:
        parts = self._shrink_parts(op) if op.size_bytes < op.old_size_bytes else self._extend_parts(op)
        answer = choices.pick(2 + len(parts))
        if answer < 2:
            return None if answer == 0 else _NOTHING_RESIZED
        return parts[answer - 2]

    def _shrink_parts(self, op: Truncate) -> list[Resized]:
        """Sizes on the way down, by the sector; the tail of the last block zeroed before the size changes."""
        new, old = op.size_bytes, op.old_size_bytes
        parts = [Resized(size) for size in _boundaries(new, old, self.rules.sector_bytes)]
        if new % _BLOCK_BYTES:
            tail_end = min(old, (new // _BLOCK_BYTES + 1) * _BLOCK_BYTES)
            parts.append(Resized(None, new, tail_end, Fate.ZEROS))
        if self.rules.shortened_garbage:
            parts.append(Resized(None, new, old, Fate.GARBAGE))
        return parts

    def _extend_parts(self, op: Truncate) -> list[Resized]:
        new, old = op.size_bytes, op.old_size_bytes
        parts = [Resized(size) for size in _boundaries(old, new, self.rules.sector_bytes)]
        if self.rules.garbage:
            parts.append(Resized(new, old, new, Fate.GARBAGE))
        return parts

    def _unlink_part(
        self, op: Unlink, forced: Forced, draft: Draft, names: _LinkCounts, choices: Choices
    ) -> Steps | None:
        if forced:
            if names.is_unnamed(op.inode):
                draft.released.add(op.inode)
            return None
        parts = [Steps(Step.NONE)]
        last_name = op.inode not in draft.directories and names.is_unnamed(op.inode)
        if last_name and self.rules.removed_emptied:
            parts.append(Steps(Step.CONTENT_FREED))
        if last_name and self.rules.leaks_space:
            parts.append(Steps(Step.SOURCE_REMOVED | Step.SPACE_LEAKED))
        answer = choices.pick(1 + len(parts))
        part = None if answer == 0 else parts[answer - 1]
        if last_name and (part is None or part.done & Step.SPACE_LEAKED):
            draft.released.add(op.inode)
        return part

    def _rename_part(
        self, op: Rename, forced: Forced, draft: Draft, names: _LinkCounts, choices: Choices
    ) -> Steps | None:
        replaced_last = op.replaced_inode is not None and names.is_unnamed(op.replaced_inode)
        if replaced_last:
            assert op.replaced_inode is not None
            draft.released.add(op.replaced_inode)
        if forced == Forced.WHOLE:
            return None
        outcomes = self._rename_outcomes(op, forced, replaced_last)
        done = outcomes[choices.pick(len(outcomes))]
        if done == _RENAMED:
            return None
        if replaced_last and not done & Step.DESTINATION_LINKED:
            assert op.replaced_inode is not None
            draft.released.discard(op.replaced_inode)
        return Steps(done)

    def _rename_outcomes(self, op: Rename, forced: Forced, replaced_last: bool) -> list[Step]:
        """The step sets that may have landed: all first, none (or as few as the barriers leave) second."""
        rules = self.rules
        sources = [Step.SOURCE_REMOVED, Step.NONE]
        destinations = [Step.DESTINATION_LINKED, Step.NONE]
        if op.replaced_inode is not None and rules.replace_removes_first:
            destinations.append(Step.DESTINATION_REMOVED)
        if replaced_last and rules.replaced_emptied:
            destinations.append(Step.CONTENT_FREED)
            if rules.replace_removes_first:
                destinations.append(Step.CONTENT_FREED | Step.DESTINATION_REMOVED)
        if forced & Forced.SOURCE:
            sources = sources[:1]
        if forced & Forced.DESTINATION:
            destinations = destinations[:1]
        whole = _RENAMED
        fewest = sources[-1] | destinations[1 if len(destinations) > 1 else 0]
        others = [s | d for d in destinations for s in sources if s | d not in (whole, fewest)]
        return [whole, fewest, *others]


_RENAMED = Step.SOURCE_REMOVED | Step.DESTINATION_LINKED
_OVERWRITE = (Fate.KEPT, Fate.LOST)
_GROWTH = (Fate.KEPT, Fate.LOST, Fate.ZEROS, Fate.GARBAGE)
_GROWTH_OVER_DATA = (*_GROWTH, Fate.UNSIZED)
_CLEAN_GROWTH = (Fate.KEPT, Fate.LOST, Fate.ZEROS)
_CLEAN_GROWTH_OVER_DATA = (*_CLEAN_GROWTH, Fate.UNSIZED)
_NOTHING_WRITTEN = SectorFates(bytes([Fate.LOST]))
_NOTHING_RESIZED = Resized(None)
_NOTHING = frozenset((_NOTHING_RESIZED, Steps(Step.NONE)))


def _is_nothing(part: Part) -> bool:
    if isinstance(part, SectorFates):
        return all(fate == Fate.LOST for fate in part.fates)
    return part in _NOTHING


def _boundaries(low: int, high: int, unit: int) -> list[int]:
    """Multiples of ``unit`` strictly between two sizes; evenly chosen when there are many."""
    first, last = low // unit + 1, (high - 1) // unit
    count = last - first + 1
    if count <= _CUTS_MAX:
        return [place * unit for place in range(first, last + 1)]
    return [(first + count * step // _CUTS_MAX) * unit for step in range(_CUTS_MAX)]

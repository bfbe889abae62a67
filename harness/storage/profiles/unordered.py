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

from harness.storage.draft import WHOLE_RENAME, Draft, Fate, Part, Resized, SectorFates, Step, Steps
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
    # Of a rename there may be both names, and never neither; but a file that was never durable itself may take the name that
    # it replaced with it.
    rename_keeps_a_name: bool = False
    # A size may land without the blocks that it gave back: the file then has its old content up to a size of later.
    size_alone: bool = False
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


# What of an operation a later barrier made durable; a rename may be forced in one of its directories alone.
_FREE, _SOURCE, _DESTINATION, WHOLE = 0, 1, 2, 3


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
        if type(op) is SyncVolume:
            self._everything = True
            self._dropped.clear()
        elif type(op) is SyncFile:
            self._files.add(op.inode)
            self._dropped.discard(op.inode)
            if not op.data_only:
                self._metadata.add(op.inode)
        elif type(op) is SyncDirectory:
            self._directories.add(op.directory)
            self._metadata.add(op.directory)
        elif type(op) is DropDirty:
            self._dropped.add(op.inode)

    def covers_data(self, inode: int) -> bool:
        return inode not in self._dropped and (self._everything or inode in self._files)

    def covers_metadata(self, inode: int) -> bool:
        return self._everything or inode in self._metadata

    def covers_name(self, directory: int) -> bool:
        return self._everything or directory in self._directories

    def covers_file(self, inode: int) -> bool:
        return self._everything or inode in self._files


def forced_by_barriers(log: Sequence[Op], rules: Rules) -> list[int]:
    """For each operation, what of it the barriers after it have made durable."""
    forced = [_FREE] * len(log)
    barriers = _Barriers()
    for index in range(len(log) - 1, -1, -1):
        op = log[index]
        if type(op) is Write or type(op) is Truncate:
            if barriers.covers_data(op.inode):
                forced[index] = WHOLE
        elif type(op) is Link:
            named_by_file = rules.fsync_persists_name and op.created and barriers.covers_file(op.inode)
            if named_by_file or barriers.covers_name(op.directory):
                forced[index] = WHOLE
        elif type(op) is Unlink:
            if barriers.covers_name(op.directory):
                forced[index] = WHOLE
        elif type(op) is Rename:
            forced[index] = _SOURCE * barriers.covers_name(op.old_directory)
            forced[index] += _DESTINATION * barriers.covers_name(op.new_directory)
            if rules.rename_keeps_a_name and forced[index] == _SOURCE:
                forced[index] = WHOLE
        elif type(op) is SetMode:
            if barriers.covers_metadata(op.inode):
                forced[index] = WHOLE
        else:
            barriers.see(op)
    return forced


class _Names:
    """Which inodes have no name left at the end of the log; counted only when a removal asks.

    The last removal of a name frees the content, and a name whose own removal did not land then leads to nothing.
    """

    __slots__ = ("_base", "_log", "_more")

    def __init__(self, base: Image, log: Sequence[Op]) -> None:
        self._base = base
        self._log = log
        self._more: dict[int, int] | None = None

    def is_unnamed(self, inode: int) -> bool:
        more = self._more
        if more is None:
            more = self._more = {}
            for op in self._log:
                if type(op) is Link:
                    more[op.inode] = more.get(op.inode, 0) + 1
                elif type(op) is Unlink:
                    more[op.inode] = more.get(op.inode, 0) - 1
                elif type(op) is Rename and op.replaced_inode is not None:
                    more[op.replaced_inode] = more.get(op.replaced_inode, 0) - 1
        return self._base.link_counts().get(inode, 0) + more.get(inode, 0) <= 0


class UnorderedProfile(Profile):
    """A profile given by its Rules."""

    rules: Rules

    def __init__(self) -> None:
        self._outcomes: dict[tuple[int, bool, bool, bool], list[Steps | None]] = {}

    def forced(self, log: Sequence[Op]) -> list[int]:
        """For each operation, what of it the barriers after it have made durable."""
        return forced_by_barriers(log, self.rules)

    def rename_outcomes(self, op: Rename, forced: int, *, replaced_last: bool, fresh: bool) -> list[Steps | None]:
        """The step sets of a rename that may have landed; None is all of them. ``fresh``: the file was never durable."""
        shape = (forced, op.replaced_inode is not None, replaced_last, fresh and self.rules.rename_keeps_a_name)
        outcomes = self._outcomes.get(shape)
        if outcomes is None:
            outcomes = self._outcomes[shape] = _rename_outcomes(self.rules, *shape)
        return outcomes

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        state = {_FREE: Durability.PENDING, WHOLE: Durability.DURABLE}
        return [state.get(forced, Durability.HELD) for forced in self.forced(log)]

    def durable_prefix(self, base: Image, log: Sequence[Op]) -> tuple[Image, list[Op]]:
        """As for every profile, with renames out of a directory that is never synced split, so that they fold too."""
        forced = self.forced(log)
        if _DESTINATION in forced:
            log = [half for op, state in zip(log, forced, strict=True) for half in _halves(op, state)]
        return super().durable_prefix(base, log)

    def mount(self, draft: Draft) -> Image:
        return draft.mount(hard_links=self.rules.hard_links, leak_orphans=self.rules.leaks_space)

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = Crash(Draft(base))
        draft = crash.draft
        names = _Names(base, log)
        forced_ops = self.forced(log)
        fresh = never_durable(log, forced_ops)
        for index, op in enumerate(log):
            forced = forced_ops[index]
            part: Part | None = None
            if type(op) is Write:
                if not forced:
                    part = self._write_part(op, draft, choices)
            elif type(op) is Truncate:
                if not forced:
                    part = self._truncate_part(op, self.later_sizes(log, index), choices)
            elif type(op) is Link:
                if not forced and choices.pick(2):
                    draft.register(op)
                    crash.lost.append(index)
                    continue
            elif type(op) is Unlink:
                part = self._unlink_part(op, forced, draft, names, choices)
            elif type(op) is Rename:
                part = self._rename_part(op, forced, draft, names, fresh, choices)
            elif type(op) is SetMode:
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
            options = self.sector_options(op, sector, size)
            fates.append(options[choices.pick(len(options))])
        if not any(fates):
            return None
        return SectorFates(bytes(fates), sector_bytes)

    def sector_options(self, op: Write, sector: int, size_bytes: int) -> tuple[Fate, ...]:
        """What may become of one sector of a write that no barrier covers, in a file of that size so far."""
        start = max(op.offset_bytes, sector * self.rules.sector_bytes)
        stop = min(op.offset_bytes + len(op.data), (sector + 1) * self.rules.sector_bytes)
        return _OVERWRITE if stop <= op.old_size_bytes else self._growth_options(start < size_bytes)

    def _growth_options(self, overlaps: bool) -> tuple[Fate, ...]:
        if self.rules.garbage:
            return _GROWTH_OVER_DATA if overlaps else _GROWTH
        return _CLEAN_GROWTH_OVER_DATA if overlaps else _CLEAN_GROWTH

    def later_sizes(self, log: Sequence[Op], index: int) -> list[int]:
        """Sizes the file has after the change of size at ``index``, where they may land without their data."""
        op = log[index]
        if not self.rules.size_alone or type(op) is not Truncate:
            return []
        sizes: set[int] = set()
        for later in log[index + 1 :]:
            if type(later) is Write and later.inode == op.inode:
                sizes.add(max(later.old_size_bytes, later.offset_bytes + len(later.data)))
            elif type(later) is Truncate and later.inode == op.inode:
                sizes.add(later.size_bytes)
        return sorted(size for size in sizes if op.size_bytes < size < op.old_size_bytes)

    def _truncate_part(self, op: Truncate, later_sizes: Sequence[int], choices: Choices) -> Resized | None:
        parts = self.resize_parts(op, later_sizes)
        answer = choices.pick(2 + len(parts))
        if answer < 2:
            return None if answer == 0 else _NOTHING_RESIZED
        return parts[answer - 2]

    def thins(self, log: Sequence[Op]) -> bool:
        """Of many sizes on the way from one to another a few are found."""
        sector_bytes = self.rules.sector_bytes
        return any(
            isinstance(op, Truncate) and abs(op.size_bytes - op.old_size_bytes) > _CUTS_MAX * sector_bytes for op in log
        )

    def resize_parts(self, op: Truncate, later_sizes: Sequence[int]) -> list[Resized]:
        """What may have landed of a change of size, beside all of it and nothing."""
        parts = self._shrink_parts(op) if op.size_bytes < op.old_size_bytes else self._extend_parts(op)
        return parts + [part for part in map(Resized, later_sizes) if part not in parts]

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

    def _unlink_part(self, op: Unlink, forced: int, draft: Draft, names: _Names, choices: Choices) -> Steps | None:
        if forced:
            if names.is_unnamed(op.inode):
                draft.released.add(op.inode)
            return None
        parts = [_NO_STEP]
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
        self, op: Rename, forced: int, draft: Draft, names: _Names, fresh: frozenset[int], choices: Choices
    ) -> Steps | None:
        replaced_last = op.replaced_inode is not None and names.is_unnamed(op.replaced_inode)
        if replaced_last:
            assert op.replaced_inode is not None
            draft.released.add(op.replaced_inode)
        if forced == WHOLE:
            return None
        outcomes = self.rename_outcomes(op, forced, replaced_last=replaced_last, fresh=op.inode in fresh)
        part = outcomes[choices.pick(len(outcomes))]
        if part is not None and replaced_last and not part.done & Step.DESTINATION_LINKED:
            assert op.replaced_inode is not None
            draft.released.discard(op.replaced_inode)
        return part


def _halves(op: Op, forced: int) -> list[Op]:
    """A rename whose new name is durable and whose old one may linger, as the operations it now amounts to."""
    if type(op) is not Rename or forced != _DESTINATION:
        return [op]
    replaced = op.replaced_inode
    removal = [] if replaced is None else [Unlink(op.new_directory, op.new_name, replaced)]
    linking = Link(op.new_directory, op.new_name, op.inode, 0, created=False)
    return [*removal, linking, Unlink(op.old_directory, op.old_name, op.inode)]


def never_durable(log: Sequence[Op], forced: Sequence[int]) -> frozenset[int]:
    """Inodes that came into being in this log and that no barrier has saved since."""
    return frozenset(
        op.inode for op, state in zip(log, forced, strict=True) if type(op) is Link and op.created and not state
    )


def _rename_outcomes(
    rules: Rules, forced: int, replaces: bool, replaced_last: bool, takes_replaced: bool
) -> list[Steps | None]:
    """The step sets that may have landed: all (None) first, then as few as the barriers leave, then the others."""
    sources = [Step.SOURCE_REMOVED, Step.NONE]
    destinations = [Step.DESTINATION_LINKED, Step.NONE]
    if replaces and (rules.replace_removes_first or takes_replaced):
        destinations.append(Step.DESTINATION_REMOVED)
    if replaced_last and rules.replaced_emptied:
        destinations.append(Step.CONTENT_FREED)
        if rules.replace_removes_first:
            destinations.append(Step.CONTENT_FREED | Step.DESTINATION_REMOVED)
    if forced & _SOURCE:
        del sources[1:]
    if forced & _DESTINATION:
        del destinations[1:]
    fewest = sources[-1] | destinations[1 if len(destinations) > 1 else 0]
    others = [s | d for d in destinations for s in sources if s | d not in (WHOLE_RENAME, fewest)]
    if rules.rename_keeps_a_name:
        others = [done for done in others if done != Step.SOURCE_REMOVED]
    return [None, Steps(fewest), *(Steps(done) for done in others)]


_OVERWRITE = (Fate.KEPT, Fate.LOST)
_GROWTH = (Fate.KEPT, Fate.LOST, Fate.ZEROS, Fate.GARBAGE)
_GROWTH_OVER_DATA = (*_GROWTH, Fate.UNSIZED)
_CLEAN_GROWTH = (Fate.KEPT, Fate.LOST, Fate.ZEROS)
_CLEAN_GROWTH_OVER_DATA = (*_CLEAN_GROWTH, Fate.UNSIZED)
_NOTHING_WRITTEN = SectorFates(bytes([Fate.LOST]))
_NOTHING_RESIZED = Resized(None)
_NO_STEP = Steps(Step.NONE)


def _is_nothing(part: Part) -> bool:
    if type(part) is SectorFates:
        return part.fates.count(Fate.LOST) == len(part.fates)
    return part in (_NOTHING_RESIZED, _NO_STEP)


def _boundaries(low: int, high: int, unit: int) -> list[int]:
    """Multiples of ``unit`` strictly between two sizes; evenly chosen when there are many."""
    first, last = low // unit + 1, (high - 1) // unit
    count = last - first + 1
    if count <= _CUTS_MAX:
        return [place * unit for place in range(first, last + 1)]
    return [(first + count * step // _CUTS_MAX) * unit for step in range(_CUTS_MAX)]

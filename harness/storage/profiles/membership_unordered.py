"""Whether an image is one that a file system which orders nothing but by barriers may leave.

Models: names are followed operation by operation over every set of them there may be, and each set's tree compared; modes
and contents are then apart, file by file, and of a file each sector of a write lands on its own account.
Does not model: rules by which names and contents depend on each other (a removed file found empty, lost space, files
that a checker makes of two names): for those ``takes`` says no, and the images are listed.
"""

from collections.abc import Iterable, Sequence

from harness.storage.draft import Draft, Fate, Step
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, Link, Op, Rename, SetMode, Truncate, Unlink, Write
from harness.storage.profiles.membership_files import (
    STATES_MAX,
    Answer,
    Follower,
    State,
    Stops,
    contents_wanted,
    resized,
    written,
)
from harness.storage.profiles.unordered import UnorderedProfile, never_durable

_Entries = frozenset[tuple[int, str, int]]
_ALL = Step.SOURCE_REMOVED | Step.DESTINATION_LINKED


def takes(profile: UnorderedProfile) -> bool:
    """Whether this decision holds for the profile."""
    rules = profile.rules
    coupled = rules.removed_emptied or rules.replaced_emptied or rules.leaks_space
    return not coupled and rules.hard_links and not rules.replace_removes_first


def decide(profile: UnorderedProfile, base: Image, log: Sequence[Op], image: Image) -> Answer:
    """Whether a cut after ``log`` may leave ``image``."""
    forced = profile.forced(log)
    found = _names(profile, base, log, forced, image)
    if found is None:
        return Answer.UNDECIDED
    modes = _modes(base, log, forced)
    known: dict[tuple[int, bytes], Answer] = {}
    undecided = False
    for entries in found:
        contents = contents_wanted(_tree(base, log, entries), image, modes)
        if contents is None:
            continue
        answers = []
        for inode, wanted in contents.items():
            if (inode, wanted) not in known:
                follower = _Unordered(profile, forced, inode, log, base.files.get(inode, b""), wanted)
                known[inode, wanted] = follower.answer()
            answers.append(known[inode, wanted])
        if all(answer is Answer.ALLOWED for answer in answers):
            return Answer.ALLOWED
        undecided = undecided or Answer.NOT_ALLOWED not in answers
    return Answer.UNDECIDED if undecided else Answer.NOT_ALLOWED


def _names(
    profile: UnorderedProfile, base: Image, log: Sequence[Op], forced: Sequence[int], image: Image
) -> set[_Entries] | None:
    """Every set of directory entries there may be; those are dropped that the image's root directory rules out."""
    last_use: dict[str, int] = {}
    for index, op in enumerate(log):
        for directory, name in _used(op):
            if directory == ROOT_INODE:
                last_use[name] = index
    start = frozenset(
        (place, name, inode) for place, names in base.directories.items() for name, inode in names.items()
    )
    states: set[_Entries] = {start}
    fresh = never_durable(log, forced)
    for index, op in enumerate(log):
        used = _used(op)
        if not used:
            continue
        after = {entries for state in states for entries in _outcomes(profile, op, forced[index], fresh, state)}
        for directory, name in used:
            if directory == ROOT_INODE and last_use[name] == index:
                there = name in image.directories[ROOT_INODE]
                after = {each for each in after if any(e[:2] == (directory, name) for e in each) == there}
        if len(after) > STATES_MAX:
            return None
        states = after
    return states


def _used(op: Op) -> list[tuple[int, str]]:
    if isinstance(op, Link | Unlink):
        return [(op.directory, op.name)]
    if isinstance(op, Rename):
        return [(op.old_directory, op.old_name), (op.new_directory, op.new_name)]
    return []


def _outcomes(
    profile: UnorderedProfile, op: Op, forced: int, fresh: frozenset[int], entries: _Entries
) -> Iterable[_Entries]:
    if isinstance(op, Link):
        found = [_with(entries, op.directory, op.name, op.inode)]
    elif isinstance(op, Unlink):
        found = [entries - {(op.directory, op.name, op.inode)}]
    else:
        assert isinstance(op, Rename)
        found = []
        for part in profile.rename_outcomes(op, forced, replaced_last=False, fresh=op.inode in fresh):
            done = _ALL if part is None else part.done
            moved = entries - {(op.old_directory, op.old_name, op.inode)} if done & Step.SOURCE_REMOVED else entries
            if done & Step.DESTINATION_REMOVED and op.replaced_inode is not None:
                moved = moved - {(op.new_directory, op.new_name, op.replaced_inode)}
            if done & Step.DESTINATION_LINKED:
                moved = _with(moved, op.new_directory, op.new_name, op.inode)
            found.append(moved)
        return found
    return found if forced else [*found, entries]


def _with(entries: _Entries, directory: int, name: str, inode: int) -> _Entries:
    return frozenset(each for each in entries if each[:2] != (directory, name)) | {(directory, name, inode)}


def _tree(base: Image, log: Sequence[Op], entries: _Entries) -> Image:
    """What a mount makes of these entries; contents and modes are decided apart."""
    draft = Draft(base)
    for op in log:
        if isinstance(op, Link):
            draft.register(op)
    for directory, names in list(draft.directories.items()):
        for name, inode in list(names.items()):
            draft.apply(Unlink(directory, name, inode))
    for directory, name, inode in sorted(entries):
        if directory in draft.directories:
            draft.apply(Link(directory, name, inode, 0, created=False))
    return draft.mount()


def _modes(base: Image, log: Sequence[Op], forced: Sequence[int]) -> dict[int, set[int]]:
    modes = {inode: {mode} for inode, mode in base.modes.items()}
    for index, op in enumerate(log):
        if isinstance(op, Link) and op.created:
            modes.setdefault(op.inode, {op.mode})
        elif isinstance(op, SetMode):
            modes[op.inode] = {op.mode} if forced[index] else modes.get(op.inode, set()) | {op.mode}
    return modes


class _Unordered(Follower):
    """One file."""

    def __init__(
        self,
        profile: UnorderedProfile,
        forced: Sequence[int],
        inode: int,
        log: Sequence[Op],
        base: bytes,
        wanted: bytes,
    ) -> None:
        self._profile = profile
        self._forced = forced
        self._log = log
        ops = [(index, op) for index, op in enumerate(log) if isinstance(op, Write | Truncate) and op.inode == inode]
        for place in range(len(ops) - 1, -1, -1):
            index, op = ops[place]
            if isinstance(op, Truncate) and op.size_bytes == 0 and forced[index]:
                ops, base = ops[place + 1 :], b""
                break
        super().__init__(profile.rules.sector_bytes, ops, base, wanted)

    def _cuts(self, index: int, op: Truncate, start: int, stop: int) -> bool:
        return min(op.size_bytes, op.old_size_bytes) < stop

    def _write(self, content: bytes, stops: Stops, index: int, op: Write, place: int) -> Iterable[State]:
        if self._forced[index]:
            return [(written(content, op), stops)]
        partial = {content}
        for sector in range(
            op.offset_bytes // self._sector_bytes, (op.offset_bytes + len(op.data) - 1) // self._sector_bytes + 1
        ):
            if not self._is_followed(sector):
                continue
            options: tuple[Fate, ...] = self._profile.sector_options(op, sector, len(content))
            grown = {self._with_fate(before, op, sector, 1, fate) for before in partial for fate in options}
            start = sector * self._sector_bytes
            partial = {
                at for at in grown if self._may_match(at, place, start, min(start + self._sector_bytes, len(at)))
            }
            if len(partial) > STATES_MAX:
                break
        return [(at, stops) for at in partial]

    def _truncate(self, content: bytes, index: int, op: Truncate) -> Iterable[State]:
        whole = resized(content, op.size_bytes)
        if self._forced[index]:
            return [(whole, frozenset())]
        found = {content, whole}
        for part in self._profile.resize_parts(op, self._profile.later_sizes(self._log, index)):
            draft = Draft(Image(files={op.inode: content}))
            draft.apply(op, part)
            found.add(draft.content_of(op.inode))
        return [(at, frozenset()) for at in found]

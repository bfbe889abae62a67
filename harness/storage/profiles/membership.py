"""Whether an image is one that a profile allows: decided, not sampled, for logs too long to list every image of.

Models: for file systems with an ordered journal each choice of what is committed fixes names, modes and the operations on
each file; the files are then apart from one another, and a file's possible contents are followed operation by operation, those
that can no longer become what the image shows dropped as soon as the last operation on a sector is past. For other
profiles every legal image is listed, as far as that is possible.
Does not model: inode numbers (an image read from a mount has its own): trees are compared by path, and files with several
names by which names they share.
The rules themselves are the crash model's own (``pieces``, ``note``, ``cleared_tail``): there is one description of the medium.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from harness.storage.draft import Draft, Fate, write_sector
from harness.storage.image import Image
from harness.storage.oplog import Op, Truncate, Write
from harness.storage.profiles.base import Profile
from harness.storage.profiles.journal_commits import METADATA, Commits
from harness.storage.profiles.journalled import JournalledProfile, Piece, Stop

_STATES_MAX = 30_000
_LISTED_MAX = 20_000


class Answer(Enum):
    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    # Too many possibilities to say: counted apart, never as allowed.
    UNDECIDED = "undecided"


def is_allowed(profile: Profile, base: Image, log: Sequence[Op], image: Image) -> Answer:
    """Whether a cut after ``log`` may leave ``image``."""
    if isinstance(profile, JournalledProfile):
        return _journalled(profile, base, log, image)
    return _listed(profile, base, log, image)


def canonical(image: Image, *, modes: bool = True) -> tuple[tuple[str, int, bytes | str | int], ...]:
    """What of an image a mount shows, whatever its inode numbers: path, mode, and content or first other name."""
    shown: list[tuple[str, int, bytes | str | int]] = []
    first: dict[int, int] = {}
    for path, inode in image.walk():
        place = first.setdefault(inode, len(first))
        content: bytes | str | int
        if inode in image.directories:
            content = -1
        elif place < len(first) - 1:
            content = place
        else:
            target = image.links.get(inode)
            content = image.files.get(inode, b"") if target is None else target
        shown.append((path, image.modes.get(inode, 0) if modes else 0, content))
    return tuple(shown)


def _listed(profile: Profile, base: Image, log: Sequence[Op], image: Image) -> Answer:
    wanted = canonical(image)
    base, log = profile.durable_prefix(base, log)
    states = profile.legal_images(base, log, _LISTED_MAX, random.Random(0))
    if any(canonical(state.image) == wanted for state in states):
        return Answer.ALLOWED
    return Answer.NOT_ALLOWED if states.exhaustive else Answer.UNDECIDED


# ---------------------------------------------------------------------- ordered journals


def _journalled(profile: JournalledProfile, base: Image, log: Sequence[Op], image: Image) -> Answer:
    commits = profile.commits(base, log)
    undecided = False
    for committed in range(len(commits.journalled), commits.committed - 1, -1):
        contents = _contents_wanted(base, log, commits, committed, image)
        if contents is None:
            continue
        answers = [
            _Follower(
                profile, _FileHistory(base.files.get(inode, b""), inode, log, commits, committed), wanted
            ).answer()
            for inode, wanted in contents.items()
        ]
        if all(answer is Answer.ALLOWED for answer in answers):
            return Answer.ALLOWED
        undecided = undecided or (Answer.NOT_ALLOWED not in answers)
    return Answer.UNDECIDED if undecided else Answer.NOT_ALLOWED


def _contents_wanted(
    base: Image, log: Sequence[Op], commits: Commits, committed: int, image: Image
) -> Mapping[int, bytes] | None:
    """With so much committed: which inode of the log has to show which bytes. None when names or modes differ already."""
    draft = Draft(base)
    for index, op in enumerate(log):
        if type(op) in METADATA and type(op) is not Truncate and commits.rank[index] < committed:
            draft.apply(op)
    # Empty files stand for contents that are decided apart.
    tree = draft.mount()
    if [path for path, _ in tree.walk()] != [path for path, _ in image.walk()]:
        return None
    contents: dict[int, bytes] = {}
    pairs: dict[int, int] = {}
    backwards: dict[int, int] = {}
    for (_, ours), (_, seen) in zip(tree.walk(), image.walk(), strict=True):
        if pairs.setdefault(ours, seen) != seen or backwards.setdefault(seen, ours) != ours:
            return None
        if tree.modes.get(ours) != image.modes.get(seen) or tree.links.get(ours) != image.links.get(seen):
            return None
        if ours not in tree.directories and ours not in tree.links:
            contents[ours] = image.files.get(seen, b"")
    return contents


@dataclass(frozen=True, slots=True)
class _FileHistory:
    base: bytes
    inode: int
    log: Sequence[Op]
    commits: Commits
    committed: int


_State: TypeAlias = tuple[bytes, frozenset[tuple[int, Stop]]]


class _Follower:
    """Follows every content one file may have on the medium; forgets those that cannot become the one wanted."""

    def __init__(self, profile: JournalledProfile, history: _FileHistory, wanted: bytes) -> None:
        self._profile = profile
        self._history = history
        self._wanted = wanted
        self._sector_bytes = profile.rules.sector_bytes
        self._ops = [
            (index, op)
            for index, op in enumerate(history.log)
            if isinstance(op, Write | Truncate) and op.inode == history.inode
        ]
        self._base = history.base
        self._start_at_last_emptying()
        self._final_places: dict[int, int] = {}
        # Sectors that the file has had throughout: what became of one says nothing about any other.
        smallest = min([len(self._base), *(op.size_bytes for _, op in self._ops if isinstance(op, Truncate))])
        self._apart = frozenset(range(smallest // self._sector_bytes))
        self._alone: int | None = None

    def _start_at_last_emptying(self) -> None:
        """What came before a committed truncation to nothing is of no consequence."""
        commits, committed = self._history.commits, self._history.committed
        for place in range(len(self._ops) - 1, -1, -1):
            index, op = self._ops[place]
            emptied = isinstance(op, Truncate) and op.size_bytes == 0 and not commits.dropped[index]
            if emptied and commits.rank[index] < committed:
                del self._ops[: place + 1]
                self._base = b""
                return

    def answer(self) -> Answer:
        touched = {
            sector
            for _, op in self._ops
            if isinstance(op, Write)
            for sector in range(
                op.offset_bytes // self._sector_bytes, -(-(op.offset_bytes + len(op.data)) // self._sector_bytes)
            )
        }
        answer = self._follow(None)
        for sector in sorted(touched & self._apart):
            if answer is Answer.NOT_ALLOWED:
                break
            alone = self._follow(sector)
            answer = answer if alone is Answer.ALLOWED else alone
        return answer

    def _follow(self, alone: int | None) -> Answer:
        """One of the sectors apart, or (None) everything else."""
        self._alone = alone
        states: set[_State] = {(self._base, frozenset())}
        for place, (index, op) in enumerate(self._ops):
            after: set[_State] = set()
            for state in states:
                found = (
                    self._write(state, index, op, place) if isinstance(op, Write) else self._truncate(state, index, op)
                )
                after.update(kept for kept in found if self._may_match(kept[0], place, 0, len(kept[0])))
                if len(after) > _STATES_MAX:
                    return Answer.UNDECIDED
            states = after
        last = len(self._ops)
        fits = any(
            self._may_match(content, last, 0, len(content)) and (alone is not None or len(content) == len(self._wanted))
            for content, _ in states
        )
        return Answer.ALLOWED if fits else Answer.NOT_ALLOWED

    def _is_followed(self, sector: int) -> bool:
        return sector not in self._apart if self._alone is None else sector == self._alone

    def _final_place(self, sector: int) -> int:
        """The place of the last operation that may change what the sector holds; -1 when none does."""
        known = self._final_places.get(sector)
        if known is None:
            known = -1
            for place, (index, op) in enumerate(self._ops):
                if self._touches(index, op, sector * self._sector_bytes, (sector + 1) * self._sector_bytes):
                    known = place
            self._final_places[sector] = known
        return known

    def _touches(self, index: int, op: Write | Truncate, start: int, stop: int) -> bool:
        if isinstance(op, Write):
            return op.offset_bytes < stop and start < op.offset_bytes + len(op.data)
        commits = self._history.commits
        if commits.rank[index] < self._history.committed:
            return op.size_bytes < op.old_size_bytes and op.size_bytes < stop
        return any(part.fill_from < stop and start < part.fill_to for part in self._profile.cleared_tail(op))

    def _may_match(self, content: bytes, place: int, start: int, stop: int) -> bool:
        """Whether sectors of this range that nothing after ``place`` changes are as wanted."""
        sector_bytes = self._sector_bytes
        for sector in range(start // sector_bytes, -(-stop // sector_bytes)):
            if self._is_followed(sector) and self._final_place(sector) <= place:
                first, last = sector * sector_bytes, min((sector + 1) * sector_bytes, len(content))
                if content[first:last] != self._wanted[first:last]:
                    return False
        return True

    def _write(self, state: _State, index: int, op: Write, place: int) -> Iterable[_State]:
        content, stops = state
        commits, committed = self._history.commits, self._history.committed
        if commits.synced[index]:
            return [(_written(content, op), stops)]
        own = {} if commits.dropped[index] else {(op.inode, sector): stop for sector, stop in stops}
        partial: set[_State] = {(content, frozenset() if commits.dropped[index] else stops)}
        end = op.offset_bytes + len(op.data)
        for piece in self._profile.pieces(op, index, len(content), own, commits, committed):
            if not self._is_followed(piece.sector):
                continue
            first = max(op.offset_bytes, piece.sector * self._sector_bytes)
            last = min(end, (piece.sector + piece.count) * self._sector_bytes)
            grown: set[_State] = set()
            for before, before_stops in partial:
                for fate in piece.options:
                    after = self._with_fate(before, op, piece, fate)
                    if self._may_match(after, place, first, min(last, len(after))):
                        noted = {(op.inode, sector): stop for sector, stop in before_stops}
                        self._profile.note(op.inode, piece, fate, noted)
                        left = frozenset(
                            (sector, stop) for (_, sector), stop in noted.items() if self._final_place(sector) > place
                        )
                        grown.add((after, left))
            partial = grown
            if len(partial) > _STATES_MAX:
                break
        return partial if not commits.dropped[index] else [(after, stops) for after, _ in partial]

    def _with_fate(self, content: bytes, op: Write, piece: Piece, fate: Fate) -> bytes:
        if fate == Fate.LOST:
            return content
        buffer = bytearray(content)
        end = op.offset_bytes + len(op.data)
        for sector in range(piece.sector, piece.sector + piece.count):
            start = max(op.offset_bytes, sector * self._sector_bytes)
            write_sector(buffer, op, start, min(end, (sector + 1) * self._sector_bytes), fate)
        return bytes(buffer)

    def _truncate(self, state: _State, index: int, op: Truncate) -> Iterable[_State]:
        content = state[0]
        commits = self._history.commits
        found: set[_State] = set()
        kept = commits.rank[index] < self._history.committed
        if kept:
            found.add((_resized(content, op.size_bytes), frozenset()))
        if not kept or commits.dropped[index]:
            lost = {content}
            for part in self._profile.cleared_tail(op):
                stop = min(part.fill_to, len(content))
                if stop > part.fill_from:
                    lost |= {at[: part.fill_from] + bytes(stop - part.fill_from) + at[stop:] for at in lost}
            found |= {(at, frozenset()) for at in lost}
        return found


def _written(content: bytes, op: Write) -> bytes:
    gap = bytes(max(0, op.offset_bytes - len(content)))
    return content[: op.offset_bytes] + gap + op.data + content[op.offset_bytes + len(op.data) :]


def _resized(content: bytes, size_bytes: int) -> bytes:
    return content[:size_bytes] + bytes(max(0, size_bytes - len(content)))

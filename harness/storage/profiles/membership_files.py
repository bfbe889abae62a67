"""What the decisions about images share: comparing trees without inode numbers, and following what one file may hold.

Models: a file's possible contents, operation by operation; a content that can no longer become the one wanted is dropped as
soon as the last operation on a sector is past, so that few are ever kept. Sectors that the file has had throughout are
followed one by one, as what becomes of one says nothing about any other.
Does not model: which parts of an operation may land; that is each profile's matter.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Set
from enum import Enum
from typing import TypeAlias

from harness.storage.draft import Fate, write_sector
from harness.storage.image import Image
from harness.storage.oplog import Op, Truncate, Write
from harness.storage.profiles.journalled import Stop

STATES_MAX = 30_000


class Answer(Enum):
    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    # Too many possibilities to say: counted apart, never as allowed.
    UNDECIDED = "undecided"


def canonical(image: Image, *, modes: bool = True) -> tuple[tuple[str, int, bytes | str | int], ...]:
    """What of an image a mount shows, whatever its inode numbers: path, mode, and content or first other name."""
    shown: list[tuple[str, int, bytes | str | int]] = []
    first: dict[int, int] = {}
    for path, inode in image.walk():
        content: bytes | str | int
        if inode in image.directories:
            content = -1
        elif inode in first:
            content = first[inode]
        else:
            target = image.links.get(inode)
            content = image.files.get(inode, b"") if target is None else target
        first.setdefault(inode, len(first))
        shown.append((path, image.modes.get(inode, 0) if modes else 0, content))
    return tuple(shown)


def contents_wanted(tree: Image, image: Image, modes: Mapping[int, Set[int]] | None = None) -> dict[int, bytes] | None:
    """Which inode of ``tree`` has to show which bytes for it to be ``image``; None when names, kinds or modes differ already.

    ``modes``: for inodes with more than one mode possible, all of them.
    """
    if [path for path, _ in tree.walk()] != [path for path, _ in image.walk()]:
        return None
    contents: dict[int, bytes] = {}
    pairs: dict[int, int] = {}
    backwards: dict[int, int] = {}
    for (_, ours), (_, seen) in zip(tree.walk(), image.walk(), strict=True):
        if pairs.setdefault(ours, seen) != seen or backwards.setdefault(seen, ours) != ours:
            return None
        possible = {tree.modes.get(ours)} if modes is None or ours not in modes else modes[ours]
        if image.modes.get(seen) not in possible or tree.links.get(ours) != image.links.get(seen):
            return None
        if ours not in tree.directories and ours not in tree.links:
            contents[ours] = image.files.get(seen, b"")
    return contents


Stops: TypeAlias = frozenset[tuple[int, Stop]]
State: TypeAlias = tuple[bytes, Stops]
"""A content, and for sectors still to be written why later writes may not land."""


class Follower(ABC):
    """Follows every content one file may have on the medium; forgets those that cannot become the one wanted."""

    def __init__(self, sector_bytes: int, ops: Sequence[tuple[int, Op]], base: bytes, wanted: bytes) -> None:
        self._sector_bytes = sector_bytes
        self._ops = [(index, op) for index, op in ops if isinstance(op, Write | Truncate)]
        self._base = base
        self._wanted = wanted
        self._final_places: dict[int, int] = {}
        # Sectors that the file has had throughout: what became of one says nothing about any other.
        smallest = min([len(base), *(op.size_bytes for _, op in self._ops if isinstance(op, Truncate))])
        self._apart = frozenset(range(smallest // sector_bytes))
        self._alone: int | None = None

    @abstractmethod
    def _write(self, content: bytes, stops: Stops, index: int, op: Write, place: int) -> Iterable[State]:
        """What may be there after a write."""

    @abstractmethod
    def _truncate(self, content: bytes, index: int, op: Truncate) -> Iterable[State]:
        """What may be there after a change of size."""

    @abstractmethod
    def _cuts(self, index: int, op: Truncate, start: int, stop: int) -> bool:
        """Whether a change of size may change stored bytes of this range."""

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
        states: set[State] = {(self._base, frozenset())}
        for place, (index, op) in enumerate(self._ops):
            after: set[State] = set()
            for state in states:
                found = (
                    self._write(*state, index, op, place)
                    if isinstance(op, Write)
                    else self._truncate(state[0], index, op)
                )
                after.update(kept for kept in found if self._may_match(kept[0], place, 0, len(kept[0])))
                if len(after) > STATES_MAX:
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
        if isinstance(op, Truncate):
            return self._cuts(index, op, start, stop)
        return op.offset_bytes < stop and start < op.offset_bytes + len(op.data)

    def _may_match(self, content: bytes, place: int, start: int, stop: int) -> bool:
        """Whether sectors of this range that nothing after ``place`` changes are as wanted."""
        sector_bytes = self._sector_bytes
        for sector in range(start // sector_bytes, -(-stop // sector_bytes)):
            if self._is_followed(sector) and self._final_place(sector) <= place:
                first, last = sector * sector_bytes, min((sector + 1) * sector_bytes, len(content))
                if content[first:last] != self._wanted[first:last]:
                    return False
        return True

    def _with_fate(self, content: bytes, op: Write, first: int, count: int, fate: Fate) -> bytes:
        """The content with what became of these sectors of a write."""
        if fate == Fate.LOST:
            return content
        buffer = bytearray(content)
        end = op.offset_bytes + len(op.data)
        for sector in range(first, first + count):
            start = max(op.offset_bytes, sector * self._sector_bytes)
            write_sector(buffer, op, start, min(end, (sector + 1) * self._sector_bytes), fate)
        return bytes(buffer)


def written(content: bytes, op: Write) -> bytes:
    gap = bytes(max(0, op.offset_bytes - len(content)))
    return content[: op.offset_bytes] + gap + op.data + content[op.offset_bytes + len(op.data) :]


def resized(content: bytes, size_bytes: int) -> bytes:
    return content[:size_bytes] + bytes(max(0, size_bytes - len(content)))

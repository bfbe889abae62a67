"""Whether an image is one that a file system with an ordered journal may leave.

Models: each choice of what is committed fixes names and modes, and which operations may have reached each file; the files
are then apart from one another. The rules are the crash model's own (``pieces``, ``note``, ``cleared_tail``).
Does not model: anything else; see ``membership``.
"""

from collections.abc import Iterable, Sequence

from harness.storage.draft import Draft
from harness.storage.image import Image
from harness.storage.oplog import Op, Truncate, Write
from harness.storage.profiles.journal_commits import METADATA, Commits
from harness.storage.profiles.journalled import JournalledProfile
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


def decide(profile: JournalledProfile, base: Image, log: Sequence[Op], image: Image) -> Answer:
    """Whether a cut after ``log`` may leave ``image``."""
    commits = profile.commits(base, log)
    undecided = False
    for committed in range(len(commits.journalled), commits.committed - 1, -1):
        draft = Draft(base)
        for index, op in enumerate(log):
            if type(op) in METADATA and type(op) is not Truncate and commits.rank[index] < committed:
                draft.apply(op)
        contents = contents_wanted(draft.mount(), image)
        if contents is None:
            continue
        answers = [
            _Journalled(profile, commits, committed, inode, log, base.files.get(inode, b""), wanted).answer()
            for inode, wanted in contents.items()
        ]
        if all(answer is Answer.ALLOWED for answer in answers):
            return Answer.ALLOWED
        undecided = undecided or Answer.NOT_ALLOWED not in answers
    return Answer.UNDECIDED if undecided else Answer.NOT_ALLOWED


class _Journalled(Follower):
    """One file, with so much of the journal committed."""

    def __init__(
        self,
        profile: JournalledProfile,
        commits: Commits,
        committed: int,
        inode: int,
        log: Sequence[Op],
        base: bytes,
        wanted: bytes,
    ) -> None:
        self._profile = profile
        self._commits = commits
        self._committed = committed
        ops = [(index, op) for index, op in enumerate(log) if isinstance(op, Write | Truncate) and op.inode == inode]
        # What came before a committed truncation to nothing is of no consequence.
        for place in range(len(ops) - 1, -1, -1):
            index, op = ops[place]
            emptied = isinstance(op, Truncate) and op.size_bytes == 0 and not commits.dropped[index]
            if emptied and commits.rank[index] < committed:
                ops, base = ops[place + 1 :], b""
                break
        super().__init__(profile.rules.sector_bytes, ops, base, wanted)

    def _cuts(self, index: int, op: Truncate, start: int, stop: int) -> bool:
        if self._commits.rank[index] < self._committed:
            return op.size_bytes < op.old_size_bytes and op.size_bytes < stop
        return any(part.fill_from < stop and start < part.fill_to for part in self._profile.cleared_tail(op))

    def _write(self, content: bytes, stops: Stops, index: int, op: Write, place: int) -> Iterable[State]:
        commits = self._commits
        if commits.synced[index]:
            return [(written(content, op), stops)]
        dropped = commits.dropped[index]
        own = {} if dropped else {(op.inode, sector): stop for sector, stop in stops}
        partial: set[State] = {(content, frozenset() if dropped else stops)}
        end = op.offset_bytes + len(op.data)
        for piece in self._profile.pieces(op, index, len(content), own, commits, self._committed):
            if not self._is_followed(piece.sector):
                continue
            first = max(op.offset_bytes, piece.sector * self._sector_bytes)
            last = min(end, (piece.sector + piece.count) * self._sector_bytes)
            grown: set[State] = set()
            for before, before_stops in partial:
                for fate in piece.options:
                    after = self._with_fate(before, op, piece.sector, piece.count, fate)
                    if self._may_match(after, place, first, min(last, len(after))):
                        noted = {(op.inode, sector): stop for sector, stop in before_stops}
                        self._profile.note(op.inode, piece, fate, noted)
                        left = frozenset(
                            (sector, stop) for (_, sector), stop in noted.items() if self._final_place(sector) > place
                        )
                        grown.add((after, left))
            partial = grown
            if len(partial) > STATES_MAX:
                break
        return [(after, stops) for after, _ in partial] if dropped else partial

    def _truncate(self, content: bytes, index: int, op: Truncate) -> Iterable[State]:
        kept = self._commits.rank[index] < self._committed
        found: set[bytes] = {resized(content, op.size_bytes)} if kept else set()
        if not kept or self._commits.dropped[index]:
            lost = {content}
            for part in self._profile.cleared_tail(op):
                stop = min(part.fill_to, len(content))
                if stop > part.fill_from:
                    lost |= {at[: part.fill_from] + bytes(stop - part.fill_from) + at[stop:] for at in lost}
            found |= lost
        return [(at, frozenset()) for at in found]

"""What the barriers of a log have committed, on a file system with an ordered metadata journal.

Models: a sync of an inode commits the transaction of that inode's last change with everything before it; what a rename over a
file, or the close after a truncation to nothing, allocates first (auto_da_alloc); what a failed fsync dropped.
Does not model: timers, which commit by themselves (``storage.write_back``).
Source: as in ``journalled``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

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

METADATA = frozenset((Truncate, Link, Unlink, Rename, SetMode))


@dataclass(slots=True)
class Commits:
    """What the barriers of a log have made durable, and which operations protect each other's data."""

    # Per operation: how many journalled operations come before it.
    rank: list[int]
    journalled: list[int]
    # Journalled operations before this rank are committed whatever happens.
    committed: int
    synced: list[bool]
    dropped: list[bool]
    # Write -> rank of the commit that its new blocks are allocated before (auto_da_alloc).
    flushed_by: dict[int, int] = field(default_factory=dict)
    # Writes below whose old end something is written later.
    overwritten_later: list[bool] = field(default_factory=list)
    # Close of a file truncated to nothing and rewritten -> that truncation.
    closes: dict[int, int] = field(default_factory=dict)

    def allocated(self, index: int, committed: int) -> bool:
        """Whether the new blocks of a write are allocated for sure when so many journalled operations are committed."""
        return self.flushed_by.get(index, committed) < committed

    def may_grow(self, index: int, committed: int) -> bool:
        """Growth is committed with or after every journalled operation before it."""
        return self.rank[index] <= committed


def read_commits(log: Sequence[Op], *, auto_da_alloc: bool, sync_flushes: bool) -> Commits:
    """What is committed for sure behind the log, and in which order the rest would be."""
    closes = _truncating_closes(log) if auto_da_alloc else {}
    rank: list[int] = []
    journalled: list[int] = []
    for index, op in enumerate(log):
        rank.append(len(journalled))
        if type(op) in METADATA or index in closes:
            journalled.append(index)
    commits = Commits(rank, journalled, 0, [False] * len(log), [False] * len(log), closes=closes)
    commits.overwritten_later = _overwritten_later(log)
    _read_barriers(log, commits, sync_flushes)
    if auto_da_alloc:
        _read_flushes(log, commits)
    return commits


def _read_barriers(log: Sequence[Op], commits: Commits, sync_flushes: bool) -> None:
    """Which data is synced, and up to where the journal is committed.

    A sync of an inode commits the transaction of that inode's last change, and with it everything before; an inode
    that did not change commits nothing. fdatasync looks at changes of size alone. Without ``sync_flushes`` a sync that finds
    nothing to commit leaves overwrites in the drive's cache.
    """
    logged = False
    touched: dict[int, int] = {}  # inode -> rank after its last change
    resized: dict[int, int] = {}
    unsynced: dict[int, list[int]] = {}
    for index, op in enumerate(log):
        after = commits.rank[index] + (type(op) in METADATA)
        logged = logged or type(op) in METADATA
        if type(op) is Write:
            # An overwrite changes the inode's times at most, and not even those within a tick of the clock.
            if op.offset_bytes + len(op.data) > op.old_size_bytes:
                touched[op.inode] = resized[op.inode] = after
                logged = True
            unsynced.setdefault(op.inode, []).append(index)
        elif type(op) is Truncate:
            touched[op.inode] = resized[op.inode] = after
            unsynced.setdefault(op.inode, []).append(index)
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
            logged = logged and any(_grows(log[place]) for places in unsynced.values() for place in places)
        elif type(op) is SyncDirectory:
            commits.committed = max(commits.committed, touched.get(op.directory, 0))
            logged = logged and any(_grows(log[place]) for places in unsynced.values() for place in places)
        elif type(op) is SyncVolume:
            commits.committed = after
            if logged or sync_flushes or op.written_back:
                for indices in unsynced.values():
                    for written in indices:
                        commits.synced[written] = True
                unsynced.clear()
            logged = False
        elif type(op) is DropDirty:
            for written in unsynced.pop(op.inode, ()):
                commits.dropped[written] = True


def _grows(op: Op) -> bool:
    return isinstance(op, Write) and op.offset_bytes + len(op.data) > op.old_size_bytes


def _truncating_closes(log: Sequence[Op]) -> dict[int, int]:
    """Closes of files that were truncated to nothing since they were opened: close index -> truncation index."""
    emptied: dict[int, int] = {}
    closes: dict[int, int] = {}
    for index, op in enumerate(log):
        if type(op) is Truncate and op.size_bytes == 0 and op.old_size_bytes > 0:
            emptied[op.inode] = index
        elif type(op) is Close and op.inode in emptied:
            closes[index] = emptied.pop(op.inode)
    return closes


def _read_flushes(log: Sequence[Op], commits: Commits) -> None:
    """Writes to new blocks, which a rename over a file or the close after a truncation allocates first.

    What was written to a block that an earlier write may have had allocated by then is not waited for.
    """
    waiting: dict[int, list[int]] = {}
    for index, op in enumerate(log):
        if type(op) is Write:
            if not commits.synced[index] and not commits.dropped[index]:
                waiting.setdefault(op.inode, []).append(index)
        elif (type(op) is Rename and op.replaced_inode is not None) or (type(op) is Close and index in commits.closes):
            for written in waiting.pop(op.inode, ()):
                commits.flushed_by[written] = commits.rank[index]


def _overwritten_later(log: Sequence[Op]) -> list[bool]:
    lowest: dict[int, int] = {}
    answers = [False] * len(log)
    for index in range(len(log) - 1, -1, -1):
        op = log[index]
        if type(op) is Write:
            answers[index] = lowest.get(op.inode, op.old_size_bytes) < op.old_size_bytes
            lowest[op.inode] = min(op.offset_bytes, lowest.get(op.inode, op.offset_bytes))
    return answers

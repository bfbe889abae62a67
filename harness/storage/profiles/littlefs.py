"""littlefs: a copy-on-write file system for microcontrollers, on raw NOR or NAND that programs in order.

May lose: what was written to a file and neither closed nor synced, all of it at once: the file then has its old content
whole, also when it was opened with O_TRUNC; the call under way, which is undone.
Does not lose: a creation, removal, rename or mkdir whose call returned, with no sync of anything: each is one commit to a pair
of metadata blocks, and a rename between directories is finished at the mount; content once close or fsync returned. Nothing is
ever torn: content is written to new blocks, and one commit makes the whole of it the file's. So rewriting a file in
place is as safe here as the dance with a second name, and a rename without fsync is safe once the new file is closed.
littlefs-nuttx is littlefs behind a layer that syncs a file as it opens it, so that O_TRUNC is a commit of its own: a file
rewritten in place may be found empty. littlefs-unordered is littlefs without its fix #948 (2024) on a medium that reorders
between syncs (any eMMC or SD card): the commit under way may be there before the data it points to, and the file shows what its
new blocks held before. Files of 64 bytes and less lie in the metadata and are not affected.
Does not model: two descriptors writing to one file (each has a content of its own there, and the last to close wins), a cut
during a wear-levelling relocation, the loss of a whole metadata pair on media that reorder ("Corrupted dir pair": nothing
mounts, which no software survives), hard links and modes, which it has not and which count as one commit here.
Source: littlefs DESIGN.md (metadata pairs, "Atomicity", "the move problem") and README (power-loss resilience), lfs.c
(lfs_file_sync, lfs_rename, lfs_remove commit before they return; LFS_O_TRUNC marks the file dirty and commits nothing); issues
#822 and #936 and pull request #948 for media that reorder; apache/nuttx#2913 and esp8266/Arduino#7434 for the sync at open.
"""

from collections.abc import Sequence

from harness.storage.draft import Draft, Fate, SectorFates, garbage
from harness.storage.image import Image
from harness.storage.oplog import BARRIERS, Close, DropDirty, Link, Op, SyncFile, SyncVolume, Truncate, Write
from harness.storage.profiles.base import Crash, Profile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.in_order import dropped_data, last_barrier
from harness.storage.profiles.registry import register

INLINE_BYTES = 64
"""Content up to this size lies beside the name: the smallest metadata cache in use, so the harshest choice."""

_WHOLE, _LOST, _WITHOUT_DATA = 0, 1, 2


class _Waiting:
    """Content written and not committed, by file, reading a log from its beginning."""

    def __init__(self) -> None:
        self.files: dict[int, list[int]] = {}

    def committed_by(self, op: Op) -> list[int]:
        """The operations that ``op`` commits."""
        if isinstance(op, Close | SyncFile):
            return self.files.pop(op.inode, [])
        if isinstance(op, SyncVolume):
            every = [index for group in self.files.values() for index in group]
            self.files.clear()
            return sorted(every)
        return []


def _inode(op: Op) -> int:
    assert isinstance(op, Write | Truncate)
    return op.inode


class LittleFs(Profile):
    name = "littlefs"
    summary = "every call that changes a name commits at once; content commits whole, at close or fsync"
    synchronous = True
    unsafe_practices = {
        "one descriptor kept open and never synced": "nothing written through it is there after a cut; fsync, or close it",
    }
    # The medium may reorder what is written between two syncs, and this version does not sync before its commit.
    reordered = False
    # The layer above syncs a file as it opens it, and commits with that an O_TRUNC.
    syncs_at_open = False

    def _held_open(self, op: Op) -> bool:
        """Whether the operation changes what an open file holds and waits for its close."""
        if isinstance(op, Truncate):
            return not op.by_path and not (self.syncs_at_open and op.size_bytes == 0)
        return isinstance(op, Write)

    def _commits(self, log: Sequence[Op], dropped: Sequence[bool]) -> list[int]:
        """Places in the log at which something is committed by a call that is no barrier."""
        waiting = _Waiting()
        places: list[int] = []
        for index, op in enumerate(log):
            if self._held_open(op):
                if not dropped[index]:
                    waiting.files.setdefault(_inode(op), []).append(index)
            elif isinstance(op, (Close, *BARRIERS)):
                if waiting.committed_by(op) and isinstance(op, Close):
                    places.append(index)
            elif not isinstance(op, DropDirty) and not dropped[index]:
                places.append(index)
        return places

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = Crash(Draft(base))
        dropped = dropped_data(log)
        barrier = last_barrier(log)
        free = [place for place in self._commits(log, dropped) if place > barrier]
        kept = choices.cut(len(free))
        stop = free[kept] if kept < len(free) else len(log)
        waiting = _Waiting()
        for index, op in enumerate(log[:stop]):
            if self._held_open(op) and not dropped[index]:
                waiting.files.setdefault(_inode(op), []).append(index)
            elif dropped[index] and choices.pick(2):
                crash.lost.append(index)
            else:
                for place in waiting.committed_by(op):
                    crash.draft.apply(log[place])
                crash.draft.apply(op)
        self._under_way(log, stop, waiting, crash, choices)
        for index in range(stop, len(log)):
            op = log[index]
            if isinstance(op, Link):
                crash.draft.register(op)
            if not isinstance(op, (Close, DropDirty, *BARRIERS)):
                crash.lost.append(index)
        crash.lost.sort()
        return crash

    def _under_way(self, log: Sequence[Op], stop: int, waiting: _Waiting, crash: Crash, choices: Choices) -> None:
        """Content not committed by then: an fsync of it, or the close that the cut fell into, may be half done."""
        closing = log[stop].inode if stop < len(log) and isinstance(log[stop], Close) else None  # type: ignore[union-attr]
        for inode, group in waiting.files.items():
            fate = _LOST
            if stop == len(log) and isinstance(log[group[-1]], Write):
                fate = choices.pick(3 if self._reaches_blocks(crash.draft, log, group) else 2)
            elif inode == closing and self._reaches_blocks(crash.draft, log, group):
                fate = (_LOST, _WITHOUT_DATA)[choices.pick(2)]
            self._commit(log, group, fate, crash)

    def _reaches_blocks(self, draft: Draft, log: Sequence[Op], group: Sequence[int]) -> bool:
        """Whether the commit points to blocks that may not be there yet."""
        if not self.reordered:
            return False
        size = draft.size_of(_inode(log[group[0]]))
        for index in group:
            op = log[index]
            if isinstance(op, Write):
                size = max(size, op.offset_bytes + len(op.data))
            elif isinstance(op, Truncate):
                size = op.size_bytes
        return size > INLINE_BYTES

    def _commit(self, log: Sequence[Op], group: Sequence[int], fate: int, crash: Crash) -> None:
        for index in group:
            op = log[index]
            if fate == _LOST:
                crash.lost.append(index)
                continue
            crash.draft.apply(op)
            if fate == _WITHOUT_DATA and isinstance(op, Write):
                crash.draft.write(op.inode, op.offset_bytes, garbage(op.offset_bytes, len(op.data)))
                sectors = (op.offset_bytes + len(op.data) - 1) // 512 - op.offset_bytes // 512 + 1
                crash.torn.append((index, SectorFates(bytes([Fate.GARBAGE]) * sectors)))

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        dropped = dropped_data(log)
        durable = [Durability.PENDING] * len(log)
        waiting = _Waiting()
        for index, op in enumerate(log[: last_barrier(log) + 1]):
            if self._held_open(op) and not dropped[index]:
                waiting.files.setdefault(_inode(op), []).append(index)
                continue
            for place in waiting.committed_by(op):
                durable[place] = Durability.DURABLE
            if not dropped[index] and not isinstance(op, (Close, DropDirty, *BARRIERS)):
                durable[index] = Durability.DURABLE
        return durable


class LittleFsNuttx(LittleFs):
    name = "littlefs-nuttx"
    summary = "littlefs behind a layer that syncs as it opens: a file opened with O_TRUNC may be found empty"
    syncs_at_open = True
    unsafe_practices = {
        **LittleFs.unsafe_practices,
        "rewrite in place": "opening the file empties it for good; write a second file, close it, rename it",
    }


class LittleFsUnordered(LittleFs):
    name = "littlefs-unordered"
    summary = "littlefs without fix #948 on eMMC or SD: a commit may be there before the data it points to"
    reordered = True
    unsafe_practices = {
        **LittleFs.unsafe_practices,
        "rewrite in place": "the file may show stale bytes in place of old or new; write a second file, sync it, rename it",
    }


LITTLEFS = register(LittleFs())
LITTLEFS_NUTTX = register(LittleFsNuttx())
LITTLEFS_UNORDERED = register(LittleFsUnordered())

"""f2fs: F2FS on eMMC or UFS, as under Android's data partition, in its default fsync mode (posix) and the strict one.

May lose: names, whatever is fsynced beside them: fsync of a file saves that file, with its name if it is new, and no other;
other names wait for the next checkpoint (fsync of a directory, sync, or a minute). A new file that was fsynced takes its name
back from whatever had it at the last checkpoint, and that is deleted: rename log to log.1, write and fsync a new log, and a
cut leaves the new log and no log.1 at all (xfstests generic/342). Data not synced: a checkpoint may save a size before the
data, which then reads as zeros, in a file renamed over another too; a block overwritten is torn at sectors, as small fsyncs
and small volumes write in place; a file shortened may keep its length and have the rest of its new last block zeroed. In
posix mode an fsync under way may have saved the file's node before the data, so that its new blocks show what was there before.
Does not lose: content, size and name once fsync of the file returned (the name by which it was created; once it was renamed,
fsync makes a checkpoint); all names once fsync of any directory returned; the order of names; the atomicity of a rename.
strict: fsync of a new file in a directory where names were removed or renamed makes a checkpoint too, so that generic/342
passes, and its data is saved before its node. fsync of a file that a checkpoint knows saves no other names in either mode.
Does not model: small files kept in the node itself (old or new as a whole: less than is allowed here), an fsync of more than
32 KiB that moves the old part of a last block along and shows stale bytes in it too, checkpoints switched off, and fsync
without flush (fsync_mode=nobarrier).
Source: Linux Documentation/filesystems/f2fs.rst (fsync_mode; ipu_policy, where F2FS_IPU_FSYNC is the default); commits 93cf93f
(fsync_mode; generic/342 fails in posix mode), 0a007b9 (recover directory operations by fsync), 2787991 (an fsync under way
may recover a node whose data is not there); fs/f2fs/recovery.c (recover_dentry deletes the entry in its way), data.c
(f2fs_write_end: size first), checkpoint.c (block_operations: directories and inodes, no file data).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.storage.draft import Draft, Fate, Resized, SectorFates, Step, Steps
from harness.storage.image import Image
from harness.storage.oplog import Link, Op, Rename, SetMode, Truncate, Unlink, Write
from harness.storage.profiles import roll_forward
from harness.storage.profiles.base import Crash, Profile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.last_read import LastRead
from harness.storage.profiles.registry import register
from harness.storage.profiles.roll_forward import NEVER, History
from harness.storage.profiles.write_behind import Flushes, enter, flushes

WRITES_BACK_AFTER_US = 120_000_000
"""Data is written back after 30 to 35 s, and a checkpoint follows within cp_interval, 60 s; this is later than both."""

_SECTOR_BYTES = 512
_BLOCK_BYTES = 4096
_FILE_TYPE_MASK, _REGULAR = 0o170000, 0o100000


class F2fs(Profile):
    name = "f2fs"
    summary = (
        "fsync saves one file and its first name; other names wait for a checkpoint, and a new file may displace them"
    )
    strict = False
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "rename a file away, then create and fsync a new one under its name": "recovery puts the new file in the place of the "
        "old one, which is deleted; call fsync on the directory after the rename",
        "fsync of one file to save the name of another": "fsync saves no other name here; call fsync on the directory",
        "replace by rename without fsync": "a checkpoint saves the rename and the size before the data, and the file reads "
        "as zeros; call fsync before the rename",
    }

    def __init__(self) -> None:
        self._read = LastRead(self._read_anew)

    def _read_anew(self, base: Image, log: Sequence[Op]) -> tuple[History, Flushes]:
        return roll_forward.read(base, log, strict=self.strict), flushes(log)

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        history, found = self._read(base, log)
        durable = [Durability.PENDING] * len(log)
        for index, op in enumerate(log):
            if type(op) is Write:
                sure = found.synced[index]
            elif type(op) is Truncate:
                sure = index < max(history.earliest, history.synced_at(op.inode))
            elif type(op) is SetMode:
                sure = index < max(history.earliest, history.fully_synced.get(op.inode, 0))
            elif type(op) is Link and op.created:
                sure = index < history.earliest or op.inode in history.first_synced
            else:
                sure = index < history.earliest and type(op) in (Link, Unlink, Rename)
            if sure:
                durable[index] = Durability.DURABLE
            elif type(op) is Write and index < history.earliest and not found.dropped[index]:
                # Its size is saved and its data is not: the checkpoint that says so has to stay in the log.
                durable[index] = Durability.HELD
        return durable

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        history, found = self._read(base, log)
        checkpoint = history.checkpoints[choices.cut(len(history.checkpoints) - 1)]
        under_way = _sync_under_way(log, history, checkpoint, self.strict, choices)
        saved = _Saved(history, found, checkpoint, under_way, self.strict)
        return _Recovery(log, saved, Crash(Draft(base)), choices).play()


class F2fsStrict(F2fs):
    name = "f2fs-strict"
    summary = (
        "f2fs mounted fsync_mode=strict: a new file never displaces a renamed one, and data is saved before its node"
    )
    strict = True
    unsafe_practices = {
        practice: loss
        for practice, loss in F2fs.unsafe_practices.items()
        if not practice.startswith("rename a file away")
    }


@dataclass(frozen=True, slots=True)
class _SyncUnderWay:
    """An fsync that had saved the file's node, as of ``position``, when power went."""

    inode: int
    position: int


def _sync_under_way(
    log: Sequence[Op], history: History, checkpoint: int, strict: bool, choices: Choices
) -> _SyncUnderWay | None:
    """The log does not show calls that had not returned: any light fsync that would save something may have been one.

    In posix mode it matters even for data older than the checkpoint, which gets its blocks, and shows them, only then.
    """
    options: dict[_SyncUnderWay | None, None] = {}
    for index, op in enumerate(log):
        heavy_from = history.heavy_from.get(index)
        if heavy_from is None or heavy_from >= checkpoint or (index < checkpoint and (strict or type(op) is not Write)):
            continue
        if (type(op) is Link and not op.created) or (
            (type(op) is Link or type(op) is SetMode) and op.mode & _FILE_TYPE_MASK != _REGULAR
        ):
            continue
        if type(op) in (Write, Truncate, SetMode, Link) and index >= history.synced_at(op.inode):  # type: ignore[union-attr]
            options[_SyncUnderWay(op.inode, max(index + 1, checkpoint))] = None  # type: ignore[union-attr]
    if not options:
        return None
    latest_first = [*reversed(options)]
    return [latest_first[0], None, *latest_first[1:]][choices.pick(len(options) + 1)]


@dataclass(frozen=True, slots=True)
class _Saved:
    """What of a log is on the medium: the last checkpoint, files synced since, and perhaps one whose fsync was under way."""

    history: History
    flushes: Flushes
    checkpoint: int
    under_way: _SyncUnderWay | None
    strict: bool

    def until(self, inode: int, *, mode: bool = False) -> int:
        """Sizes, and modes, of the inode changed before this position."""
        synced = self.history.fully_synced if mode else self.history.synced
        saved = max(self.checkpoint, synced.get(inode, 0))
        return max(saved, self.under_way.position) if self.saving(inode) and self.under_way is not None else saved

    def saving(self, inode: int) -> bool:
        """Whether an fsync of the file was under way."""
        return self.under_way is not None and self.under_way.inode == inode

    def recovered(self) -> list[tuple[int, int]]:
        """Files that no checkpoint knows and fsync saved, in the order of their nodes: inode and creation."""
        order = dict(self.history.first_synced)
        if self.under_way is not None:
            order.setdefault(self.under_way.inode, self.under_way.position)
        created = self.history.created
        return [
            (inode, created[inode])
            for inode in sorted(order, key=lambda each: order[each])
            if created.get(inode, NEVER) >= self.checkpoint
        ]


class _Recovery:
    """What a mount makes of a checkpoint and the nodes written by fsync after it."""

    def __init__(self, log: Sequence[Op], saved: _Saved, crash: Crash, choices: Choices) -> None:
        self._log = log
        self._saved = saved
        self._crash = crash
        self._choices = choices
        self._end = len(log) if saved.under_way is None else saved.under_way.position
        # Sectors of which a version was not written, and blocks that were only in memory.
        self._stale: set[tuple[int, int]] = set()
        self._unwritten: set[tuple[int, int]] = set()

    def play(self) -> Crash:
        crash, saved = self._crash, self._saved
        for index, op in enumerate(self._log):
            if type(op) is Write:
                self._write(op, index)
            elif type(op) is Truncate:
                self._truncate(op, index)
            elif type(op) is SetMode:
                self._land(op, index, index < saved.until(op.inode, mode=True))
            elif type(op) is Link or type(op) is Unlink or type(op) is Rename:
                self._land(op, index, index < saved.checkpoint)
        for inode, index in saved.recovered():
            self._recover_name(inode, index)
        return crash

    def _land(self, op: Op, index: int, landed: bool) -> None:
        if landed:
            self._crash.draft.apply(op)
            return
        self._crash.lost.append(index)
        if type(op) is Link:
            self._crash.draft.register(op)

    # ------------------------------------------------------------------ names

    def _recover_name(self, inode: int, index: int) -> None:
        """The file is linked under the name it was created by; whatever the checkpoint has there is removed."""
        op = self._log[index]
        assert type(op) is Link
        found = self._crash.draft.directories.get(op.directory, {}).get(op.name)
        if found is not None and found != inode:
            self._displace(op.directory, op.name, found)
        self._crash.draft.apply(op)
        self._crash.lost.remove(index)

    def _displace(self, directory: int, name: str, inode: int) -> None:
        self._crash.draft.apply(Unlink(directory, name, inode))
        for index in self._crash.lost:
            op = self._log[index]
            if type(op) is Rename and (op.old_directory, op.old_name, op.inode) == (directory, name, inode):
                self._crash.lost.remove(index)
                self._crash.torn.append((index, Steps(Step.SOURCE_REMOVED)))
                return
            if type(op) is Unlink and (op.directory, op.name, op.inode) == (directory, name, inode):
                self._crash.lost.remove(index)
                return

    # ------------------------------------------------------------------ data

    def _truncate(self, op: Truncate, index: int) -> None:
        """The size is the node's; the rest of the new last block is zeroed in place, and perhaps before the size is saved."""
        freed = -(-op.size_bytes // _BLOCK_BYTES)
        self._unwritten = {key for key in self._unwritten if key[0] != op.inode or key[1] < freed}
        per_block = _BLOCK_BYTES // _SECTOR_BYTES
        self._stale = {key for key in self._stale if key[0] != op.inode or key[1] < freed * per_block}
        if index < self._saved.until(op.inode):
            self._crash.draft.apply(op)
            return
        last = (op.inode, op.size_bytes // _BLOCK_BYTES)
        shortened = op.size_bytes < op.old_size_bytes and op.size_bytes % _BLOCK_BYTES
        if shortened and index < self._end and last not in self._unwritten and self._choices.pick(2) == 0:
            part = Resized(None, op.size_bytes, min(op.old_size_bytes, freed * _BLOCK_BYTES), Fate.ZEROS)
            self._crash.draft.apply(op, part)
            self._crash.torn.append((index, part))
        else:
            self._crash.lost.append(index)

    def _write(self, op: Write, index: int) -> None:
        crash, found = self._crash, self._saved.flushes
        if found.synced[index]:
            crash.draft.apply(op)
        elif index >= self._end and not found.dropped[index]:
            crash.lost.append(index)
        else:
            fates = self._fates(op, index, found.dropped[index])
            enter(op, index, fates, _SECTOR_BYTES, crash)
            if fates.count(Fate.LOST) < len(fates):
                crash.draft.apply(op, SectorFates(fates, _SECTOR_BYTES) if any(fates) else None)

    def _fates(self, op: Write, index: int, dropped: bool) -> bytes:
        sized = dropped or index < self._saved.until(op.inode)
        saving = not dropped and self._saved.saving(op.inode)
        allocated_end = -(-op.old_size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
        end = op.offset_bytes + len(op.data)
        fates = bytearray()
        start = op.offset_bytes
        while start < end:
            stop = min(end, (start // _BLOCK_BYTES + 1) * _BLOCK_BYTES)
            if saving and self._saved.strict:
                fates += bytes(_sectors(start, stop))
            elif start >= allocated_end:
                fates += self._new_block(op, start, stop, sized, saving, dropped)
            else:
                fates += self._old_block(op, start, stop, sized, dropped)
            start = stop
        return bytes(fates)

    def _new_block(self, op: Write, start: int, stop: int, sized: bool, saving: bool, dropped: bool) -> bytes:
        """A block allocated for this write: there with its data, or where the size was saved first, without."""
        count = _sectors(start, stop)
        block = start // _BLOCK_BYTES
        without = Fate.LOST if not sized else Fate.GARBAGE if saving else Fate.ZEROS
        if dropped:
            return bytes([(Fate.KEPT, Fate.LOST, Fate.ZEROS)[self._choices.pick(3)]]) * count
        if sized and self._choices.pick(2) == 0:
            return bytes(count)
        self._unwritten.add((op.inode, block))
        return bytes([without]) * count

    def _old_block(self, op: Write, start: int, stop: int, sized: bool, dropped: bool) -> bytes:
        """A block that the file had before: written in place, each sector old or new, growth perhaps still zeros."""
        size = self._crash.draft.size_of(op.inode)
        unwritten = not dropped and (op.inode, start // _BLOCK_BYTES) in self._unwritten
        fates = bytearray()
        for sector in range(start // _SECTOR_BYTES, (stop - 1) // _SECTOR_BYTES + 1):
            first = max(start, sector * _SECTOR_BYTES)
            grows = min(stop, (sector + 1) * _SECTOR_BYTES) > op.old_size_bytes
            stale = not dropped and (unwritten or (op.inode, sector) in self._stale)
            options: tuple[Fate, ...]
            if not grows:
                options = (Fate.LOST,) if stale else (Fate.KEPT, Fate.LOST)
            elif dropped:
                options = (Fate.KEPT, Fate.LOST, Fate.ZEROS)
            elif sized:
                options = (Fate.ZEROS,) if stale else (Fate.KEPT, Fate.ZEROS)
            else:
                options = (Fate.UNSIZED, Fate.LOST) if first < size and not stale else (Fate.LOST,)
            fate = options[self._choices.pick(len(options))]
            if not dropped and fate in (Fate.LOST, Fate.ZEROS):
                self._stale.add((op.inode, sector))
            fates.append(fate)
        return bytes(fates)


def _sectors(start: int, stop: int) -> int:
    return (stop - 1) // _SECTOR_BYTES - start // _SECTOR_BYTES + 1


F2FS = register(F2fs())
F2FS_STRICT = register(F2fsStrict())

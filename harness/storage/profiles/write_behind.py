"""Files held in memory and written to flash block by block, later: what UBIFS and YAFFS2 do with data.

Models: the contents that the kernel holds; a block reaches the flash as the kernel held it at some moment, whole or not at all,
so that a later change of a block never lands without the earlier ones, while blocks land in any order; a block beyond the
end of the file as the flash has it makes the file longer, over zeros.
Does not model: when memory pressure writes back; blocks torn within (a node or page programmed in part fails its check sum, and
the older one counts), and blocks that compression would make smaller.
Source: fs/ubifs/file.c (ubifs_writepage) and fs/ubifs/recovery.c (ubifs_recover_size); yaffs2 core/yaffs_cache.c.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.storage.draft import Draft, Fate, SectorFates
from harness.storage.oplog import Close, DropDirty, Op, SyncFile, SyncVolume, Truncate, Write
from harness.storage.profiles.base import Crash
from harness.storage.profiles.choices import Choices


@dataclass(frozen=True, slots=True)
class Flushes:
    """By operation: whether it is data that a flush saved, or data that a failed flush gave up for good."""

    synced: list[bool]
    dropped: list[bool]


def flushes(log: Sequence[Op], *, by_age: bool = True, by_close: bool = False) -> Flushes:
    """What fsync and sync saved. ``by_age``: so does the kernel's own write-back, in time.

    ``by_close``: a close, or a change of length, writes data out, so that an fsync that fails later has none to give up.
    """
    synced, dropped = [False] * len(log), [False] * len(log)
    unsynced: dict[int, list[int]] = {}
    for index, op in enumerate(log):
        if type(op) is Write:
            unsynced.setdefault(op.inode, []).append(index)
        elif type(op) is SyncFile:
            for written in unsynced.pop(op.inode, ()):
                synced[written] = True
        elif type(op) is SyncVolume and (by_age or not op.written_back):
            for indices in unsynced.values():
                for written in indices:
                    synced[written] = True
            unsynced.clear()
        elif by_close and (type(op) is Close or type(op) is Truncate):
            unsynced.pop(op.inode, None)
        elif type(op) is DropDirty:
            for written in unsynced.pop(op.inode, ()):
                dropped[written] = True
    return Flushes(synced, dropped)


class HeldFiles:
    """What the kernel holds of each file, beside the draft of what is on the flash."""

    __slots__ = ("_block_bytes", "_choices", "_draft", "_held", "_stopped")

    def __init__(self, draft: Draft, block_bytes: int, choices: Choices) -> None:
        self._draft = draft
        self._block_bytes = block_bytes
        self._choices = choices
        # Only of files that may differ from what is on the flash.
        self._held: dict[int, bytearray] = {}
        # Blocks whose last version on the flash is decided. (A later version landing would hide that this one did not.)
        self._stopped: set[tuple[int, int]] = set()

    def size_of(self, inode: int) -> int:
        held = self._held.get(inode)
        return self._draft.size_of(inode) if held is None else len(held)

    def landed(self, op: Write | Truncate) -> None:
        """An operation that is on the flash whole."""
        if op.inode in self._held:
            self._hold(op)
        self._draft.apply(op)

    def lost_truncation(self, op: Truncate) -> None:
        """A change of size that the kernel knows of and the flash does not."""
        self._of(op.inode)
        self._hold(op)

    def write(self, op: Write) -> bytes:
        """Hold the write, and write back some of its blocks as they are now: one fate a block."""
        self._of(op.inode)
        self._hold(op)
        fates = bytearray()
        first, last = op.offset_bytes // self._block_bytes, (op.offset_bytes + len(op.data) - 1) // self._block_bytes
        for block in range(first, last + 1):
            key = op.inode, block
            if key in self._stopped:
                fates.append(Fate.LOST)
            elif self._choices.pick(2) == 0:
                self._write_back(op.inode, block)
                fates.append(Fate.KEPT)
            else:
                self._stopped.add(key)
                fates.append(Fate.LOST)
        return bytes(fates)

    def dropped(self, op: Write, index: int, crash: Crash) -> None:
        """A write whose flush failed: on the flash or not for good, and beyond the old end perhaps as zeros."""
        grows = op.offset_bytes + len(op.data) > op.old_size_bytes
        fate = self._choices.pick(3 if grows else 2)
        if fate == Fate.KEPT:
            self.landed(op)
        elif fate == Fate.LOST:
            crash.lost.append(index)
        else:
            part = SectorFates(bytes([Fate.ZEROS]) * self.blocks(op), self._block_bytes)
            grown = max(op.offset_bytes, op.old_size_bytes)
            zeros = Write(op.inode, grown, bytes(op.offset_bytes + len(op.data) - grown), op.old_size_bytes)
            self.landed(zeros)
            crash.torn.append((index, part))

    def blocks(self, op: Write) -> int:
        """How many blocks a write touches."""
        end = op.offset_bytes + len(op.data)
        return (end - 1) // self._block_bytes - op.offset_bytes // self._block_bytes + 1

    def _of(self, inode: int) -> bytearray:
        held = self._held.get(inode)
        if held is None:
            held = self._held[inode] = bytearray(self._draft.content_of(inode))
        return held

    def _hold(self, op: Write | Truncate) -> None:
        held = self._held[op.inode]
        if type(op) is Write:
            if op.offset_bytes > len(held):
                held.extend(bytes(op.offset_bytes - len(held)))
            held[op.offset_bytes : op.offset_bytes + len(op.data)] = op.data
        else:
            assert type(op) is Truncate
            # Its pages are new ones from here on: whether the old ones were written back says nothing about them.
            self._stopped = {key for key in self._stopped if key[0] != op.inode}
            if op.size_bytes <= len(held):
                del held[op.size_bytes :]
            else:
                held.extend(bytes(op.size_bytes - len(held)))

    def _write_back(self, inode: int, block: int) -> None:
        """The whole block as the kernel holds it, zeros beyond the end of the file."""
        start = block * self._block_bytes
        data = bytes(self._held[inode][start : start + self._block_bytes])
        beyond = min(self._draft.size_of(inode), start + self._block_bytes) - (start + len(data))
        self._draft.write(inode, start, data + bytes(max(0, beyond)))


def enter(op: Write, index: int, fates: bytes, block_bytes: int, crash: Crash) -> None:
    """Enter what became of a write: whole, lost, or torn at blocks."""
    if not any(fates):
        return
    if fates.count(Fate.LOST) == len(fates):
        crash.lost.append(index)
    else:
        crash.torn.append((index, SectorFates(fates, block_bytes)))

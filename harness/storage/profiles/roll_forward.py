"""What fsync on F2FS saves without a checkpoint, and when it makes one: a log read for its checkpoints.

Models: a checkpoint saves all names, sizes and modes before it; fsync of a file makes one when the file has not exactly one
name, was renamed or linked, lies in a directory that no checkpoint knows, or (fsync_mode=strict) is new in a directory
from or to which a name was removed or renamed since; fsync of a directory always does; otherwise fsync writes the file's own
node, from which recovery takes its content, size and mode, and its name if no checkpoint knows the file.
Does not model: checkpoints for lack of space, which only save more; and that a renamed file is marked so for good: after a
checkpoint of any other cause, fsync of it is light here and makes one more checkpoint in the kernel.
Source: fs/f2fs/file.c (need_do_checkpoint, f2fs_do_sync_file), fs/f2fs/namei.c (file_lost_pino, TRANS_DIR_INO), fs/f2fs/node.c
(f2fs_need_dentry_mark).

A position counts operations: a checkpoint at position p holds what the operations before p did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.storage.image import Image
from harness.storage.oplog import (
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

NEVER = -1


@dataclass(slots=True)
class History:
    """A log with what its barriers mean."""

    # No checkpoint before this position can be the last one at the end of the log.
    earliest: int = 0
    # Positions at which one more checkpoint would save more than the one before, from ``earliest`` on.
    checkpoints: list[int] = field(default_factory=list)
    # Inode -> position of its last fsync or fdatasync, and of its last full fsync.
    synced: dict[int, int] = field(default_factory=dict)
    fully_synced: dict[int, int] = field(default_factory=dict)
    # Inode created in this log -> the operation; in the order of their first fsync, -> where that was.
    created: dict[int, int] = field(default_factory=dict)
    first_synced: dict[int, int] = field(default_factory=dict)
    # Operation on a file -> the last position from which an fsync right after it would make a checkpoint.
    heavy_from: dict[int, int] = field(default_factory=dict)

    def synced_at(self, inode: int) -> int:
        return self.synced.get(inode, 0)


class _Reader:
    """Walks a log once."""

    def __init__(self, base: Image, log: Sequence[Op], strict: bool) -> None:
        self._log = log
        self._strict = strict
        self._base_names = base.link_counts()
        self._directories = base.directories
        self.history = History()
        self._names: dict[int, int] = {}
        self._changed: dict[int, int] = {}
        self._resized: dict[int, int] = {}
        self._parent: dict[int, int] = {}
        self._renamed: dict[int, int] = {}
        # Directory -> the last operation that took a name out of it, or moved one into it.
        self._disturbed: dict[int, int] = {}

    def read(self) -> History:
        history = self.history
        for index, op in enumerate(self._log):
            if type(op) is Write or type(op) is Truncate or type(op) is SetMode:
                self._change(op, index)
            elif type(op) is Link or type(op) is Unlink or type(op) is Rename:
                self._name(op, index)
            elif type(op) is SyncFile:
                self._sync(op, index)
            elif type(op) is SyncDirectory or type(op) is SyncVolume:
                history.earliest = index
        moves = [
            index + 1
            for index, op in enumerate(self._log)
            if index >= history.earliest and type(op) in (Write, Truncate, SetMode, Link, Unlink, Rename)
        ]
        history.checkpoints = [history.earliest, *moves]
        return history

    def _change(self, op: Write | Truncate | SetMode, index: int) -> None:
        self._changed[op.inode] = index
        if type(op) is Truncate or (type(op) is Write and op.offset_bytes + len(op.data) > op.old_size_bytes):
            self._resized[op.inode] = index
        self.history.heavy_from[index] = self._heavy_from(op.inode)

    def _name(self, op: Link | Unlink | Rename, index: int) -> None:
        inode = op.inode
        self._changed[inode] = index
        if type(op) is Link:
            self._names[inode] = self._name_count(inode) + 1
            if op.created:
                self.history.created[inode] = self._resized[inode] = index
                self._parent[inode] = op.directory
            else:
                self._renamed[inode] = index
        elif type(op) is Unlink:
            self._names[inode] = self._name_count(inode) - 1
            self._disturbed[op.directory] = index
        elif type(op) is Rename:
            self._renamed[inode] = index
            self._disturbed[op.old_directory] = self._disturbed[op.new_directory] = index
            if op.replaced_inode is not None:
                self._names[op.replaced_inode] = self._name_count(op.replaced_inode) - 1
                self._changed[op.replaced_inode] = index
        self.history.heavy_from[index] = self._heavy_from(inode)

    def _name_count(self, inode: int) -> int:
        known = self._names.get(inode)
        return self._base_names.get(inode, 0) if known is None else known

    def _heavy_from(self, inode: int) -> int:
        """fsync of the file now makes a checkpoint if the last one was at this position or before."""
        if self._name_count(inode) != 1:
            return self._changed.get(inode, NEVER)
        heavy = self._renamed.get(inode, NEVER)
        created = self.history.created.get(inode, NEVER)
        parent = self._parent.get(inode)
        if parent is not None:
            heavy = max(heavy, self.history.created.get(parent, NEVER))
            if self._strict and inode not in self.history.first_synced:
                heavy = max(heavy, min(created, self._disturbed.get(parent, NEVER)))
        return heavy

    def _sync(self, op: SyncFile, index: int) -> None:
        history, inode = self.history, op.inode
        last = (self._resized if op.data_only else self._changed).get(inode, NEVER)
        if last >= history.synced_at(inode):
            history.earliest = max(history.earliest, self._heavy_from(inode) + 1)
        if inode in history.created:
            history.first_synced.setdefault(inode, index)
        history.synced[inode] = index
        if not op.data_only:
            history.fully_synced[inode] = index


def read(base: Image, log: Sequence[Op], *, strict: bool) -> History:
    """Where checkpoints can have been, and which files fsync saved."""
    return _Reader(base, log, strict).read()

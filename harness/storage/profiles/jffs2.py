"""jffs2: JFFS2 on NAND, a log of small nodes written straight from each call, without write-back.

May lose: the last nodes of the log, those that were still in the write-buffer (one page of NAND, which compression makes hold
many); the rest is there in the order in which it was written, whatever the files. A file written in several pieces is cut at
one of them: pages of 4 KiB, and at the end of an erase block anywhere in a page, as a node takes what is left of the block (128
bytes at least) and the next node the rest; an overwrite of several pages is new up to there and old beyond. A rename is a new
entry and then the removal of the old one: between the two both names are there. fsync of a file says nothing about its name:
a file created empty, or renamed, and synced may be found under its old name or not at all until its directory is synced, or
something later in the log was.
Does not lose: anything that came before the last node of a file whose fsync returned: the log has one end, so that data and names
of all other files are saved with it. The order of anything. A node is there whole or not at all (each has a check sum); a name
that is replaced by a rename always leads to the old file or to the new one.
Does not model: how many nodes the write-buffer holds (any number since the last flush may be lost, as crash points are listed
between barriers), a directory found under both of its names, which confuses the kernel (linux-mtd, September 2025; here it is
at one of them), and garbage collection, which moves nodes and loses none.
Source: linux-mtd, February 2011, JFFS2: truncated files after power loss; fs/jffs2/file.c (jffs2_write_end), write.c
(jffs2_write_inode_range: a node as long as the space left; jffs2_do_create), dir.c (jffs2_rename: "Make a hard link", then
"Unlink the original"), wbuf.c (jffs2_flush_wbuf_gc of one inode, and the flush after dirty_writeback_interval, 5 s).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.storage.draft import Draft, Fate, SectorFates, Step, Steps
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
from harness.storage.profiles.last_read import LastRead
from harness.storage.profiles.registry import register

WRITES_BACK_AFTER_US = 10_000_000
"""Twice dirty_writeback_interval, after which the write-buffer is flushed."""

_PAGE_BYTES = 4096
# Where nodes cut short by the end of an erase block are shown; a part shorter than this is never written.
_PART_BYTES = 128
_SPLIT_BYTES = 512


def node_ends(op: Write) -> Iterator[int]:
    """How much of a write is on the flash after each of its nodes, in order; the last is all of it.

    One node of a write in some hundred is cut by the end of an erase block, at any byte; shown here are the multiples of 512,
    and in a shorter piece one place in its middle.
    """
    end = op.offset_bytes + len(op.data)
    start = op.offset_bytes
    while start < end:
        stop = min(end, (start // _PAGE_BYTES + 1) * _PAGE_BYTES)
        first = -(-(start + _PART_BYTES) // _SPLIT_BYTES) * _SPLIT_BYTES
        splits = range(first, stop, _SPLIT_BYTES)
        if splits:
            yield from (split - op.offset_bytes for split in splits)
        else:
            middle = (start + stop) // 2 // _PART_BYTES * _PART_BYTES
            if middle >= start + _PART_BYTES:
                yield middle - op.offset_bytes
        yield stop - op.offset_bytes
        start = stop


def _node_count(op: Op) -> int:
    if type(op) is Write:
        return sum(1 for _ in node_ends(op))
    if type(op) is Rename:
        return 2
    return type(op) in (Link, Unlink, Truncate, SetMode)


@dataclass(slots=True)
class _Nodes:
    """The log as nodes: how many come before each operation, how many there are, and how many no cut can undo."""

    before: list[int]
    count: int
    flushed: int
    dropped: list[bool]


def _read(base: Image, log: Sequence[Op]) -> _Nodes:
    """fsync flushes the write-buffer if it holds a node of that inode, and so everything up to that inode's last node."""
    dropped = [False] * len(log)
    unsynced: dict[int, list[int]] = {}
    before: list[int] = []
    last_node: dict[int, int] = {}
    count = flushed = 0
    for index, op in enumerate(log):
        before.append(count)
        count += _node_count(op)
        if type(op) is Write:
            last_node[op.inode] = count
            unsynced.setdefault(op.inode, []).append(index)
        elif type(op) in (Truncate, SetMode):
            last_node[op.inode] = count  # type: ignore[union-attr]
        elif type(op) is Link:
            # The inode's own node comes first, the entry is a node of the directory.
            if op.created:
                last_node[op.inode] = before[index]
            last_node[op.directory] = count
        elif type(op) is Unlink:
            last_node[op.directory] = count
        elif type(op) is Rename:
            last_node[op.new_directory] = before[index] + 1
            last_node[op.old_directory] = count
        elif type(op) is SyncFile:
            flushed = max(flushed, last_node.get(op.inode, 0))
            unsynced.pop(op.inode, None)
        elif type(op) is SyncDirectory:
            flushed = max(flushed, last_node.get(op.directory, 0))
        elif type(op) is SyncVolume:
            flushed = count
            unsynced.clear()
        elif type(op) is DropDirty:
            for written in unsynced.pop(op.inode, ()):
                dropped[written] = before[written] + _node_count(log[written]) > flushed
    return _Nodes(before, count, flushed, dropped)


class Jffs2(Profile):
    name = "jffs2"
    summary = "one log written straight from each call: a cut takes its end, and a rename may leave both names"
    writes_back_after_us = WRITES_BACK_AFTER_US
    unsafe_practices = {
        "a record taken for atomic because it lies within a page": "at the end of an erase block it is two nodes, of which a "
        "cut may leave the first; give each record its length and a check sum",
        "fsync of a file to save its name": "fsync writes out the log up to the file's own last node, and its name may come "
        "later; call fsync on the directory",
    }

    def __init__(self) -> None:
        self._read = LastRead(_read)

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        nodes = self._read(base, log)
        durable = [Durability.PENDING] * len(log)
        for index, op in enumerate(log):
            if nodes.dropped[index]:
                continue
            if nodes.before[index] + _node_count(op) <= nodes.flushed:
                durable[index] = Durability.DURABLE
            elif nodes.before[index] < nodes.flushed:
                # A rename of which the new name alone is sure: the flush that says so has to stay in the log.
                durable[index] = Durability.HELD
        return durable

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        nodes = self._read(base, log)
        landed = nodes.flushed + choices.cut(nodes.count - nodes.flushed)
        crash = Crash(Draft(base))
        for index, op in enumerate(log):
            if nodes.dropped[index]:
                if choices.pick(2) == 0:
                    crash.draft.apply(op)
                else:
                    crash.lost.append(index)
                continue
            count = _node_count(op)
            if not count:
                continue
            done = min(count, max(0, landed - nodes.before[index]))
            if done == count:
                crash.draft.apply(op)
            elif done == 0:
                crash.lost.append(index)
                if type(op) is Link:
                    crash.draft.register(op)
            else:
                _land_in_part(op, index, done, crash)
        return crash


def _land_in_part(op: Op, index: int, done: int, crash: Crash) -> None:
    """The first ``done`` nodes of a write, or the new name of a rename beside the old one."""
    part: SectorFates | Steps
    if type(op) is Rename:
        part = Steps(Step.DESTINATION_LINKED)
    else:
        assert type(op) is Write
        ends = list(node_ends(op))
        first = op.offset_bytes // _PART_BYTES
        sectors = (op.offset_bytes + len(op.data) - 1) // _PART_BYTES - first + 1
        kept = (op.offset_bytes + ends[done - 1]) // _PART_BYTES - first
        part = SectorFates(bytes([Fate.KEPT]) * kept + bytes([Fate.LOST]) * (sectors - kept), _PART_BYTES)
    crash.draft.apply(op, part)
    crash.torn.append((index, part))


JFFS2 = register(Jffs2())

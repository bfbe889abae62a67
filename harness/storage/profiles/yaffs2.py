"""yaffs2: YAFFS2 on raw NAND, as on many older terminals: each change is written straight from its call, as a chunk.

May lose: data written to a file that is still open and was not synced: it waits in a cache of chunks (2 KiB each) that is
written out chunk by chunk, in any order, at close and fsync, or when the cache needs room, which may be never; a later chunk
that is there without an earlier one makes the file longer, with zeros in the gap. The change under way at the cut. A file that
is being shortened may still have its old length, with zeros after the new end up to the end of that chunk.
Does not lose: data once close or fsync returned; a name, removal, rename, shortening or mode once its call returned, fsync or
not: each is one object header, written at once. A rename over a file is one header too, which says whose place it takes: the
name leads to the old file or to the new one, never to neither. The order of all these. A chunk is old or new, never torn: one
that was programmed in part fails its error correction, and the scan at mount (no checkpoint is valid after a power cut)
takes the older one.
Does not model: releases whose headers state a length that is not on the flash yet (a file renamed while open then ends in
zeros), write_super of kernels before 3.6, which saves open files too, hard links (each a header of its own, and several when
the first name goes), and a chunk that reads differently each time after a cut.
What a call wrote is known to be there once a barrier, or something seen outside the disk, follows it; between those any moment
may be the cut's.
Source: C. Manning, How YAFFS Works (2007-2010); yaffs2 core/yaffs_guts.c (yaffs_do_file_wr; yaffs_rename_obj: "Nuke the target
first, using shadowing"; yaffs_resize_file_down; yaffs_flush_file), yaffs_cache.c (short op cache), yaffs_yaffs2.c
(yaffs2_scan_chunk), linux/yaffs_vfs_multi.c (yaffs_file_flush at close; ten cached chunks).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.storage.draft import Draft, Fate, Resized
from harness.storage.image import Image
from harness.storage.oplog import (
    BARRIERS,
    Close,
    Link,
    Op,
    Rename,
    SetMode,
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
from harness.storage.profiles.write_behind import Flushes, HeldFiles, enter, flushes

WRITES_BACK_AFTER_US = 10_000_000
"""A call that returned needs no time at all: this bounds what a log without barriers leaves open. It flushes no open file."""

_CHUNK_BYTES = 2048


def _step_count(op: Op) -> int:
    """How many chunks an operation writes at once, apart from cached data. A shortening rewrites the new last chunk first."""
    if type(op) is Truncate:
        shortens = op.size_bytes < op.old_size_bytes
        return 1 + (shortens and op.size_bytes % _CHUNK_BYTES != 0)
    return type(op) in (Link, Unlink, Rename, SetMode)


@dataclass(slots=True)
class _Steps:
    """The log as chunks written at once: how many come before each operation, and how many no cut can undo."""

    before: list[int]
    count: int
    returned: int
    flushes: Flushes
    # Data -> how many steps are there once the close, or change of length, that writes it out is done.
    flushed_at: dict[int, int]

    def sure(self, index: int) -> bool:
        """Whether data is on the flash whatever happens."""
        return self.flushes.synced[index] or self.flushed_at.get(index, self.count + 1) <= self.returned


def _read(base: Image, log: Sequence[Op]) -> _Steps:
    """Any barrier at all says that the calls before it had returned."""
    found = flushes(log, by_age=False, by_close=True)
    before: list[int] = []
    cached: dict[int, list[int]] = {}
    flushed_at: dict[int, int] = {}
    count = returned = 0
    for index, op in enumerate(log):
        before.append(count)
        if type(op) is Write:
            if not found.dropped[index] and not found.synced[index]:
                cached.setdefault(op.inode, []).append(index)
            continue
        count += _step_count(op)
        if type(op) is Close:
            # The flush is a step of its own: what comes later in the log comes after it.
            count += bool(cached.get(op.inode))
        elif isinstance(op, BARRIERS):
            returned = count
        if type(op) is Close or type(op) is Truncate:
            for written in cached.pop(op.inode, ()):
                flushed_at[written] = count if type(op) is Close else before[index] + 1
        elif type(op) is SyncFile:
            cached.pop(op.inode, None)
        elif type(op) is SyncVolume and not op.written_back:
            cached.clear()
    return _Steps(before, count, returned, found, flushed_at)


class Yaffs2(Profile):
    name = "yaffs2"
    summary = "names, and data at close, are on the flash when the call returns; an open file's last chunks are not"
    writes_back_after_us = WRITES_BACK_AFTER_US
    synchronous = True
    unsafe_practices = {
        "a log file kept open without fsync": "its last chunks wait in a cache that no timer writes out; call fsync after each "
        "record",
    }

    def __init__(self) -> None:
        self._read = LastRead(_read)

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        steps = self._read(base, log)
        durable = [Durability.PENDING] * len(log)
        for index, op in enumerate(log):
            count = _step_count(op)
            if type(op) is Write:
                sure = steps.sure(index)
            else:
                sure = count > 0 and steps.before[index] + count <= steps.returned
            if sure:
                durable[index] = Durability.DURABLE
        return durable

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        steps = self._read(base, log)
        done = steps.returned + choices.cut(steps.count - steps.returned)
        crash = Crash(Draft(base))
        held = HeldFiles(crash.draft, _CHUNK_BYTES, choices)
        for index, op in enumerate(log):
            landed = done - steps.before[index]
            if type(op) is Write:
                self._write(op, index, landed >= 0, steps, done, held, crash)
                continue
            count = _step_count(op)
            if not count:
                continue
            if landed >= count:
                if type(op) is Truncate:
                    held.landed(op)
                else:
                    crash.draft.apply(op)
            elif landed > 0:
                assert type(op) is Truncate
                tail_end = min(op.old_size_bytes, -(-op.size_bytes // _CHUNK_BYTES) * _CHUNK_BYTES)
                part = Resized(None, op.size_bytes, tail_end, Fate.ZEROS)
                crash.draft.apply(op, part)
                crash.torn.append((index, part))
            else:
                crash.lost.append(index)
                if type(op) is Link:
                    crash.draft.register(op)
        return crash

    def _write(
        self, op: Write, index: int, happened: bool, steps: _Steps, done: int, held: HeldFiles, crash: Crash
    ) -> None:
        if steps.flushes.synced[index] or steps.flushed_at.get(index, done + 1) <= done:
            held.landed(op)
        elif steps.flushes.dropped[index]:
            held.dropped(op, index, crash)
        elif happened:
            enter(op, index, held.write(op), _CHUNK_BYTES, crash)
        else:
            crash.lost.append(index)


YAFFS2 = register(Yaffs2())

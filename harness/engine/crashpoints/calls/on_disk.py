"""Failures of the medium: no space left, an error of the device, a flush that fails.

Models: each as the software meets it at one call.
ENOSPC: a call that takes space. Whether a write inside a file's last block finds room depends on where the block ends, which is
chance: every write past what is stored counts. On media that write out of place every write and rename does. A write that
can be split may also store a half and return short; what comes next finds no space, or, once, finds some again.
EIO: every call that reads or changes something on the medium, look-ups too: ``os.path.exists`` turns one into "no". The call
changes nothing. A sync(2) that meets one writes nothing and tells nobody, as sync(2) has no way to.
fsync: the barrier returns EIO and the dirty pages it was about are clean from then on: readers see them, later barriers report
success, and power loss shows what was lost. sync(2) drops pages in silence, as kernels before 4.13 did.
Does not model: wrong data, a remount read-only after the error, space that somebody else frees meanwhile.
Source: write(2), fsync(2), sync(2); Rebello et al., ATC'20 (failed fsync); Linux fs/ubifs/budget.c, fs/jffs2/nodemgmt.c (what
takes space out of place); the rest as in ``storage.conditions``.
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from typing import Any, ClassVar

from harness.engine.crashpoints.calls.failure import FAILURES, ON_AND_OFF, Failure, Manner, path_of_call
from harness.engine.crashpoints.calls.gate import BARRIERS, CHANGES, LOOK_UPS, READS, WRITES, Call, Proceed
from harness.storage.conditions import FsyncDropsPages, InputOutputError
from harness.storage.disk import Disk
from harness.storage.inode import Inode, RegularFile
from harness.storage.media import Condition, strike
from harness.storage.oplog import DropDirty
from harness.storage.oserrors import os_error
from harness.storage.volume import Volume

OUT_OF_PLACE = frozenset({"f2fs", "ubifs", "jffs2", "yaffs2", "littlefs"})
"""Profiles of media on which a change of what is stored needs room of its own."""
_SPLITTABLE = frozenset({"write", "pwrite"})
_POSITIONAL = {"pwrite": 2, "pwritev": 2}


def _disk(call: Call) -> Disk:
    assert isinstance(call.receiver, Disk)
    return call.receiver


def _shown(call: Call) -> tuple[object, ...]:
    """What the error names: the path or paths of a call that was given some."""
    paths = [each for each in call.arguments[:2] if isinstance(each, str | bytes)]
    return tuple(paths)


def _inode(call: Call) -> Inode | None:
    """The inode behind a descriptor, or a path that exists."""
    first = call.first
    try:
        if isinstance(first, int):
            return _disk(call).inode_of(first)
        if hasattr(first, "fileno"):
            return _disk(call).inode_of(first.fileno())
        return _disk(call).locate(os.fsdecode(first)) if first is not None else None
    except (OSError, TypeError, ValueError):
        return None


@FAILURES.register("enospc")
class NoSpace(Failure):
    """The call finds no space."""

    name: ClassVar[str] = "enospc"
    summary: ClassVar[str] = "calls that take space"
    fault_once: ClassVar[str] = "full_storage"
    fault_for_good: ClassVar[str] = "full_storage"
    manners: ClassVar[tuple[Manner, ...]] = (*ON_AND_OFF, *(replace(each, partly=True) for each in ON_AND_OFF))

    def counts(self, call: Call) -> bool:
        if call.room != "storage":
            return False
        name = call.name
        if name in WRITES:
            return self._write_takes_space(call)
        if name == "open":
            flags = call.arguments[1] if len(call.arguments) > 1 else call.keywords.get("flags", 0)
            return bool(flags & os.O_CREAT) and _inode(call) is None
        if name in ("truncate", "ftruncate"):
            return self._truncation_takes_space(call)
        if name in ("rename", "replace"):
            return self._out_of_place(_inode(call)) or not self._target_exists(call)
        return name in ("mkdir", "symlink", "link", "posix_fallocate")

    def _out_of_place(self, inode: Inode | None) -> bool:
        profiles = self.scene.station.durability.profiles
        return inode is not None and profiles[inode.volume.name].name in OUT_OF_PLACE

    def _write_takes_space(self, call: Call) -> bool:
        if call.name in ("sendfile", "copy_file_range"):
            return True
        description = _disk(call)._description(call.arguments[0])
        inode = description.inode
        if not isinstance(inode, RegularFile):
            return False
        if self._out_of_place(inode) or description.append or inode.holes:
            return True
        place = _POSITIONAL.get(call.name)
        offset = description.position if place is None else int(call.arguments[place])
        data = call.arguments[1]
        size = sum(memoryview(each).nbytes for each in data) if call.name.endswith("v") else memoryview(data).nbytes
        return size > 0 and offset + size > len(inode.content)

    def _truncation_takes_space(self, call: Call) -> bool:
        inode = _inode(call)
        length = call.arguments[1] if len(call.arguments) > 1 else 0
        return isinstance(inode, RegularFile) and length > inode.size_bytes

    def _target_exists(self, call: Call) -> bool:
        try:
            _disk(call).locate(os.fsdecode(call.arguments[1]))
        except (OSError, TypeError, ValueError):
            return False
        return True

    def divisible(self, call: Call) -> bool:
        if call.name not in _SPLITTABLE:
            return False
        inode = _inode(call)
        return inode is not None and inode.volume.partial_writes and memoryview(call.arguments[1]).nbytes > 1

    def fail(self, call: Call, proceed: Proceed) -> Any:
        if self.manner.partly and self.seen == self.nth and self.divisible(call):
            # Straight to the disk's class: the call as the software made it has been counted.
            data = bytes(memoryview(call.arguments[1]))
            half = data[: len(data) // 2]
            self.bite(f"{call.name} {path_of_call(call)} stored {len(half)} of {len(data)} bytes")
            make = getattr(Disk, call.name)
            return make(call.receiver, call.arguments[0], half, *call.arguments[2:], **call.keywords)
        self.refused(call, errno.ENOSPC)
        raise os_error(errno.ENOSPC, *_shown(call))


@FAILURES.register("eio")
class InputOutput(Failure):
    """The call returns EIO and changes nothing."""

    name: ClassVar[str] = "eio"
    summary: ClassVar[str] = "calls that read or change something on the medium"
    fault_once: ClassVar[str] = "storage_error"
    fault_for_good: ClassVar[str] = "storage_error"
    _names = frozenset({"open", *LOOK_UPS, *READS, *WRITES, *BARRIERS, *CHANGES})

    def counts(self, call: Call) -> bool:
        return call.room == "storage" and call.name in self._names

    def fail(self, call: Call, proceed: Proceed) -> Any:
        if call.name == "sync":
            return self._sync(call, proceed)
        self.refused(call, errno.EIO)
        raise os_error(errno.EIO, *_shown(call))

    def _sync(self, call: Call, proceed: Proceed) -> Any:
        """sync(2) cannot fail: what was to be written stays dirty, and nobody is told."""
        volumes = _disk(call).volumes
        if any(volume.dirty_files for volume in volumes):
            self.bite("sync wrote nothing")
        conditions: list[Condition] = []
        for volume in volumes:
            conditions.append(InputOutputError("fsync", until_lifted=True))
            strike(volume, conditions[-1])
        try:
            return proceed()
        finally:
            for condition in conditions:
                condition.lift()


@FAILURES.register("fsync")
class FailedFlush(Failure):
    """The barrier fails with EIO, and what it should have made durable never will be."""

    name: ClassVar[str] = "fsync"
    summary: ClassVar[str] = "fsync, fdatasync, sync, and writes to files opened with O_SYNC or O_DSYNC"
    fault_once: ClassVar[str] = "fsync_failure"
    fault_for_good: ClassVar[str] = "fsync_failure"

    def counts(self, call: Call) -> bool:
        if call.room != "storage":
            return False
        if call.name in BARRIERS:
            return True
        if call.name in ("write", "writev", "pwrite", "pwritev"):
            return _disk(call)._description(call.arguments[0]).sync_data
        return False

    def fail(self, call: Call, proceed: Proceed) -> Any:
        if call.name == "sync":
            for volume in _disk(call).volumes:
                self._drop_all(volume)
            return None
        inode = _inode(call)
        if inode is None:
            return proceed()
        writes = call.name in WRITES
        dirty = isinstance(inode, RegularFile) and (writes or inode.dirty_bytes > 0)
        # The condition tells the history of the call itself; here it is only seen to bite.
        condition: Condition = (
            FsyncDropsPages(inode=inode.number) if dirty else InputOutputError("fsync", inode=inode.number)
        )
        strike(inode.volume, condition)
        try:
            return proceed()
        finally:
            condition.lift()
            if condition.bites:
                what = "returned EIO and dropped what it was to write" if dirty else "returned EIO"
                self.bite(f"{call.name} {path_of_call(call)} {what}")

    def _drop_all(self, volume: Volume) -> None:
        dirty = list(volume.dirty_files.values())
        for inode in dirty:
            volume.log.append(DropDirty(inode.number))
        if dirty:
            volume.all_cleaned()
            volume.tell_failure("sync", volume.root, errno.EIO)
            self.bite(f"sync dropped what it was to write of {len(dirty)} files")

"""Media faults that can be lifted.

Models: EIO on the n-th read, write or barrier, once or until lifted; an fsync that fails once and leaves the pages clean;
a read-only remount; capacity shrunk below what is used; foreign ballast; wrong free space; slowing with fill and with age; reads
that return a flipped bit once; a write that lands elsewhere. Lifting a condition restores exactly what it took away.
Does not model: errors of single sectors (an error belongs to a call; see ``unreadable``), remapping; wear (``wear``), shortages
of other things (``shortage``).
Source: errno values of Linux block errors and of errors=remount-ro; fsync: Rebello et al., ATC'20, and ``oplog.DropDirty``;
misdirected writes: TigerBeetle's storage model (the one meant keeps old data, the victim gets the new).
"""

import errno
from typing import Literal, TypeAlias

from harness.core.units import US_PER_DAY
from harness.storage.calls import BARRIER_KINDS, CallKind
from harness.storage.inode import Inode, RegularFile
from harness.storage.media import Condition, DamagedRange, media_of
from harness.storage.oplog import DropDirty
from harness.storage.oserrors import os_error
from harness.storage.volume import Volume

ErrorOn: TypeAlias = Literal["read", "write", "fsync", "any"]


class InputOutputError(Condition):
    """EIO on the ``nth`` matching call from now on, once, or on it and every later one until lifted.

    ``fsync`` matches every barrier. ``inode`` limits it to one file. The failing call changes nothing, and a failing
    barrier leaves its pages dirty: see ``FsyncDropsPages`` for the other kind.
    """

    def __init__(self, on: ErrorOn, nth: int = 1, *, until_lifted: bool = False, inode: int | None = None) -> None:
        super().__init__()
        if nth < 1:
            raise ValueError(f"nth is {nth}; calls are counted from 1")
        self.on = on
        self.nth = nth
        self.until_lifted = until_lifted
        self.inode = inode
        self.seen = 0

    def _matches(self, kind: CallKind, inode: Inode) -> bool:
        if self.inode is not None and inode.number != self.inode:
            return False
        if self.on == "any":
            return True
        if self.on == "fsync":
            return kind in BARRIER_KINDS
        if self.on == "write":
            return kind != "read" and kind not in BARRIER_KINDS
        return kind == "read"

    def before(self, kind: CallKind, inode: Inode) -> None:
        if not self._matches(kind, inode):
            return
        self.seen += 1
        if self.seen == self.nth or (self.until_lifted and self.seen > self.nth):
            self.bites += 1
            inode.volume.tell_failure(kind, inode, errno.EIO)
            raise os_error(errno.EIO)


class FsyncDropsPages(Condition):
    """The ``nth`` fsync of a file with dirty pages fails with EIO; the pages are marked clean and are never written.

    Readers keep seeing the data, the next fsync reports success, and power loss shows the loss.
    """

    def __init__(self, nth: int = 1, *, inode: int | None = None) -> None:
        super().__init__()
        self.nth = nth
        self.inode = inode
        self.seen = 0

    def before(self, kind: CallKind, inode: Inode) -> None:
        if kind not in ("fsync", "fdatasync") or not isinstance(inode, RegularFile) or not inode.dirty_bytes:
            return
        if self.inode is not None and inode.number != self.inode:
            return
        self.seen += 1
        if self.seen == self.nth:
            self.bites += 1
            inode.volume.log.append(DropDirty(inode.number))
            inode.volume.cleaned(inode)
            inode.volume.tell_failure(kind, inode, errno.EIO)
            raise os_error(errno.EIO)


class ReadOnlyRemount(Condition):
    """Every call that would change the volume fails with EROFS, descriptors opened before included."""

    def _begin(self, volume: Volume) -> None:
        self._was_read_only = volume.read_only
        volume.read_only = True

    def _end(self, volume: Volume) -> None:
        others = [condition for condition in media_of(volume).conditions if condition is not self]
        if not any(isinstance(condition, ReadOnlyRemount) for condition in others):
            volume.read_only = self._was_read_only
        else:
            heir = next(condition for condition in others if isinstance(condition, ReadOnlyRemount))
            heir._was_read_only = heir._was_read_only and self._was_read_only

    def refused_as_read_only(self) -> None:
        self.bites += 1


class ShrunkCapacity(Condition):
    """The volume has only ``total_bytes`` left; what is stored stays, even if it is more than that."""

    def __init__(self, total_bytes: int) -> None:
        super().__init__()
        self.total_bytes = total_bytes
        self.taken_blocks = 0

    def _begin(self, volume: Volume) -> None:
        self.taken_blocks = max(0, volume.total_blocks - self.total_bytes // volume.block_size_bytes)
        volume.total_blocks -= self.taken_blocks
        volume.free_blocks -= self.taken_blocks

    def _end(self, volume: Volume) -> None:
        volume.total_blocks += self.taken_blocks
        volume.free_blocks += self.taken_blocks

    def ran_out_of_space(self) -> None:
        self.bites += 1

    def reported_free_blocks(self, free_blocks: int) -> int:
        if self.taken_blocks:
            self.bites += 1
        return free_blocks


class ForeignBallast(Condition):
    """Bytes of somebody else fill the volume until ``free_bytes`` are left; lifting takes them away again."""

    def __init__(self, free_bytes: int) -> None:
        super().__init__()
        self.left_bytes = free_bytes
        self.taken_blocks = 0

    def _begin(self, volume: Volume) -> None:
        self.taken_blocks = max(0, volume.free_blocks - self.left_bytes // volume.block_size_bytes)
        volume.free_blocks -= self.taken_blocks
        volume.foreign_blocks += self.taken_blocks

    def _end(self, volume: Volume) -> None:
        volume.free_blocks += self.taken_blocks
        volume.foreign_blocks -= self.taken_blocks

    def ran_out_of_space(self) -> None:
        self.bites += 1

    def reported_free_blocks(self, free_blocks: int) -> int:
        if self.taken_blocks:
            self.bites += 1
        return free_blocks


class MisreportedFreeSpace(Condition):
    """statvfs says ``free_bytes`` are free, whatever the truth; writes still meet the truth."""

    def __init__(self, free_bytes: int) -> None:
        super().__init__()
        self.free_bytes = free_bytes

    def reported_free_blocks(self, free_blocks: int) -> int:
        assert self.volume is not None
        claimed = self.free_bytes // self.volume.block_size_bytes
        if claimed != free_blocks:
            self.bites += 1
        return claimed


class SlowWithFill(Condition):
    """Calls cost up to ``full_percent`` of their usual time as fill rises from ``from_fill_percent`` to 100."""

    def __init__(self, from_fill_percent: int, full_percent: int) -> None:
        super().__init__()
        if not 0 <= from_fill_percent < 100 or full_percent < 100:
            raise ValueError(
                f"slow with fill from {from_fill_percent} % to {full_percent} %: the first must lie in 0..99, "
                "the second must be 100 or more"
            )
        self.from_fill_percent = from_fill_percent
        self.full_percent = full_percent

    def slowed(self, cost_us: int, fill_percent: int) -> int:
        above = fill_percent - self.from_fill_percent
        if above <= 0:
            return cost_us
        extra_percent = (self.full_percent - 100) * above // (100 - self.from_fill_percent)
        slower = cost_us * (100 + extra_percent) // 100
        if slower != cost_us:
            self.bites += 1
        return slower


class LatencyDrift(Condition):
    """Calls cost ``more_per_day_percent`` of their usual time more with each day, up to ``most_percent`` of it."""

    def __init__(self, more_per_day_percent: int, most_percent: int) -> None:
        super().__init__()
        if more_per_day_percent < 1 or most_percent <= 100:
            raise ValueError("latency that drifts has to grow: at least 1 % a day, up to more than 100 %")
        self.more_per_day_percent = more_per_day_percent
        self.most_percent = most_percent
        self.since_us = 0

    def _begin(self, volume: Volume) -> None:
        self.since_us = volume.now_us()

    def slowed(self, cost_us: int, fill_percent: int) -> int:
        assert self.volume is not None
        aged_us = self.volume.now_us() - self.since_us
        percent = min(self.most_percent, 100 + self.more_per_day_percent * aged_us // US_PER_DAY)
        slower = cost_us * percent // 100
        if slower != cost_us:
            self.bites += 1
        return slower


class CorruptRead(Condition):
    """The ``nth`` read that returns data returns one bit flipped; what is stored stays good."""

    def __init__(self, nth: int = 1, *, bit: int = 0, inode: int | None = None) -> None:
        super().__init__()
        self.nth = nth
        self.bit = bit
        self.inode = inode
        self.seen = 0

    def after_read(self, inode: RegularFile, offset_bytes: int, data: bytes) -> bytes:
        if not data or (self.inode is not None and inode.number != self.inode):
            return data
        self.seen += 1
        if self.seen != self.nth:
            return data
        self.bites += 1
        position = self.bit // 8 % len(data)
        flipped = data[position] ^ (1 << self.bit % 8)
        return data[:position] + bytes((flipped,)) + data[position + 1 :]


class MisdirectedWrite(Condition):
    """The ``nth`` write lands in another file: the one meant keeps its old bytes (zeros where it grew).

    The call reports success. Once struck it is damage: lifting only disarms it.
    """

    def __init__(
        self, victim: RegularFile, victim_offset_bytes: int, nth: int = 1, *, inode: int | None = None
    ) -> None:
        super().__init__()
        self.victim = victim
        self.victim_offset_bytes = victim_offset_bytes
        self.nth = nth
        self.inode = inode
        self.seen = 0

    def divert(self, inode: RegularFile, offset_bytes: int, data: bytes) -> bool:
        if inode is self.victim or (self.inode is not None and inode.number != self.inode):
            return False
        self.seen += 1
        if self.seen != self.nth:
            return False
        volume = inode.volume
        end = offset_bytes + len(data)
        if end > inode.size_bytes:
            # The file system gave it blocks before the medium put the bytes elsewhere; without any it says ENOSPC as ever.
            volume.allocate(inode, inode.size_bytes, end)
        self.bites += 1
        self._land(volume, data)
        return True

    def _land(self, volume: Volume, data: bytes) -> None:
        start = self.victim_offset_bytes
        landed = volume.overwrite_stored(self.victim, start, data)
        media_of(volume).damaged_ranges.append(DamagedRange(self.victim.number, start, start + landed))

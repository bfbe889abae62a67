"""The media faults of one volume: conditions in force, and damage that reads can meet.

Models: a condition that can be lifted (``storage/conditions``) and damage that cannot (``storage/damage``), each with a
count of bites: an error returned, a wrong byte returned, a number returned that differs, or time added.
Does not model: which fault strikes when; scenarios and fault files decide that.
"""

import errno

from harness.storage.calls import CallKind
from harness.storage.inode import Directory, Inode, RegularFile
from harness.storage.volume import Volume


class Condition:
    """A media fault in force. ``bites`` counts its effects; ``lift`` ends it, and is harmless when repeated."""

    def __init__(self) -> None:
        self.bites = 0
        self.lifted = False
        self.volume: Volume | None = None

    def lift(self) -> None:
        if self.lifted:
            return
        self.lifted = True
        if self.volume is not None:
            self._end(self.volume)
            media_of(self.volume).remove(self)

    def _begin(self, volume: Volume) -> None:
        """Takes effect on the volume."""

    def _end(self, volume: Volume) -> None:
        """Undoes exactly what ``_begin`` did."""

    def before(self, kind: CallKind, inode: Inode) -> None:
        """Told of each call about to happen; may raise the error to return."""

    def after_read(self, inode: RegularFile, offset_bytes: int, data: bytes) -> bytes:
        return data

    def before_write(self, inode: RegularFile, offset_bytes: int, byte_count: int) -> None:
        """Told of each write about to be stored; may raise the error to return."""

    def ran_out_of_space(self) -> None:
        """A call is about to return ENOSPC, or stored less than it was asked to."""

    def space_errno(self) -> int:
        """What a call returns that finds no room."""
        return errno.ENOSPC

    def ran_out_of_inodes(self) -> None:
        """A call is about to return ENOSPC because no inode is left."""

    def refused_as_read_only(self) -> None:
        """A call is about to return EROFS."""

    def reported_free_blocks(self, free_blocks: int) -> int:
        return free_blocks

    def slowed(self, cost_us: int, fill_percent: int) -> int:
        return cost_us

    def divert(self, inode: RegularFile, offset_bytes: int, data: bytes) -> bool:
        """May take a write over and store it elsewhere; then it says so."""
        return False


class DamagedRange:
    """Bytes of one file that are not what they should be; counts the reads that met them."""

    def __init__(self, inode: int, start_bytes: int, end_bytes: int) -> None:
        self.inode = inode
        self.start_bytes = start_bytes
        self.end_bytes = end_bytes
        self.bites = 0

    def touches(self, inode: int, offset_bytes: int, byte_count: int) -> bool:
        """Whether some of these bytes are among the damaged."""
        return inode == self.inode and offset_bytes < self.end_bytes and offset_bytes + byte_count > self.start_bytes

    def met_by_read(self, media: "Media", inode: RegularFile) -> None:
        """A read touches it; may raise the error to return."""
        self.bites += 1

    def met_by_write(self, inode: RegularFile, offset_bytes: int, byte_count: int) -> None:
        """A write touches it and may not cover it; may raise the error to return."""


class DamagedName:
    """A name in a directory that is gone, new or stale; counts the listings and look-ups that met it."""

    def __init__(self, directory: int, name: str) -> None:
        self.directory = directory
        self.name = name
        self.bites = 0


class Media:
    """All media faults of one volume. A volume without any has none of this, and pays nothing for it."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.conditions: list[Condition] = []
        self.damaged_ranges: list[DamagedRange] = []
        self.damaged_names: list[DamagedName] = []
        self.owed_us = 0
        """Time that the next call takes on top of its own: retries, blocks moved."""

    def add(self, condition: Condition) -> None:
        if condition.volume is not None:
            raise ValueError("a condition is laid on one volume, once")
        condition.volume = self.volume
        condition._begin(self.volume)
        self.conditions.append(condition)

    def remove(self, condition: Condition) -> None:
        self.conditions.remove(condition)

    def before(self, kind: CallKind, inode: Inode) -> None:
        for condition in tuple(self.conditions):
            condition.before(kind, inode)

    def before_read(self, inode: RegularFile, offset_bytes: int, length: int) -> None:
        self.before("read", inode)
        for damage in self.damaged_ranges:
            if damage.touches(inode.number, offset_bytes, length):
                damage.met_by_read(self, inode)

    def after_read(self, inode: RegularFile, offset_bytes: int, data: bytes) -> bytes:
        for condition in self.conditions:
            data = condition.after_read(inode, offset_bytes, data)
        return data

    def divert(self, inode: RegularFile, offset_bytes: int, data: bytes) -> bool:
        byte_count = len(data)
        for damage in self.damaged_ranges:
            if damage.touches(inode.number, offset_bytes, byte_count):
                damage.met_by_write(inode, offset_bytes, byte_count)
        for condition in tuple(self.conditions):
            condition.before_write(inode, offset_bytes, byte_count)
        return any(condition.divert(inode, offset_bytes, data) for condition in tuple(self.conditions))

    def overwritten(self, inode: int, start_bytes: int, end_bytes: int) -> None:
        """New bytes replaced old ones: damage wholly under them cannot be met any more."""
        self.damaged_ranges = [
            damage
            for damage in self.damaged_ranges
            if damage.inode != inode or damage.start_bytes < start_bytes or damage.end_bytes > end_bytes
        ]

    def ran_out_of_space(self) -> None:
        for condition in self.conditions:
            condition.ran_out_of_space()

    def space_errno(self) -> int:
        """ENOSPC, unless a condition says otherwise."""
        found = (condition.space_errno() for condition in self.conditions)
        return next((number for number in found if number != errno.ENOSPC), errno.ENOSPC)

    def ran_out_of_inodes(self) -> None:
        for condition in self.conditions:
            condition.ran_out_of_inodes()

    def refused_as_read_only(self) -> None:
        for condition in self.conditions:
            condition.refused_as_read_only()

    def reported_free_blocks(self, free_blocks: int) -> int:
        for condition in self.conditions:
            free_blocks = condition.reported_free_blocks(free_blocks)
        return free_blocks

    def slowed(self, cost_us: int, fill_percent: int) -> int:
        for condition in self.conditions:
            cost_us = condition.slowed(cost_us, fill_percent)
        owed_us, self.owed_us = self.owed_us, 0
        return cost_us + owed_us

    def listed(self, directory: Directory) -> None:
        for damage in self.damaged_names:
            if damage.directory == directory.number:
                damage.bites += 1

    def looked_up(self, directory: Directory, name: str) -> None:
        for damage in self.damaged_names:
            if damage.directory == directory.number and damage.name == name:
                damage.bites += 1


def media_of(volume: Volume) -> Media:
    """The volume's media faults, made on first use."""
    if volume.media is None:
        volume.media = Media(volume)
    return volume.media


def strike(volume: Volume, condition: Condition) -> None:
    """Lays a condition on a volume."""
    media_of(volume).add(condition)

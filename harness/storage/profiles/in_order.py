"""Media without a cache: each change is made while its call runs, so a cut takes the change under way and no other.

Models: the operations since the last barrier landed in the order of the calls, up to some moment; before a barrier of any
kind, ``Returned`` included, every call had returned and what it did is on the medium.
Does not model: a medium that works on two changes at once.
A log tells which calls had returned at the cut by its barriers alone, so all moments since the last one are legal. Whoever
knows that something outside was seen after a call (a message, a screen, an acknowledgement) says so with ``Returned``.
An operation whose flush failed (``DropDirty``) landed or not for good, whatever is flushed later.
"""

from collections.abc import Sequence

from harness.storage.oplog import BARRIERS, DropDirty, Op, SyncFile, SyncVolume, Truncate, Write


def last_barrier(log: Sequence[Op]) -> int:
    """The place of the last barrier in the log, or -1."""
    for index in range(len(log) - 1, -1, -1):
        if isinstance(log[index], BARRIERS):
            return index
    return -1


def dropped_data(log: Sequence[Op]) -> list[bool]:
    """For each operation, whether it is data that a flush gave up when it failed."""
    dropped = [False] * len(log)
    given_up: set[int] = set()
    for index in range(len(log) - 1, -1, -1):
        op = log[index]
        if isinstance(op, DropDirty):
            given_up.add(op.inode)
        elif isinstance(op, SyncFile):
            given_up.discard(op.inode)
        elif isinstance(op, SyncVolume):
            given_up.clear()
        elif isinstance(op, Write | Truncate):
            dropped[index] = op.inode in given_up
    return dropped

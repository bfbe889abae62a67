"""Moving what is surely durable into the base image, so that a log of a long day stays short.

An operation may move into the base past operations that stay pending only when the two commute: they touch other
bytes, other names and other inodes. The legal images are the same before and after; tests hold every profile to that.
"""

from collections.abc import Sequence
from enum import IntEnum

from harness.storage.draft import Draft
from harness.storage.image import Image
from harness.storage.oplog import (
    BARRIERS,
    Close,
    DropDirty,
    Link,
    Op,
    Rename,
    SetMode,
    Truncate,
    Unlink,
    Write,
)


class Durability(IntEnum):
    """Whether an operation may move into the base."""

    PENDING = 0
    DURABLE = 1
    HELD = 2  # durable, but what it says about later operations is still needed


class _Pending:
    """What the operations left pending so far touch."""

    __slots__ = ("emptied", "modes", "named_inodes", "names", "ranges", "resized")

    def __init__(self) -> None:
        self.ranges: dict[int, list[tuple[int, int]]] = {}
        self.resized: set[int] = set()
        self.emptied: set[int] = set()
        self.names: set[tuple[int, str]] = set()
        self.named_inodes: set[int] = set()
        self.modes: set[int] = set()

    def has_data(self, inode: int) -> bool:
        return inode in self.ranges or inode in self.resized

    def add(self, op: Op) -> None:
        match op:
            case Write():
                self.ranges.setdefault(op.inode, []).append((op.offset_bytes, op.offset_bytes + len(op.data)))
            case Truncate():
                self.resized.add(op.inode)
            case SetMode():
                self.modes.add(op.inode)
            case Link():
                self.names.add((op.directory, op.name))
                self.named_inodes.add(op.inode)
            case Unlink():
                self.names.add((op.directory, op.name))
                self.named_inodes.add(op.inode)
                self.emptied.add(op.inode)
            case Rename():
                self.names.update(((op.old_directory, op.old_name), (op.new_directory, op.new_name)))
                self.named_inodes.add(op.inode)
                if op.replaced_inode is not None:
                    self.named_inodes.add(op.replaced_inode)
                    self.emptied.add(op.replaced_inode)

    def commutes(self, op: Op) -> bool:
        """Whether ``op`` may be applied before everything pending without changing any outcome."""
        match op:
            case Write():
                if op.inode in self.resized or op.inode in self.emptied:
                    return False
                stop = op.offset_bytes + len(op.data)
                spans = self.ranges.get(op.inode, ())
                return all(stop <= start or end <= op.offset_bytes for start, end in spans)
            case Truncate():
                return not self.has_data(op.inode) and op.inode not in self.emptied
            case SetMode():
                return op.inode not in self.modes
            case Link() | Unlink():
                return (op.directory, op.name) not in self.names
            case Rename():
                moved = {(op.old_directory, op.old_name), (op.new_directory, op.new_name)}
                return self.names.isdisjoint(moved)
            case _:
                return True


def fold(base: Image, log: Sequence[Op], durable: Sequence[Durability]) -> tuple[Image, list[Op]]:
    """The base with every durable operation that commutes applied, and what is left of the log."""
    if not any(durable):
        return base, [op for op in log if not isinstance(op, BARRIERS)]
    short_log, short_durable = _without_erased(log, durable)
    folded = _fold(base, short_log, short_durable, may_block=short_log is log)
    if folded is None:
        # Barriers have to stay, and they may count back to a write that was left out: fold the full log.
        folded = _fold(base, log, durable, may_block=True)
    assert folded is not None
    return folded


def _fold(
    base: Image, log: Sequence[Op], durable: Sequence[Durability], *, may_block: bool
) -> tuple[Image, list[Op]] | None:
    draft = Draft(base)
    pending = _Pending()
    rest: list[Op] = []
    unnamed: list[int] = []
    # Once one durable operation has to stay, so must the barriers that make it durable and what they count back to.
    blocked = False
    for op, state in zip(log, durable, strict=True):
        if isinstance(op, BARRIERS):
            if blocked:
                rest.append(op)
        elif isinstance(op, (Close, DropDirty)):
            if blocked or pending.has_data(op.inode):
                rest.append(op)
        elif state == Durability.DURABLE and not blocked and pending.commutes(op):
            draft.apply(op)
            if isinstance(op, Unlink):
                unnamed.append(op.inode)
            elif isinstance(op, Rename) and op.replaced_inode is not None:
                unnamed.append(op.replaced_inode)
        else:
            blocked = blocked or state != Durability.PENDING
            if blocked and not may_block:
                return None
            pending.add(op)
            rest.append(op)
    image = draft.freeze()
    return (image, rest) if blocked or not unnamed else _without_unnamed(image, rest, unnamed, pending)


def _without_erased(log: Sequence[Op], durable: Sequence[Durability]) -> tuple[Sequence[Op], Sequence[Durability]]:
    """The log without writes that a later, surely durable truncation to nothing has erased whatever became of them."""
    erased_before: dict[int, int] = {}
    for index, op in enumerate(log):
        if isinstance(op, Truncate) and op.size_bytes == 0 and durable[index] == Durability.DURABLE:
            erased_before[op.inode] = index
    if not erased_before:
        return log, durable
    keep = [
        not (isinstance(op, Write | Truncate) and index < erased_before.get(op.inode, 0))
        for index, op in enumerate(log)
    ]
    return (
        [op for op, kept in zip(log, keep, strict=True) if kept],
        [flag for flag, kept in zip(durable, keep, strict=True) if kept],
    )


def _without_unnamed(image: Image, rest: list[Op], candidates: list[int], pending: _Pending) -> tuple[Image, list[Op]]:
    """Drop inodes that no name leads to and none can lead to again, with what is pending on them."""
    named = image.link_counts()
    gone = {inode for inode in candidates if inode not in named and inode not in pending.named_inodes}
    gone -= image.directories.keys()
    if not gone:
        return image, rest
    draft = Draft(image)
    for inode in sorted(gone):
        draft.forget(inode)
    about_data = (Write, Truncate, SetMode, Close, DropDirty)
    return draft.freeze(), [op for op in rest if not (isinstance(op, about_data) and op.inode in gone)]

"""Who made each storage operation of a watched terminal, and what a power cut took of them: from which line of its code.

Models: by volume, the operations that are not yet on the medium for certain, each with the call that made it; at a cut, each
operation that was lost or torn, with that call and with what had come between it and the medium. An operation that no call of
the software accounts for (a fault's own, what the kernel writes back) has no line. Does not model: programs, which have no stack
that could be read; lines of what was durable long ago.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec

import msgspec

from harness.engine.report.model import Lost, Taken
from harness.engine.whereabouts import Whereabouts, running_frame
from harness.faults.tap import tap_storage
from harness.storage.calls import StorageCall
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

if TYPE_CHECKING:
    from harness.storage.powerloss import PowerLoss, VolumeLoss
    from harness.sut.station import Station

P = ParamSpec("P")
LOST_MAX = 400
"""So many operations of a volume are known of one cut."""


class Apart:
    """Keeps whoever watches apart from the software: called inside its calls, he would make it die of his own errors."""

    def __init__(self) -> None:
        self._broken: Exception | None = None

    def of(self, call: Callable[P, None]) -> Callable[P, None]:
        """``call``, until one such has failed; from then on nothing is seen any more, and ``check`` says so."""

        def called(*args: P.args, **kwargs: P.kwargs) -> None:
            if self._broken is None:
                try:
                    call(*args, **kwargs)
                except Exception as error:
                    self._broken = error

        return called

    def check(self) -> None:
        """Raise what has failed."""
        if self._broken is not None:
            raise self._broken


class OperationEye:
    """Watches the storage calls of ``station``. ``fit`` makes a text that names files fit to be shown.

    It is called inside calls of the software.
    """

    def __init__(self, station: Station, whereabouts: Whereabouts, fit: Callable[[str], str], apart: Apart) -> None:
        self._station = station
        self._whereabouts = whereabouts
        self._fit = fit
        self._call: StorageCall | None = None
        self._from = 0
        """How long the log was when that call began."""
        self._place = ""
        self._at_us = 0
        self._known: dict[str, dict[int, tuple[Op, str, int]]] = {}
        """By volume, by identity of the operation, which is kept so that no other has its identity."""
        self._taken: dict[str, Taken] = {}
        station.durability.on_cut = apart.of(self._cut)
        if not station.software.is_program:
            tap_storage(station, apart.of(self._began))

    def place(self, volume: str, op: Op) -> str:
        """The line that made an operation; empty where that is not known."""
        known = self._known.get(volume, {}).get(id(op))
        return "" if known is None else known[1]

    def _made_us(self, volume: str, op: Op) -> int:
        known = self._known.get(volume, {}).get(id(op))
        return 0 if known is None else known[2]

    def taken(self, volume: str, number: int, at_us: int) -> Taken | None:
        """What the last cut took of a volume, which event ``number`` tells of."""
        taken = self._taken.pop(volume, None)
        return None if taken is None else msgspec.structs.replace(taken, number=number, at_us=at_us)

    def _began(self, call: StorageCall) -> None:
        self.catch_up()
        self._call, self._from = None, len(call.volume.log)
        self._place = self._whereabouts.lines(running_frame(self._station)).path
        self._at_us = self._station.world.now_us
        if self._place:
            self._call = call

    def catch_up(self) -> None:
        """The call that began last has put its operation into the log by now, or the software is still in it."""
        call = self._call
        if call is None:
            return
        if self._labelled(call) or running_frame(self._station) is None:
            self._call = None

    def _labelled(self, call: StorageCall) -> bool:
        log = call.volume.log
        known = self._known.setdefault(call.volume.name, {})
        # A log that was folded meanwhile is shorter than it was.
        for op in log[self._from :] if len(log) > self._from else log[-1:]:
            if id(op) not in known and made_by(call, op):
                known[id(op)] = op, self._place, self._at_us
                if len(known) > 2 * len(log) + 64:
                    held = {id(op) for op in log}
                    self._known[call.volume.name] = {key: each for key, each in known.items() if key in held}
                return True
        return False

    def refused(self) -> None:
        """The call under way failed: what comes into the log from now on is not its doing."""
        if self._call is not None:
            self._labelled(self._call)
        self._call = None

    # ------------------------------------------------------------ a cut

    def _cut(self, loss: PowerLoss, under_way: str | None) -> None:
        self.catch_up()
        self._taken = {each.name: self._of(each, each.name == under_way) for each in loss.volumes}

    def _of(self, loss: VolumeLoss, under_way: bool) -> Taken:
        state = loss.state
        log = self._station.hardware.disk.volume(loss.name).log
        last = log[-1] if under_way and log else None
        told = sorted((*state.lost, *state.torn), key=lambda each: each.index)
        lost = tuple(
            Lost(
                self._fit(each.text),
                self.place(loss.name, op),
                why,
                "" if by is None else self.place(loss.name, by),
                self._made_us(loss.name, op),
            )
            for each in told[:LOST_MAX]
            for op in (state.log[each.index],)
            for why, by in (why_lost(state.log, each.index, last),)
        )
        return Taken(0, 0, loss.name, lost, max(0, len(told) - LOST_MAX))


def why_lost(log: Sequence[Op], index: int, under_way: Op | None) -> tuple[str, Op | None]:
    """A code for what was between an operation of the log and the medium, and the operation that it is about.

    under_way (it had not returned), syncing (what would have made it durable had not), dropped (a failed fsync dropped its
    pages), kept_not (what makes it durable had returned), unsynced (nothing of the kind was asked for), for names unsynced_name.
    """
    op = log[index]
    if under_way is op:
        return "under_way", None
    lacking = _parts(op)
    for later in log[index + 1 :]:
        if isinstance(later, DropDirty) and isinstance(op, Write | Truncate) and later.inode == op.inode:
            return "dropped", later
        lacking -= _made_durable(later, op)
        if not lacking:
            return "kept_not", later
    if under_way is not None and not lacking - _made_durable(under_way, op):
        return "syncing", under_way
    return ("unsynced_name" if _is_name(op) else "unsynced"), None


def _is_name(op: Op) -> bool:
    return isinstance(op, Link | Unlink | Rename)


def _parts(op: Op) -> frozenset[int]:
    """What has to be made durable of an operation: each inode whose fsync takes a part of it, a move's two directories both."""
    if isinstance(op, Rename):
        return frozenset({op.old_directory, op.new_directory})
    return frozenset({op.directory if isinstance(op, Link | Unlink) else getattr(op, "inode", 0)})


def _made_durable(barrier: Op, op: Op) -> frozenset[int]:
    """Which of the operation's parts ``barrier`` is what software asks for to have on the medium."""
    if isinstance(barrier, SyncVolume):
        return frozenset() if barrier.written_back else _parts(op)
    if isinstance(barrier, SyncFile) and isinstance(op, Write | Truncate | SetMode):
        # fdatasync leaves out what is not needed to read the data.
        return frozenset() if barrier.data_only and isinstance(op, SetMode) else frozenset({barrier.inode})
    if isinstance(barrier, SyncDirectory) and isinstance(op, Link | Unlink | Rename | SetMode):
        return frozenset({barrier.directory})
    return frozenset()


def made_by(call: StorageCall, op: Op) -> bool:
    """Whether ``op`` is what this call does: a fault may have changed the volume meanwhile."""
    name = call.path.rpartition("/")[2]
    match call.kind:
        case "write":
            same = isinstance(op, Write) and op.offset_bytes == call.offset_bytes and len(op.data) <= call.byte_count
            return same and getattr(op, "inode", None) == call.inode
        case "truncate" | "allocate":
            return isinstance(op, Truncate) and op.inode == call.inode
        case "create" | "mkdir" | "symlink" | "link":
            return isinstance(op, Link) and op.name == name
        case "unlink" | "rmdir":
            return isinstance(op, Unlink) and op.name == name
        case "rename":
            return isinstance(op, Rename) and op.new_name == name
        case "chmod":
            return isinstance(op, SetMode) and op.inode == call.inode
        case "sync":
            return isinstance(op, SyncVolume) and not op.written_back
        case "fsync" | "fdatasync":
            return isinstance(op, SyncFile | SyncDirectory | DropDirty) and call.inode in (
                getattr(op, "inode", None),
                getattr(op, "directory", None),
            )
    return False

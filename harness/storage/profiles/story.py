"""The account of a crash: each lost or torn operation told by path, as "the rename of batch.tmp to batch.json was lost"."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.storage.draft import Fate, Part, Resized, SectorFates, Step, Steps
from harness.storage.image import Image
from harness.storage.oplog import (
    ROOT_INODE,
    Close,
    DropDirty,
    Link,
    Op,
    Rename,
    Returned,
    SetMode,
    SyncDirectory,
    SyncFile,
    SyncVolume,
    Truncate,
    Unlink,
    Write,
)

_TOLD_MAX = 3
_FATE_WORDS = {
    Fate.KEPT: "kept",
    Fate.LOST: "lost",
    Fate.ZEROS: "as zeros",
    Fate.GARBAGE: "as stale bytes",
    Fate.UNSIZED: "kept below the old end",
}
_STEP_WORDS = {
    Step.SOURCE_REMOVED: "the old name is gone",
    Step.DESTINATION_LINKED: "the new name is there",
    Step.DESTINATION_REMOVED: "the replaced name is gone",
    Step.CONTENT_FREED: "the old content is freed",
    Step.SPACE_LEAKED: "its space belongs to nobody",
}


@dataclass(frozen=True, slots=True)
class Loss:
    """One operation that did not reach the medium whole: its place in the log, the file it was about, and a sentence."""

    index: int
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes ``start`` to ``stop`` of a file came out otherwise than anybody wrote them; with no bytes, its name did."""

    inode: int
    start: int
    stop: int
    how: str


class _Names:
    """Paths of inodes as the software saw them, followed through the log."""

    def __init__(self, base: Image) -> None:
        self._name: dict[int, tuple[int, str]] = {}
        for directory, entries in base.directories.items():
            for name, inode in entries.items():
                self._name.setdefault(inode, (directory, name))

    def follow(self, op: Op) -> None:
        if isinstance(op, Link):
            self._name[op.inode] = (op.directory, op.name)
        elif isinstance(op, Rename):
            self._name[op.inode] = (op.new_directory, op.new_name)

    def path(self, inode: int) -> str:
        parts: list[str] = []
        while inode != ROOT_INODE and len(parts) < 64:
            place = self._name.get(inode)
            if place is None:
                return f"inode {inode}"
            parts.append(place[1])
            inode = place[0]
        return "/" + "/".join(reversed(parts))

    def entry(self, directory: int, name: str) -> str:
        return self.path(directory).rstrip("/") + "/" + name


def tell(
    base: Image, log: Sequence[Op], lost: Sequence[int], torn: Sequence[tuple[int, Part]]
) -> tuple[tuple[Loss, ...], tuple[Loss, ...]]:
    """The lost and the torn operations of one crash, each with its path and sentence."""
    names = _Names(base)
    lost_set, parts = set(lost), dict(torn)
    lost_told: list[Loss] = []
    torn_told: list[Loss] = []
    for index, op in enumerate(log):
        names.follow(op)
        if index in lost_set:
            path, act = _act(op, names)
            lost_told.append(Loss(index, path, f"{act} was lost"))
        elif index in parts:
            path, act = _act(op, names)
            torn_told.append(Loss(index, path, f"{act} was torn: {_part(op, parts[index])}"))
    return tuple(lost_told), tuple(torn_told)


def tell_since(base: Image, log: Sequence[Op], start: int) -> tuple[str, ...]:
    """What was done to the volume from operation ``start`` of its log on, barriers included, each in a few words."""
    return tuple(words for _, words in done_since(base, log, start))


def done_since(base: Image, log: Sequence[Op], start: int) -> tuple[tuple[Op, str], ...]:
    """The same, each with the operation."""
    names = _Names(base)
    told: list[tuple[Op, str]] = []
    for index, op in enumerate(log):
        names.follow(op)
        if index >= start and (words := _done(op, names)):
            told.append((op, words))
    return tuple(told)


def _done(op: Op, names: _Names) -> str:
    """Empty for what nobody asked for."""
    match op:
        case SyncFile():
            return f"{'fdatasync' if op.data_only else 'fsync'} of {names.path(op.inode)}"
        case SyncDirectory():
            return f"fsync of the directory {names.path(op.directory)}"
        case SyncVolume():
            return "" if op.written_back else "sync of the whole volume"
        case Returned() | Close():
            return ""
        case DropDirty():
            return f"failed fsync of {names.path(op.inode)}: its pages are dropped"
    return _act(op, names)[1]


def tell_damage(base: Image, log: Sequence[Op], damage: Sequence[Damage]) -> tuple[str, ...]:
    """One sentence for each piece of damage."""
    if not damage:
        return ()
    names = _Names(base)
    for op in log:
        names.follow(op)
    return tuple(
        f"{names.path(each.inode)} {each.how}"
        if each.start == each.stop
        else f"bytes {each.start} to {each.stop} of {names.path(each.inode)} {each.how}"
        for each in damage
    )


def describe(lost: Sequence[Loss], torn: Sequence[Loss]) -> str:
    """One sentence naming the first few losses and counting the rest."""
    every = sorted((*lost, *torn), key=lambda loss: loss.index)
    if not every:
        return "everything landed"
    told = "; ".join(loss.text for loss in every[:_TOLD_MAX])
    rest = len(every) - _TOLD_MAX
    return told if rest <= 0 else f"{told}; and {rest} more"


def _act(op: Op, names: _Names) -> tuple[str, str]:
    """The path an operation was about, and the operation as a noun phrase."""
    match op:
        case Write():
            path = names.path(op.inode)
            verb = "append" if op.offset_bytes >= op.old_size_bytes else "overwrite"
            return path, f"the {verb} of {len(op.data)} bytes at {op.offset_bytes} in {path}"
        case Truncate():
            path = names.path(op.inode)
            return path, f"the change of {path} from {op.old_size_bytes} to {op.size_bytes} bytes"
        case Link():
            path = names.entry(op.directory, op.name)
            return path, f"the {'creation' if op.created else 'linking'} of {path}"
        case Unlink():
            path = names.entry(op.directory, op.name)
            return path, f"the removal of {path}"
        case Rename():
            old, new = names.entry(op.old_directory, op.old_name), names.entry(op.new_directory, op.new_name)
            return new, f"the rename of {old} to {new}"
        case SetMode():
            path = names.path(op.inode)
            return path, f"the change of mode of {path}"
        case _:
            return "", op.__class__.__name__


def _part(op: Op, part: Part) -> str:
    match part:
        case SectorFates() if isinstance(op, Write):
            first = op.offset_bytes // part.sector_bytes
            runs: list[str] = []
            start = 0
            for place in range(1, len(part.fates) + 1):
                if place == len(part.fates) or part.fates[place] != part.fates[start]:
                    span = (
                        f"sector {first + start}"
                        if place - start == 1
                        else f"sectors {first + start}-{first + place - 1}"
                    )
                    runs.append(f"{span} {_FATE_WORDS[Fate(part.fates[start])]}")
                    start = place
            return ", ".join(runs)
        case Resized():
            said = [] if part.size_bytes is None else [f"the size stopped at {part.size_bytes}"]
            if part.fill_to > part.fill_from:
                said.append(f"bytes {part.fill_from} to {part.fill_to} {_FATE_WORDS[part.fate]}")
            return ", ".join(said)
        case Steps():
            return ", ".join(words for step, words in _STEP_WORDS.items() if part.done & step) or "no step landed"
        case _:
            return "in part"

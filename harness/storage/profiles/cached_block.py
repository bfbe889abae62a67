"""Flash behind a translation layer: what a cut does to bytes that nobody was writing, on top of a file system's own losses.

Models: a cut while the controller copies an erase block to write a few sectors of it. The file system above loses what it may
lose; and in one erase block that holds a sector of a write not yet flushed, one of these is found: the block's other sectors all
erased (zeros), or one of them stale: the one just before the write, the one just after it, the first or the last of the block;
or the first or last sector of the write itself neither old nor new. Drawn, that is one cut in ``HARM_ONE_IN`` of those that
find a write pending; listed, each is one more image, at most seven for each pending write, so that the list grows by a
sum and not by a product.
Which sectors share an erase block is the controller's secret. Here files lie one after the other in the order of their
paths, each from a 4 KiB boundary: small files of one directory share a block, as they do on a file system that fills a volume
from its beginning, and a record and its second copy mostly do.
Does not model: damage to the file system's own structures other than directory entries (a volume that does not mount is a
device for the workshop), sectors that share a block by the time at which they were written (a page-mapped controller),
damage while nothing was being written (garbage collection in the background).
Source: littlefs#748 (a layer that reads a block, erases it and writes it back loses the block at a cut between);
electronics.stackexchange 234970 (SD cards: the whole page around the sector); Zheng et al., FAST'13 (bit corruption and shorn
writes in 13 of 15 devices); Datalight 2018 (an interrupted program or erase leaves unreadable or wrong pages).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.storage.draft import Draft, garbage
from harness.storage.image import Image
from harness.storage.oplog import Link, Op, Rename, Unlink, Write
from harness.storage.profiles.base import Crash, CrashState, Profile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.in_order import dropped_data
from harness.storage.profiles.story import Damage

HARM_ONE_IN = 8
SECTOR_BYTES = 512
_CLUSTER_BYTES = 4096
_WRITTEN = (Write, Link, Unlink, Rename)
_NAMES_MAX = 4

_REMEMBER = (
    "which sectors share an erase block is the controller's secret, and a cut may destroy any that share one with a sector being "
    "written, so that every copy of a record on this medium can go at once; the duty left is to detect it and show it"
)
_SEND = (
    "a reversal or order on this medium can be destroyed by a cut during a write to something else, in all its copies; the duty "
    "left is to detect it and show it"
)
UNSURVIVABLE: Mapping[int, str] = {
    1: _REMEMBER,
    2: _REMEMBER,
    3: _SEND,
    4: _SEND,
    5: _SEND,
    6: f"{_SEND}, and it holds nothing back any more",
    17: _REMEMBER,
    19: f"a cut in the middle of recovery destroys as any other: {_REMEMBER}",
    20: _REMEMBER,
    23: f"how far a settlement had come is kept on this medium alone: {_REMEMBER}",
    25: _REMEMBER,
    30: _SEND,
    31: _SEND,
}
"""What no software that knows files alone can keep once a cut has harmed what nobody was writing."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes of one file."""

    inode: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Harm:
    """What one damaged erase block looks like: these bytes stale or erased, or a name gone."""

    spans: tuple[_Span, ...] = ()
    erased: bool = False
    name: tuple[int, str] | None = None


class CachedBlockProfile(Profile):
    """A file system's profile on a medium that harms neighbours."""

    file_system: Profile
    erase_block_bytes: int
    # Directory entries share sectors and erase blocks as well, and no journal writes them again.
    loses_entries = False

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        return self.file_system.crash(base, log, choices)

    def mount(self, draft: Draft) -> Image:
        return self.file_system.mount(draft)

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        return self.file_system.surely_durable(base, log)

    def durable_prefix(self, base: Image, log: Sequence[Op]) -> tuple[Image, list[Op]]:
        return self.file_system.durable_prefix(base, log)

    def thins(self, log: Sequence[Op]) -> bool:
        return self.file_system.thins(log)

    def excuses(self, state: CrashState) -> Mapping[int, str]:
        """The neighbours' damage excuses only where there is some; the file system's own excuses hold as ever."""
        own = self.file_system.survivability
        harmed = {number: why for number, why in self.survivability.items() if number not in own}
        return {**(harmed if state.damage else {}), **self.file_system.excuses(state)}

    def harm(self, image: Image, crash: Crash, base: Image, log: Sequence[Op], choices: Choices) -> Image:
        if not any(isinstance(op, _WRITTEN) for op in log) or not choices.rarely(HARM_ONE_IN):
            return image
        harms = list(dict.fromkeys(self._harms(image, *self.durable_prefix(base, log))))
        return _harmed(image, crash, harms[choices.any_of(len(harms))]) if harms else image

    def _harms(self, image: Image, base: Image, log: Sequence[Op]) -> Iterator[_Harm]:
        """Everything that one damaged erase block may look like; later operations only add to it."""
        layout = _Layout(image, self.erase_block_bytes)
        durable, dropped = self.surely_durable(base, log), dropped_data(log)
        for op, state, given_up in zip(log, durable, dropped, strict=True):
            if state == Durability.DURABLE or given_up:
                continue
            if isinstance(op, Write):
                yield from layout.around(op.inode, op.offset_bytes, op.offset_bytes + len(op.data))
            elif self.loses_entries and isinstance(op, Link | Unlink):
                yield from _entries_beside(image, op.directory, op.name)
            elif self.loses_entries and isinstance(op, Rename):
                if state == Durability.PENDING:  # else one half is durable, and of a folded log that is the old name's
                    yield from _entries_beside(image, op.old_directory, op.old_name)
                yield from _entries_beside(image, op.new_directory, op.new_name)


def _entries_beside(image: Image, directory: int, name: str) -> Iterator[_Harm]:
    """The nearest entries before and after one that is being written, in the order of their names."""
    others = [other for other in image.directories.get(directory, {}) if other != name]
    place = sum(other < name for other in others)
    for other in others[max(0, place - _NAMES_MAX // 2) : place + _NAMES_MAX // 2]:
        yield _Harm(name=(directory, other))


class _Layout:
    """Where on the medium the files of an image lie."""

    def __init__(self, image: Image, erase_block_bytes: int) -> None:
        self._erase_block_bytes = erase_block_bytes
        self._begins: dict[int, int] = {}
        self._extents: list[tuple[int, int, int]] = []
        at = 0
        for _, inode in image.walk():
            size = len(image.files.get(inode, b""))
            if size and inode not in self._begins:
                self._begins[inode] = at
                self._extents.append((at, inode, size))
                at += -(-size // _CLUSTER_BYTES) * _CLUSTER_BYTES
        self._sizes = {inode: size for _, inode, size in self._extents}

    def around(self, inode: int, start: int, stop: int) -> Iterator[_Harm]:
        """The erase blocks that a write touches, each harmed in each way."""
        begin, size = self._begins.get(inode), self._sizes.get(inode, 0)
        start = start // SECTOR_BYTES * SECTOR_BYTES
        stop = min(size, -(-stop // SECTOR_BYTES) * SECTOR_BYTES)
        if begin is None or start >= stop:
            return
        unit = self._erase_block_bytes
        for block in sorted({(begin + start) // unit, (begin + stop - 1) // unit}):
            others = list(self._sectors(block * unit, (block + 1) * unit, inode, start, stop))
            if others:
                yield _Harm(tuple(_joined(others)), erased=True)
                before = [each for each in others if self._begins[each.inode] + each.start < begin + start]
                after = others[len(before) :]
                for each in (*before[-1:], *after[:1], others[0], others[-1]):
                    yield _Harm((each,))
        yield _Harm((_Span(inode, start, min(size, start + SECTOR_BYTES)),))
        last = (stop - 1) // SECTOR_BYTES * SECTOR_BYTES
        yield _Harm((_Span(inode, last, stop),))

    def _sectors(self, low: int, high: int, inode: int, start: int, stop: int) -> Iterator[_Span]:
        """Sectors of files between two places of the medium, but for those of the write itself."""
        for at, each, size in self._extents:
            if at >= high or at + size <= low:
                continue
            for offset in range(max(0, low - at), min(size, high - at), SECTOR_BYTES):
                if each != inode or not start <= offset < stop:
                    yield _Span(each, offset, min(size, offset + SECTOR_BYTES))


def _joined(spans: Sequence[_Span]) -> Iterator[_Span]:
    """Sectors that follow each other in a file as one span."""
    last: _Span | None = None
    for span in spans:
        if last is not None and last.inode == span.inode and last.stop == span.start:
            last = _Span(last.inode, last.start, span.stop)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _harmed(image: Image, crash: Crash, harm: _Harm) -> Image:
    draft = Draft(image)
    for span in harm.spans:
        length = span.stop - span.start
        draft.write(span.inode, span.start, bytes(length) if harm.erased else garbage(span.start, length))
        crash.damaged.append(Damage(span.inode, span.start, span.stop, "are erased" if harm.erased else "are stale"))
    if harm.name is not None:
        directory, name = harm.name
        inode = image.directories[directory][name]
        draft.apply(Unlink(directory, name, inode))
        crash.damaged.append(Damage(inode, 0, 0, "lost its directory entry"))
        return draft.mount(hard_links=False, leak_orphans=True)
    return draft.freeze()

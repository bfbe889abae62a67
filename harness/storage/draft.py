"""An image under construction: whole operations, or the parts of them that reached the medium, applied in order.

Models: the effect on the durable state of an operation that got through whole, torn at sectors, or in some of its steps.
Does not model: which parts are legal, which is each profile's matter.
Source: ALICE's micro-operations (OSDI'14): a write by the sector, a size change apart from its data, a rename by its steps.
"""

import hashlib
from enum import IntEnum
from typing import Final, TypeAlias

import msgspec

from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, Link, Op, Rename, SetMode, Truncate, Unlink, Write

_FILE_TYPE_MASK = 0o170000
_DIRECTORY = 0o040000
_SYMBOLIC_LINK = 0o120000

# What a block held before it was ours: fixed, so that a seed gives the same bytes everywhere, and never a valid record.
_GARBAGE = hashlib.shake_256(b"stale blocks").digest(8192)


class Fate(IntEnum):
    """What became of one sector of a write."""

    KEPT = 0
    LOST = 1
    ZEROS = 2  # the size grew over it, the data did not land
    GARBAGE = 3  # the size grew over it, and what the block held before shows
    UNSIZED = 4  # the data landed, the size did not grow to it


class Step:
    """Which separate writes of a rename or unlink landed: bits, added up (plain integers, as these are hot)."""

    NONE: Final = 0
    SOURCE_REMOVED: Final = 1  # of an unlink: its one name
    DESTINATION_LINKED: Final = 2
    DESTINATION_REMOVED: Final = 4
    CONTENT_FREED: Final = 8  # the replaced or unlinked file was emptied
    SPACE_LEAKED: Final = 16  # its blocks belong to nobody now


WHOLE_RENAME = Step.SOURCE_REMOVED | Step.DESTINATION_LINKED


class SectorFates(msgspec.Struct, frozen=True):
    """Part of a Write: one Fate for each sector it touches, in file order."""

    fates: bytes
    sector_bytes: int = 512


class Resized(msgspec.Struct, frozen=True):
    """Part of a Truncate: the size reached (None: unchanged), and bytes ``fill_from`` to ``fill_to`` lost to ``fate``."""

    size_bytes: int | None
    fill_from: int = 0
    fill_to: int = 0
    fate: Fate = Fate.ZEROS


class Steps(msgspec.Struct, frozen=True):
    """Part of a Rename or Unlink: the steps that landed."""

    done: int


Part: TypeAlias = SectorFates | Resized | Steps


def garbage(offset_bytes: int, length_bytes: int) -> bytes:
    """Stale bytes for a range of a file; a function of the place alone."""
    start = offset_bytes % 4096
    whole = _GARBAGE[start : start + length_bytes]
    while len(whole) < length_bytes:
        whole += _GARBAGE[: length_bytes - len(whole)]
    return whole


def write_sector(buffer: bytearray, op: Write, start: int, stop: int, fate: int) -> None:
    """Puts what became of one sector of a write into the file's content."""
    offset = op.offset_bytes
    if fate == Fate.KEPT:
        if start > len(buffer):
            buffer.extend(bytes(start - len(buffer)))
        buffer[start:stop] = op.data[start - offset : stop - offset]
    elif fate == Fate.UNSIZED:
        shown = min(stop, len(buffer))
        if shown > start:
            buffer[start:shown] = op.data[start - offset : shown - offset]
    elif fate != Fate.LOST:
        # Bytes below the old size keep what they held: only the growth is without its data.
        grown = max(start, op.old_size_bytes)
        if grown > len(buffer):
            buffer.extend(bytes(grown - len(buffer)))
        length = stop - grown
        buffer[grown:stop] = bytes(length) if fate == Fate.ZEROS else garbage(grown, length)


class Draft:
    """Applies operations to a copy of an image; ``freeze`` or ``mount`` gives the new image."""

    __slots__ = (
        "_base",
        "_buffers",
        "_names_touched",
        "_owned",
        "directories",
        "files",
        "links",
        "lost_chains",
        "modes",
        "released",
    )

    def __init__(self, base: Image) -> None:
        self._base = base
        self.files = dict(base.files)
        self.directories = dict(base.directories)
        self.modes = dict(base.modes)
        self.links = dict(base.links)
        self.lost_chains = base.lost_chains
        self._buffers: dict[int, bytearray] = {}
        self._owned: dict[int, dict[str, int]] = {}
        self._names_touched = False
        # Inodes whose last name went for good: their space is free, however they end.
        self.released: set[int] = set()

    # ------------------------------------------------------------------ operations

    def apply(self, op: Op, part: Part | None = None) -> None:
        """Apply ``op``, or only that ``part`` of it. Barriers and closes change nothing."""
        if type(op) is Write:
            if part is None:
                self.write(op.inode, op.offset_bytes, op.data)
            else:
                assert type(part) is SectorFates
                self._write_sectors(op, part)
        elif type(op) is Truncate:
            assert part is None or type(part) is Resized
            self._resize(op, part)
        elif type(op) is Link:
            self.register(op)
            self._entries(op.directory)[op.name] = op.inode
        elif type(op) is Unlink:
            assert part is None or type(part) is Steps
            self._unlink(op, Step.SOURCE_REMOVED if part is None else part.done)
        elif type(op) is Rename:
            assert part is None or type(part) is Steps
            self._rename(op, WHOLE_RENAME if part is None else part.done)
        elif type(op) is SetMode:
            self.modes[op.inode] = op.mode

    def register(self, op: Link) -> None:
        """The inode of a Link exists even when its name was lost: a later link or rename may still name it.

        A name that survives without its inode's own block is what a mount repairs to an empty file: the same here.
        """
        inode = op.inode
        if op.created and inode not in self.modes:
            self.modes[inode] = op.mode
            file_type = op.mode & _FILE_TYPE_MASK
            if file_type == _DIRECTORY:
                self.directories.setdefault(inode, {})
            elif file_type == _SYMBOLIC_LINK:
                self.links[inode] = op.target or ""
        self._names_touched = True

    def write(self, inode: int, offset_bytes: int, data: bytes) -> None:
        buffer = self._buffer(inode)
        size = len(buffer)
        if offset_bytes > size:
            buffer.extend(bytes(offset_bytes - size))
        buffer[offset_bytes : offset_bytes + len(data)] = data

    def size_of(self, inode: int) -> int:
        buffer = self._buffers.get(inode)
        return len(self.files.get(inode, b"")) if buffer is None else len(buffer)

    def content_of(self, inode: int) -> bytes:
        return bytes(self._buffers.get(inode, self.files.get(inode, b"")))

    # ------------------------------------------------------------------ parts

    def _buffer(self, inode: int) -> bytearray:
        buffer = self._buffers.get(inode)
        if buffer is None:
            buffer = self._buffers[inode] = bytearray(self.files.get(inode, b""))
        return buffer

    def _entries(self, directory: int) -> dict[str, int]:
        self._names_touched = True
        entries = self._owned.get(directory)
        if entries is None:
            entries = self._owned[directory] = dict(self.directories.get(directory, {}))
            self.directories[directory] = entries
        return entries

    def _write_sectors(self, op: Write, part: SectorFates) -> None:
        buffer = self._buffer(op.inode)
        offset, sector_bytes = op.offset_bytes, part.sector_bytes
        end = offset + len(op.data)
        start = offset
        for fate in part.fates:
            stop = min(end, (start // sector_bytes + 1) * sector_bytes)
            write_sector(buffer, op, start, stop, fate)
            start = stop

    def _resize(self, op: Truncate, part: Resized | None) -> None:
        buffer = self._buffer(op.inode)
        if part is None:
            size: int | None = op.size_bytes
        elif part.size_bytes is None:
            size = None
        elif op.size_bytes < op.old_size_bytes:
            size = min(len(buffer), part.size_bytes)
        else:
            size = max(len(buffer), part.size_bytes)
        if size is not None:
            if size <= len(buffer):
                del buffer[size:]
            else:
                buffer.extend(bytes(size - len(buffer)))
        if part is not None and part.fill_to > part.fill_from:
            stop = min(part.fill_to, len(buffer))
            length = stop - part.fill_from
            if length > 0:
                fill = bytes(length) if part.fate == Fate.ZEROS else garbage(part.fill_from, length)
                buffer[part.fill_from : stop] = fill

    def _lose_space(self, inode: int) -> None:
        """What the inode holds belongs to nobody from now on; an empty file has no clusters to lose, a directory has one."""
        size_bytes = 1 if inode in self.directories else self.size_of(inode)
        if size_bytes:
            self.lost_chains = (*self.lost_chains, size_bytes)

    def _free_content(self, inode: int) -> None:
        if inode not in self.directories and inode not in self.links:
            self._buffers[inode] = bytearray()

    def _unlink(self, op: Unlink, done: int) -> None:
        if done & Step.SPACE_LEAKED:
            self._lose_space(op.inode)
        if done & Step.CONTENT_FREED:
            self._free_content(op.inode)
        if done & Step.SOURCE_REMOVED:
            entries = self._entries(op.directory)
            if entries.get(op.name) == op.inode:
                del entries[op.name]

    def _rename(self, op: Rename, done: int) -> None:
        replaced = op.replaced_inode
        if replaced is not None and done & Step.CONTENT_FREED:
            self._free_content(replaced)
        if replaced is not None and done & Step.DESTINATION_REMOVED:
            entries = self._entries(op.new_directory)
            if entries.get(op.new_name) == replaced:
                del entries[op.new_name]
        if done & Step.SOURCE_REMOVED:
            entries = self._entries(op.old_directory)
            if entries.get(op.old_name) == op.inode:
                del entries[op.old_name]
        if done & Step.DESTINATION_LINKED:
            self._entries(op.new_directory)[op.new_name] = op.inode

    # ------------------------------------------------------------------ results

    def forget(self, inode: int) -> None:
        """Drop an inode that nothing names or can name again."""
        self.files.pop(inode, None)
        self.modes.pop(inode, None)
        self.links.pop(inode, None)
        self.directories.pop(inode, None)
        self._buffers.pop(inode, None)
        self._owned.pop(inode, None)

    def freeze(self) -> Image:
        """The image as it stands, inodes without a name included: a later operation may name them."""
        digests = dict(self._base.content_digests())
        for inode, buffer in self._buffers.items():
            self.files[inode] = bytes(buffer)
            digests.pop(inode, None)
        for directory, entries in self._owned.items():
            self.directories[directory] = dict(sorted(entries.items()))
        return Image(self.files, self.directories, self.modes, self.links, self.lost_chains, digests)

    def mount(self, *, hard_links: bool = True, leak_orphans: bool = False) -> Image:
        """The image as a mount finds it: unreachable inodes gone, a directory named twice kept at its first name.

        Without ``hard_links`` a second name of a file becomes a file of its own (what a FAT checker makes of two
        entries sharing a chain). With ``leak_orphans`` the content of an unreachable file is lost space.
        """
        if self._names_touched or (not hard_links and any(n > 1 for n in self._base.link_counts().values())):
            self._settle_names(hard_links, leak_orphans)
        else:
            for inode in [inode for inode in self._buffers if inode not in self.modes]:
                self.forget(inode)  # written through a descriptor after its last name went
        return self.freeze()

    def _settle_names(self, hard_links: bool, leak_orphans: bool) -> None:
        reached = {ROOT_INODE}
        queue = [ROOT_INODE]
        fresh = 0
        for directory in queue:
            for name, inode in sorted(self.directories[directory].items()):
                if inode not in reached:
                    reached.add(inode)
                    if inode in self.directories:
                        queue.append(inode)
                elif inode in self.directories:
                    del self._entries(directory)[name]
                elif not hard_links:
                    fresh = max(fresh, *self.modes, *self.files) + 1
                    self._entries(directory)[name] = fresh
                    self._buffers[fresh] = bytearray(self._buffer(inode))
                    self.modes[fresh] = self.modes[inode]
                    reached.add(fresh)
        for inode in [*self.modes, *self.files, *self._buffers]:
            if inode not in reached and (inode in self.modes or inode in self.files or inode in self._buffers):
                if leak_orphans and inode not in self.released:
                    self._lose_space(inode)
                self.forget(inode)

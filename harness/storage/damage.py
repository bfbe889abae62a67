"""Damage to what is stored: it stays when conditions are lifted, and it survives power loss.

Models: flipped bits, zeroed ranges, truncated and lost files, an older copy of a tree put back. Each acts on what readers
see now and on the medium alike: the change goes to the op log as ordinary records, followed by the barrier that makes it
durable (SyncFile for content, SyncDirectory for names). That barrier also settles whatever the terminal had written to
that one file or directory and not yet synced: damage is meant to strike data at rest.
Does not model: damage that asks for space to be refused; an older, larger copy may leave free space negative.
Source: Jepsen's file nemesis (bit flip, truncate, snapshot and restore), field reports of stale flash backups restored.
"""

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from harness.storage.disk import Disk
from harness.storage.inode import Directory, Inode, RegularFile, SymbolicLink
from harness.storage.media import DamagedName, DamagedRange, media_of
from harness.storage.oplog import SyncDirectory, SyncFile, Truncate, Write
from harness.storage.oserrors import os_error

END_OF_ANY_FILE = 1 << 62


class Bites(Protocol):
    """What counts how often damage was met."""

    bites: int


@dataclass(frozen=True, slots=True)
class Damage:
    """What was done, and how often a reader met it. ``changed_bytes`` or ``changed_names`` of zero means nothing was."""

    changed_bytes: int
    changed_names: int
    met: tuple[Bites, ...] = field(default=())

    @property
    def bites(self) -> int:
        return sum(part.bites for part in self.met)


def flip_bits(disk: Disk, path: str, offset_bytes: int, mask: bytes) -> Damage:
    """Inverts the bits set in ``mask``, from the offset on; what lies in a hole or past the end cannot be hit."""
    inode = _file(disk, path)
    stored = bytes(inode.content[offset_bytes : offset_bytes + len(mask)])
    return _overwrite(inode, offset_bytes, bytes(old ^ bits for old, bits in zip(stored, mask, strict=False)), stored)


def zero_range(disk: Disk, path: str, offset_bytes: int, length_bytes: int) -> Damage:
    """Stored bytes of the range become zeros, as a page reads that a file system never wrote."""
    return _fill_range(disk, path, offset_bytes, length_bytes, b"\0")


def erase_range(disk: Disk, path: str, offset_bytes: int, length_bytes: int) -> Damage:
    """Stored bytes of the range become 0xFF, as erased flash reads."""
    return _fill_range(disk, path, offset_bytes, length_bytes, b"\xff")


def overwrite_range(disk: Disk, path: str, offset_bytes: int, data: bytes) -> Damage:
    """Stored bytes from the offset on become ``data``; holes and what is past the end stay as they are."""
    inode = _file(disk, path)
    stored = bytes(inode.content[offset_bytes : offset_bytes + len(data)])
    return _overwrite(inode, offset_bytes, data[: len(stored)], stored)


def _fill_range(disk: Disk, path: str, offset_bytes: int, length_bytes: int, byte: bytes) -> Damage:
    inode = _file(disk, path)
    stored = bytes(inode.content[offset_bytes : offset_bytes + length_bytes])
    return _overwrite(inode, offset_bytes, byte * len(stored), stored)


def truncate_file(disk: Disk, path: str, size_bytes: int) -> Damage:
    """Cuts a file to ``size_bytes``; a file that is not longer is left alone."""
    inode = _file(disk, path)
    lost = inode.size_bytes - size_bytes
    if lost <= 0:
        return Damage(0, 0)
    end = inode.size_bytes
    inode.volume.truncate(inode, size_bytes)
    return _settle_file(inode, lost, size_bytes, end)


def lose_file(disk: Disk, path: str) -> Damage:
    """The name is gone, and the file with it when it was the last one. A directory goes with all it holds."""
    directory, name, inode = disk.locate_entry(path)
    if inode is None or name in ("", ".", "..") or inode.volume is not directory.volume:
        raise os_error(2, path)
    _remove(directory, name, inode)
    return _damaged_names(((directory, name),))


TreeCopy: TypeAlias = "dict[str, TreeCopy] | bytes | SymbolicLinkCopy"


@dataclass(frozen=True, slots=True)
class SymbolicLinkCopy:
    target: str


def copy_tree(disk: Disk, path: str) -> TreeCopy:
    """What lies at the path now, to be put back later as a stale backup. Costs nothing and counts as no call."""
    return _copy(disk.locate(path))


def restore_tree(disk: Disk, path: str, copy: TreeCopy) -> Damage:
    """The copy replaces what lies at the path: files go back to their old bytes, later names vanish, old ones return."""
    if isinstance(copy, dict):
        inode = disk.locate(path)
        if not isinstance(inode, Directory):
            raise os_error(20, path)
        damages = _restore_directory(inode, copy)
    else:
        directory, name, _ = disk.locate_entry(path)
        damages = _restore_entry(directory, name, copy)
    return Damage(
        sum(damage.changed_bytes for damage in damages),
        sum(damage.changed_names for damage in damages),
        tuple(part for damage in damages for part in damage.met),
    )


def _copy(inode: Inode) -> TreeCopy:
    if isinstance(inode, Directory):
        return {name: _copy(child) for name, child in inode.entries.items()}
    if isinstance(inode, SymbolicLink):
        return SymbolicLinkCopy(inode.target)
    assert isinstance(inode, RegularFile)
    return inode.volume.read(inode, 0, inode.size_bytes)


def _file(disk: Disk, path: str) -> RegularFile:
    inode = disk.locate(path)
    if not isinstance(inode, RegularFile):
        raise os_error(21, path)
    return inode


def _overwrite(inode: RegularFile, offset_bytes: int, data: bytes, stored: bytes) -> Damage:
    if data == stored:
        return Damage(0, 0)
    inode.volume.overwrite_stored(inode, offset_bytes, data)
    differing = [index for index, (old, new) in enumerate(zip(stored, data, strict=True)) if old != new]
    return _settle_file(inode, len(differing), offset_bytes + differing[0], offset_bytes + differing[-1] + 1)


def _settle_file(inode: RegularFile, changed_bytes: int, start_bytes: int, end_bytes: int) -> Damage:
    """Makes the change durable, and remembers where a reader meets it."""
    volume = inode.volume
    volume.log.append(SyncFile(inode.number))
    volume.cleaned(inode)
    met = DamagedRange(inode.number, start_bytes, end_bytes)
    media_of(volume).damaged_ranges.append(met)
    return Damage(changed_bytes, 0, (met,))


def _damaged_names(places: tuple[tuple[Directory, str], ...]) -> Damage:
    parts = []
    for directory, name in places:
        directory.volume.log.append(SyncDirectory(directory.number))
        met = DamagedName(directory.number, name)
        media_of(directory.volume).damaged_names.append(met)
        parts.append(met)
    return Damage(0, len(parts), tuple(parts))


def _remove(directory: Directory, name: str, inode: Inode) -> None:
    if isinstance(inode, Directory):
        for inner, child in list(inode.entries.items()):
            _remove(inode, inner, child)
        directory.volume.log.append(SyncDirectory(inode.number))
    directory.volume.unlink(directory, name, inode)


def _restore_directory(directory: Directory, copy: dict[str, TreeCopy]) -> list[Damage]:
    damages = []
    for name, inode in list(directory.entries.items()):
        if name not in copy:
            _remove(directory, name, inode)
            damages.append(_damaged_names(((directory, name),)))
    for name, old in copy.items():
        damages.extend(_restore_entry(directory, name, old))
    return damages


def _restore_entry(directory: Directory, name: str, copy: TreeCopy) -> list[Damage]:
    inode = directory.entries.get(name)
    if isinstance(copy, dict):
        if isinstance(inode, Directory):
            return _restore_directory(inode, copy)
        made = _replace(directory, name, inode, Directory, 0o40755)
        assert isinstance(made, Directory)
        return [_damaged_names(((directory, name),)), *_restore_directory(made, copy)]
    if isinstance(copy, SymbolicLinkCopy):
        if isinstance(inode, SymbolicLink) and inode.target == copy.target:
            return []
        volume = directory.volume
        if inode is not None:
            _remove(directory, name, inode)
        volume.create(directory, name, SymbolicLink(volume, _next_inode(directory), copy.target, 0))
        return [_damaged_names(((directory, name),))]
    damages = []
    if not isinstance(inode, RegularFile):
        inode = _replace(directory, name, inode, RegularFile, 0o100644)
        damages.append(_damaged_names(((directory, name),)))
    assert isinstance(inode, RegularFile)
    if inode.volume.read(inode, 0, inode.size_bytes) != copy:
        damages.append(_restore_content(inode, copy))
    return damages


def _restore_content(inode: RegularFile, content: bytes) -> Damage:
    """Puts old bytes back whatever the free space: a restore wrote them behind the terminal's back."""
    volume = inode.volume
    before = volume.allocated_blocks(inode)
    old_size = inode.size_bytes
    inode.content = bytearray(content)
    inode.size_bytes = len(content)
    inode.holes = None
    volume.free_blocks += before - volume.allocated_blocks(inode)
    volume.log.append(Truncate(inode.number, 0, old_size))
    if content:
        volume.log.append(Write(inode.number, 0, content, 0))
    return _settle_file(inode, max(len(content), old_size), 0, END_OF_ANY_FILE)


def _replace(
    directory: Directory, name: str, inode: Inode | None, kind: type[Directory] | type[RegularFile], mode: int
) -> Inode:
    volume = directory.volume
    if inode is not None:
        _remove(directory, name, inode)
    made = kind(volume, _next_inode(directory), mode, volume.now_us() * 1000)
    volume.create(directory, name, made)
    return made


def _next_inode(directory: Directory) -> int:
    volume = directory.volume
    number = volume.next_inode
    volume.next_inode += 1
    return number

"""What a volume holds, as plain mappings: the form in which images go in at a mount and descriptions come out.

Models: contents, names, modes and symbolic links by inode number. Does not model: times, open files, which blocks of a
file are holes (a mount on the same volume remembers the holes of files it knew; elsewhere all blocks are allocated).
"""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.contract.making import quick
from harness.storage.inode import Directory, Inode, RegularFile, SymbolicLink
from harness.storage.oplog import ROOT_INODE
from harness.storage.volume import Volume

DEFAULT_FILE_MODE = stat.S_IFREG | 0o644
DEFAULT_DIRECTORY_MODE = stat.S_IFDIR | 0o755


class VolumeImage(Protocol):
    """What a mount needs; a crash image gives it, and so does ``VolumeContents``."""

    @property
    def files(self) -> Mapping[int, bytes]: ...
    @property
    def directories(self) -> Mapping[int, Mapping[str, int]]: ...
    @property
    def modes(self) -> Mapping[int, int]: ...
    @property
    def links(self) -> Mapping[int, str]: ...
    @property
    def lost_chains(self) -> tuple[int, ...]: ...


@quick
@dataclass(frozen=True, slots=True)
class VolumeContents:
    """A volume's whole tree; equal trees compare equal."""

    files: dict[int, bytes]
    directories: dict[int, dict[str, int]]
    modes: dict[int, int]
    links: dict[int, str]
    lost_chains: tuple[int, ...] = ()


def export_volume(volume: Volume) -> VolumeContents:
    """Everything reachable from the root, in breadth-first order of names. Unlinked open files are left out."""
    contents = VolumeContents({}, {}, {}, {}, volume.lost_chains)
    queue: list[Inode] = [volume.root]
    seen: set[int] = {ROOT_INODE}
    for inode in queue:
        contents.modes[inode.number] = inode.mode
        if isinstance(inode, Directory):
            contents.directories[inode.number] = {name: child.number for name, child in inode.entries.items()}
            fresh = [child for child in inode.entries.values() if child.number not in seen]
            for child in fresh:
                if child.number not in seen:
                    seen.add(child.number)
                    queue.append(child)
        elif isinstance(inode, RegularFile):
            contents.files[inode.number] = volume.read(inode, 0, inode.size_bytes)
        elif isinstance(inode, SymbolicLink):
            contents.links[inode.number] = inode.target
    return contents


def load_image(volume: Volume, image: VolumeImage, remembered: Volume | None = None) -> None:
    """Mounts an image: the tree becomes the image's, the log starts empty, inode numbers survive.

    Space that the image has lost (``lost_chains``) is taken, cluster by cluster, though no file owns it.

    A name whose inode the image does not hold becomes an empty regular file (a FAT entry without clusters). An image
    larger than the volume leaves free space negative, as a shrunk medium does.
    """
    holes = _known_holes(remembered if remembered is not None else volume)
    volume.clear()
    volume.log = []
    volume.base_image = image
    volume.lose(image.lost_chains)
    volume.root.mode = image.modes.get(ROOT_INODE, DEFAULT_DIRECTORY_MODE)
    made: dict[int, Inode] = {ROOT_INODE: volume.root}
    queue: list[Directory] = [volume.root]
    for directory in queue:
        for name, number in image.directories.get(directory.number, {}).items():
            inode = made.get(number)
            if inode is None:
                inode = made[number] = _make(volume, image, number, holes)
                if isinstance(inode, Directory):
                    queue.append(inode)
            elif volume.links_use_inodes:
                volume.free_inodes -= 1
            volume.attach(directory, name, inode)
    volume.next_inode = max(volume.next_inode, max(made) + 1)


def spawn_volume(volume: Volume, image: VolumeImage) -> Volume:
    """A further volume of the same geometry holding the image: for looking at one crash image among many."""
    spawned = Volume(
        volume.name,
        volume.mount_point,
        volume.total_blocks << volume.block_shift,
        volume.block_size_bytes,
        volume.inode_limit,
        partial_writes=volume.partial_writes,
        directory_blocks=volume.directory_blocks,
        links_use_inodes=volume.links_use_inodes,
        read_only=volume.read_only,
        file_bytes_max=volume.file_bytes_max,
        latency=volume.latency,
        flash=volume.flash,
    )
    spawned.now_us = volume.now_us
    spawned.next_inode = volume.next_inode
    load_image(spawned, image, remembered=volume)
    return spawned


def _make(volume: Volume, image: VolumeImage, number: int, holes: Mapping[int, frozenset[int]]) -> Inode:
    now_ns = volume.now_us() * 1000
    volume.free_inodes -= 1
    if number in image.directories:
        directory = Directory(volume, number, image.modes.get(number, DEFAULT_DIRECTORY_MODE), now_ns)
        directory.links = 1
        if volume.directory_blocks:
            directory.blocks = 1
            volume.free_blocks -= 1
        return directory
    if number in image.links:
        link = SymbolicLink(volume, number, image.links[number], now_ns)
        volume.free_blocks -= volume.allocated_blocks(link)
        return link
    file = RegularFile(volume, number, image.modes.get(number, DEFAULT_FILE_MODE), now_ns)
    content = image.files.get(number, b"")
    file.content = content
    file.size_bytes = len(content)
    known = holes.get(number)
    if known:
        _restore_holes(volume, file, content, known)
    volume.free_blocks -= volume.allocated_blocks(file)
    return file


def _known_holes(volume: Volume) -> dict[int, frozenset[int]]:
    """Which blocks of which files are holes now, the hole past the stored content included."""
    found: dict[int, frozenset[int]] = {}
    queue: list[Directory] = [volume.root]
    seen: set[int] = {ROOT_INODE}
    for directory in queue:
        for inode in directory.entries.values():
            if inode.number in seen:
                continue
            seen.add(inode.number)
            if isinstance(inode, Directory):
                queue.append(inode)
            elif isinstance(inode, RegularFile):
                tail = range(volume.blocks_for(len(inode.content)), volume.blocks_for(inode.size_bytes))
                if inode.holes or tail:
                    found[inode.number] = frozenset(inode.holes or ()) | frozenset(tail)
    return found


def _restore_holes(volume: Volume, file: RegularFile, content: bytes, known: frozenset[int]) -> None:
    """Blocks known to be holes stay holes where the image holds zeros there; those at the end are cut off."""
    shift = volume.block_shift
    holes = {
        index
        for index in known
        if index < volume.blocks_for(len(content)) and not any(content[index << shift : (index + 1) << shift])
    }
    have = volume.blocks_for(len(content))
    length = len(content)
    while have and have - 1 in holes:
        have -= 1
        holes.discard(have)
        length = min(length, have << shift)
    file.content = content[:length]
    file.holes = holes or None

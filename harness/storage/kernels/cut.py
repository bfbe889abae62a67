"""A power cut on a recorded device: the image it leaves, mounted on this kernel and read.

Models: the writes that a completed flush covers are there; of later ones the drive may have kept any, whole or torn at
sectors. Without a generator they all landed up to the cut, as on a drive without a cache.
Does not model: a drive that lies about flushes, or damages what was not being written. A write to the first block is
never torn: the superblock of ext4 fills two sectors of 512 bytes under one checksum, so that a drive that tears there needs
e2fsck before the next mount, which no rule about files could tell.
"""

import os
import random
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from harness.storage.image import Image
from harness.storage.kernels import linux
from harness.storage.kernels.block_log import BlockEvent, BlockFlush, BlockWrite, Pages, write_pages
from harness.storage.oplog import ROOT_INODE

_ZEROS = bytes(4096)
_SUPERBLOCK_END = 4096
_IGNORED = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True)
class Observed:
    """What a mount showed: a tree, or what went wrong instead."""

    image: Image | None
    damage: str = ""


def image_pages(
    base: Pages, events: Sequence[BlockEvent], tear_bytes: int, rng: random.Random | None
) -> dict[int, bytes]:
    """The device after a cut behind ``events``; without ``rng`` all of them landed in order."""
    pages = dict(base)
    flushed = 0
    if rng is not None:
        flushed = max((place + 1 for place, event in enumerate(events) if isinstance(event, BlockFlush)), default=0)
    keep = 1.0 if rng is None else rng.choice((0.1, 0.5, 0.9))
    for place, event in enumerate(events):
        if isinstance(event, BlockFlush):
            continue
        if rng is None or place < flushed:
            write_pages(pages, event.offset_bytes, event.data)
        else:
            _write_some(pages, event, tear_bytes, keep, rng)
    return pages


def _write_some(pages: dict[int, bytes], event: BlockWrite, tear_bytes: int, keep: float, rng: random.Random) -> None:
    draw = rng.random()
    if draw < keep * 0.8:
        write_pages(pages, event.offset_bytes, event.data)
    elif draw > 0.8 + 0.2 * keep or event.offset_bytes < _SUPERBLOCK_END:
        return
    else:
        unit = rng.choice((tear_bytes, max(tear_bytes, 4096)))
        for start in range(0, len(event.data), unit):
            if rng.random() < 0.5:
                write_pages(pages, event.offset_bytes + start, event.data[start : start + unit])


def mount_and_read(pages: Pages, size_bytes: int, kind: str, options: str, mount_point: str) -> Observed:
    """What the kernel makes of the image: its journal is replayed, its tree read."""
    memory = os.memfd_create("harness-kernels", os.MFD_CLOEXEC)
    try:
        os.ftruncate(memory, size_bytes)
        for page, content in pages.items():
            if content != _ZEROS:
                os.pwrite(memory, content, page * len(content))
        with linux.loop_device(memory, f"{kind} copy") as loop:
            try:
                linux.mount(loop, mount_point, kind, 0, options)
            except OSError as error:
                return Observed(None, f"mount: {error.strerror}")
            try:
                return Observed(read_tree(mount_point))
            except OSError as error:
                return Observed(None, f"read: {error.strerror}: {str(error.filename).removeprefix(mount_point)}")
            finally:
                linux.unmount(mount_point)
    finally:
        os.close(memory)


def read_tree(root: str) -> Image:
    """A mounted tree as an image, its inodes numbered in the order of the walk."""
    files: dict[int, bytes] = {}
    directories: dict[int, dict[str, int]] = {ROOT_INODE: {}}
    modes: dict[int, int] = {ROOT_INODE: stat.S_IFDIR | 0o755}
    links: dict[int, str] = {}
    numbers: dict[int, int] = {}
    queue = [(root, ROOT_INODE)]
    for path, directory in queue:
        for name in sorted(os.listdir(path)):
            if directory == ROOT_INODE and name in _IGNORED:
                continue
            child = os.path.join(path, name)
            status = os.lstat(child)
            number = numbers.get(status.st_ino)
            if number is None:
                number = numbers[status.st_ino] = ROOT_INODE + 1 + len(numbers)
                modes[number] = status.st_mode
                if stat.S_ISDIR(status.st_mode):
                    directories[number] = {}
                    queue.append((child, number))
                elif stat.S_ISLNK(status.st_mode):
                    links[number] = os.readlink(child)
                else:
                    with open(child, "rb") as file:
                        files[number] = file.read()
            directories[directory][name] = number
    return Image(files, directories, modes, links)

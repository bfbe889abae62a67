"""What the corruption faults share: choosing a file on the device, and telling whether anybody met the damage."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.faults.base import Strike
from harness.storage.damage import Damage
from harness.storage.inode import Directory, RegularFile
from harness.storage.media import DamagedRange

if TYPE_CHECKING:
    from harness.storage.disk import Disk
    from harness.sut.station import Station
    from harness.sut.world import World

UNREMEMBERED = "a record whose only copy was damaged cannot be remembered; the duty left is to detect it and show it"
UNSENT = "a reversal whose only copy was damaged cannot be sent; the duty left is to detect it and show it"

UNSURVIVABLE = {
    1: UNREMEMBERED,
    2: UNREMEMBERED,
    3: UNSENT,
    4: UNSENT,
    5: UNSENT,
    6: f"{UNSENT}, and it holds nothing back any more",
    17: UNREMEMBERED,
    20: UNREMEMBERED,
    23: f"how far a settlement had come is such a record: {UNREMEMBERED}",
    25: UNREMEMBERED,
    30: "an order whose only record was damaged cannot be revoked; the duty left is to detect it and show it",
    31: UNSENT,
}
"""Invariants that no terminal with one copy of its journal can keep once that copy is damaged at rest."""


def choose_file(world: World, station: Station, pattern: str, key: str, *, spare_latest: bool = False) -> str | None:
    """The path of one non-empty file that matches the glob ``pattern``, drawn under ``key``; None when there is none.

    ``spare_latest``: not the file that was written last, unless it is the only one.
    """
    disk = station.hardware.disk
    paths = [path for path, size_bytes in _files(disk) if size_bytes and fnmatch.fnmatchcase(path, pattern)]
    if spare_latest and len(paths) > 1:
        paths.remove(max(paths, key=lambda path: (disk.locate(path).mtime_ns, path)))
    if not paths:
        return None
    return paths[world.decisions.integer(f"{key}/file", 0, lambda u: int(u * len(paths))) % len(paths)]


def files_on(station: Station, volume_name: str) -> list[tuple[str, int]]:
    """Path and stored bytes of each file of one volume, in the order in which the files were made."""
    disk = station.hardware.disk
    found = []
    for path, _ in _files(disk):
        inode = disk.locate(path)
        if isinstance(inode, RegularFile) and inode.volume.name == volume_name and inode.content:
            found.append((inode.number, path, len(inode.content)))
    return [(path, stored_bytes) for _, path, stored_bytes in sorted(found)]


def size_of(station: Station, path: str) -> int:
    """The file's size in bytes."""
    inode = station.hardware.disk.locate(path)
    assert isinstance(inode, RegularFile)
    return inode.size_bytes


def strike_of(path: str, damage: Damage | None, what: str) -> Strike:
    """Damage to ``path``; it has bitten once the software read it or looked for the name."""

    def evidence() -> str:
        if damage is None or not damage.bites:
            return ""
        return f"the software met {path}, {what}"

    def damaged() -> tuple[tuple[str, int, int], ...]:
        met = () if damage is None else damage.met
        return tuple((path, each.start_bytes, each.end_bytes) for each in met if isinstance(each, DamagedRange))

    return Strike(evidence, detail=f"{path}: {what}", damaged=damaged)


def no_file(pattern: str) -> Strike:
    """Nothing matched: the strike has no effect and will say so by never biting."""
    return Strike(lambda: "", detail=f"no file matches {pattern}")


def _files(disk: Disk) -> Iterator[tuple[str, int]]:
    for mount_point in sorted({volume.mount_point for volume in disk.volumes}):
        top = disk.locate(mount_point)
        if isinstance(top, Directory):
            yield from _files_below(top, mount_point.rstrip("/"))


def _files_below(directory: Directory, path: str) -> Iterator[tuple[str, int]]:
    for name in sorted(directory.entries):
        inode = directory.entries[name]
        if isinstance(inode, Directory):
            # Other volumes are walked from their own mount points.
            if inode.volume is directory.volume:
                yield from _files_below(inode, f"{path}/{name}")
        elif isinstance(inode, RegularFile):
            yield f"{path}/{name}", inode.size_bytes

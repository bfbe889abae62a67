"""What a device's volumes keep: the durable base of each, the operations since, and a cut through all of them.

Models: after each action, whatever no cut can undo is moved from the op log into the base image, so that memory does not grow
with the run; at a cut each volume keeps one legal image under its profile.
Does not model: the profiles themselves (``storage/profiles``), or whether the operation at which power went had begun: it had
when it is in the log (``faults/tap``).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from harness.history.events import Barrier, StorageFailed
from harness.storage.contents import VolumeImage, export_volume
from harness.storage.disk import Disk
from harness.storage.image import Image, diff
from harness.storage.inode import Inode, path_of
from harness.storage.powerloss import PowerLoss, VolumeAtCut, VolumeLoss, at_the_cut, cut_power
from harness.storage.profiles.base import CrashState, Profile
from harness.storage.profiles.poorest import poorest_state
from harness.storage.volume import Volume
from harness.storage.write_back import WriteBack

if TYPE_CHECKING:
    from harness.storage.pyfakefs_disk import PyfakefsDisk
    from harness.sut.station import Station

FOLD_AT_OPERATIONS = 256
DETAILS_MAX = 8


@dataclass(frozen=True, slots=True)
class Account:
    """What a cut did to one volume: of ``pending`` operations so many lost and torn, the first few in words.

    ``unsurvivable``: invariants that no software could keep after what this very cut did.
    """

    volume: str
    pending: int
    lost: int
    torn: int
    details: tuple[str, ...]
    unsurvivable: tuple[int, ...] = ()


@dataclass(slots=True)
class Durability:
    """Base images by volume name. A volume that was never cut starts empty, or from what it was loaded with."""

    profiles: Mapping[str, Profile]
    folds: bool = True
    """Off while every operation is wanted, as it happened: a log that is recorded keeps its length."""
    on_cut: Callable[[PowerLoss, str | None], None] | None = None
    """Told of each cut what it came to, and which volume was in the middle of an operation; changes nothing."""
    _bases: dict[str, Image] = field(default_factory=dict)
    _write_backs: dict[str, WriteBack] = field(init=False)

    def __post_init__(self) -> None:
        self._write_backs = {name: WriteBack(profile.writes_back_after_us) for name, profile in self.profiles.items()}

    def base(self, volume: Volume) -> Image:
        """What is surely durable of ``volume``, apart from what its log still holds."""
        known = self._bases.get(volume.name)
        if known is not None:
            return known
        return _as_image(volume.base_image)

    def fold(self, disk: Disk, now_us: int) -> None:
        """Move what no cut can undo out of the logs that have grown. Every storage call has returned by now."""
        if not self.folds:
            return
        self._write_back(disk, now_us)
        for volume in disk.volumes:
            if len(volume.log) >= FOLD_AT_OPERATIONS:
                profile = self.profiles[volume.name]
                log = at_the_cut(profile, volume.log, under_way=False)
                base, rest = profile.durable_prefix(self.base(volume), log)
                self._write_backs[volume.name].folded(log, rest)
                self._bases[volume.name] = base
                volume.log[:] = rest

    def _write_back(self, disk: Disk, now_us: int) -> None:
        for volume in disk.volumes:
            write_back = self._write_backs.get(volume.name)
            if write_back is not None:
                write_back.advance(volume.log, now_us)

    def at_cut(self, disk: Disk) -> list[VolumeAtCut]:
        """The volumes as a cut finds them now."""
        return [
            VolumeAtCut(volume.name, self.profiles[volume.name], self.base(volume), tuple(volume.log))
            for volume in disk.volumes
        ]

    def cut(
        self, disk: Disk, seed: int, now_us: int, under_way: str | None = None
    ) -> tuple[dict[str, VolumeImage], tuple[Account, ...]]:
        """Cut all volumes at once: what the next mount finds, and the account of what was lost.

        ``under_way`` names the volume whose last operation had not returned.
        """
        if not disk.volumes:
            return _cut_at_fsync(disk)
        self._write_back(disk, now_us)
        for write_back in self._write_backs.values():
            write_back.forget()
        loss = cut_power(self.at_cut(disk), seed, in_flight=under_way)
        if self.on_cut is not None:
            self.on_cut(loss, under_way)
        images: dict[str, VolumeImage] = {}
        for name, image in loss.images.items():
            self._bases[name] = image
            images[name] = image
        return images, tuple(_account(each, self.profiles[each.name]) for each in loss.volumes)

    def surely_kept(self, disk: Disk, now_us: int) -> dict[str, Image]:
        """What a cut now would be sure to leave: the legal image in which everything is lost that may be. Changes nothing."""
        return {name: state.image for name, state in self.poorest(disk, now_us).items()}

    def poorest(self, disk: Disk, now_us: int) -> dict[str, CrashState]:
        """The same, with the account of what was lost. Changes nothing."""
        left: dict[str, CrashState] = {}
        for volume in disk.volumes:
            log = list(volume.log)
            write_back = self._write_backs.get(volume.name)
            if write_back is not None:
                write_back.copy().advance(log, now_us)
            profile = self.profiles[volume.name]
            left[volume.name] = poorest_state(profile, self.base(volume), at_the_cut(profile, log, under_way=False))
        return left

    def seen(self, disk: Disk, now_us: int) -> dict[str, Image]:
        """What readers see now, page cache included."""
        found: dict[str, Image] = {}
        for volume in disk.volumes:
            held = export_volume(volume)
            names = {number: dict(sorted(entries.items())) for number, entries in held.directories.items()}
            found[volume.name] = Image(held.files, names, held.modes, held.links, held.lost_chains)
        return found

    def mounted(self, images: Mapping[str, Image]) -> None:
        """The volumes were loaded with ``images`` by somebody else (a crash point, a backup put back)."""
        self._bases.update(images)


def _as_image(found: VolumeImage | None) -> Image:
    if found is None:
        return Image()
    if isinstance(found, Image):
        return found
    return Image(
        dict(found.files),
        {number: dict(entries) for number, entries in found.directories.items()},
        dict(found.modes),
        dict(found.links),
        found.lost_chains,
    )


@dataclass(frozen=True, slots=True)
class DiskStory:
    """Puts each barrier and each error of the medium into the history."""

    station: Station

    def made_durable(self, operation: str, inode: Inode) -> None:
        station = self.station
        world, disk = station.world, station.hardware.disk
        world.recorder.emit(
            Barrier(world.now_us, station.name, inode.volume.name, operation, path_of(inode), disk.operation_ordinal)
        )

    def failed(self, operation: str, volume: Volume, inode: Inode | None, error: int) -> None:
        station = self.station
        world, disk = station.world, station.hardware.disk
        path = volume.mount_point if inode is None else path_of(inode)
        name = errno.errorcode.get(error, str(error))
        world.recorder.emit(
            StorageFailed(world.now_us, station.name, operation or "call", path, name, disk.operation_ordinal)
        )


def _account(loss: VolumeLoss, profile: Profile) -> Account:
    state = loss.state
    told = (*(each.text for each in (*state.lost, *state.torn)), *state.damage_told)[:DETAILS_MAX]
    lost, torn, excused = len(state.lost_indices), len(state.torn_parts), tuple(sorted(profile.excuses(state)))
    return Account(loss.name, len(state.log), lost, torn, told, excused)


def _cut_at_fsync(disk: Disk) -> tuple[dict[str, VolumeImage], tuple[Account, ...]]:
    """The second disk has no op log: what was synced is there, the rest is not, and each file that differs is one loss."""
    second = cast("PyfakefsDisk", disk)
    before, after = second.export(), second.cut()
    difference = diff(before, after)
    changed = (*difference.only_before, *difference.only_after, *difference.changed)
    told = tuple(f"{path} went back to what was last synced" for path in changed[:DETAILS_MAX])
    return {second.name: after}, (Account(second.name, len(changed), len(changed), 0, told),)

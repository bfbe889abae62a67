"""A software update: a package is staged beside the old release, verified, and the device restarts into the new one.

Models: the device's own loader. It downloads the package minute by minute onto a volume (foreign bytes, as it has no room of its
own there; nothing is staged while the power is off, and what is staged stays), then asks the software with the action
``update`` whether now is a good time, where the software has that action; what is refused is asked again. Agreed, it removes
package and old release and restarts into the new one, which finds the old one's data; when that has come up the loader
restarts it once more, as one that marks a release good does, and both times the software's own records are read. A package for
which there is no room is tried again each minute and never installed until there is. ``full`` stages a whole release; an
``incremental`` patch is a tenth of it. Which releases these are the software under test says (``Manifest.previous``).
Does not model: a loader that is itself cut in half (the switch from one release to the other is one bit in its own memory), a
package that is damaged on the way (it is verified, and fetched again), a release that goes back by itself.
Source: domain.md section 3 (the new image beside the old one: double space) and section 7 (articles 0 to 4: 更新软件/固件/OS,
更新占空间, 增量更新, 旧版本不兼容, 升级期误操作).
Survivability: everything: a release that cannot read what is stored must say so and leave it alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.core.units import US_PER_MINUTE, US_PER_SECOND
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_file import files_on
from harness.faults.on_space import Ballast, Felt
from harness.faults.on_volume import volume_of
from harness.history.events import OperatorDid, SoftwareReady
from harness.storage.damage import copy_tree, restore_tree
from harness.storage.media import strike

if TYPE_CHECKING:
    import simpy

    from harness.sut.station import Pending, Station
    from harness.sut.world import World

_LOOK_EVERY_US = 10 * US_PER_SECOND
_ASK_AGAIN_US = 10 * US_PER_MINUTE
_PATCH_SHARE = 10
_SECTOR_BYTES = 512


@FAULTS.register("software_update")
@dataclass(frozen=True, slots=True)
class SoftwareUpdate(Fault):
    """A release is downloaded beside the installed one and takes its place; ``to`` previous is a downgrade."""

    kind: ClassVar[str] = "software_update"
    family: ClassVar[Family] = "operator"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    size_bytes: int = 1024 * 1024
    """What a whole release takes beside the old one."""
    patch: Literal["full", "incremental"] = "full"
    """full: all of the release is staged; incremental: what differs, a tenth of it."""
    download_us: int = 10 * US_PER_MINUTE
    """How long a whole release takes to download."""
    leaves: Literal["nothing", "temp_files"] = "nothing"
    """temp_files: copies of the software's files, each broken off after a sector, stay beside them as ``.tmp``."""
    to: Literal["current", "previous"] = "current"
    """current: the software under test; previous: the release that its manifest names as the one before it."""

    def __post_init__(self) -> None:
        require(self.size_bytes > 0, "a size above zero")
        require(self.download_us >= US_PER_MINUTE, "a download of at least a minute")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        update = Update(self, world, station)
        return Strike(update.evidence, update.lift, self.patch, lambda: update.over, update.begin)


class Update:
    """One package on its way onto one station."""

    def __init__(self, fault: SoftwareUpdate, world: World, station: Station) -> None:
        self.over = False
        """There is nothing left to do: it is in place and was marked good, or given up."""
        self._fault = fault
        self._world = world
        self._station = station
        share = 1 if fault.patch == "full" else _PATCH_SHARE
        self._left_bytes = fault.size_bytes // share
        self._step_bytes = max(1, fault.size_bytes * US_PER_MINUTE // fault.download_us)
        self._pieces: list[Ballast] = []
        self._felt = Felt(station)
        self._had_no_room = False
        self._boots = 0

    def evidence(self) -> str:
        """It is felt once the software has started from it, or when its bytes were in the way of something."""
        if self._boots:
            return f"the software started as release {self._station.manifest.version}"
        return "there was no room for the package" if self._had_no_room else self._felt.evidence()

    def begin(self) -> None:
        """The download begins."""
        self._minute(None)

    def lift(self) -> None:
        """Whatever is not installed by now is taken off the volume."""
        self.over = True
        self._felt.over()
        self._remove_package()
        self._world.recorder.unwatch(SoftwareReady, self._ready)

    # ------------------------------------------------------------ staging

    def _after(self, delay_us: int, then: object) -> None:
        self._world.env.timeout(delay_us).callbacks.append(then)  # type: ignore[arg-type]

    def _minute(self, _: object) -> None:
        if self.over:
            return
        if self._station.powered and not self._stage():
            self._had_no_room = True
        if self._left_bytes:
            self._after(US_PER_MINUTE, self._minute)
        else:
            self._look(None)

    def _stage(self) -> bool:
        """One minute's worth of the package; False when the volume has no room for it."""
        volume = volume_of(self._station, self._fault.volume)
        free_bytes = volume.free_blocks * volume.block_size_bytes
        wanted_bytes = min(self._left_bytes, self._step_bytes)
        taken_bytes = min(wanted_bytes, free_bytes)
        if taken_bytes:
            piece = Ballast(free_bytes - taken_bytes, self._felt)
            strike(volume, piece)
            self._pieces.append(piece)
            self._left_bytes -= taken_bytes
        return taken_bytes == wanted_bytes

    def _remove_package(self) -> None:
        for piece in self._pieces:
            piece.lift()
        self._pieces.clear()

    # ------------------------------------------------------------ installing

    def _look(self, _: object) -> None:
        """Verified and waiting for a moment at which the software is at rest."""
        if self.over:
            return
        if not self._station.ready:
            self._after(_LOOK_EVERY_US, self._look)
        elif "update" in self._station.manifest.actions:
            pending: Pending = self._station.request("update")
            assert pending.done.callbacks is not None
            pending.done.callbacks.append(self._answered)
        else:
            self._install()

    def _answered(self, event: simpy.Event) -> None:
        if self.over:
            return
        outcome = event.value
        if outcome is None:
            self._after(_LOOK_EVERY_US, self._look)
        elif outcome.kind in ("refused", "failed", "declined", "unknown"):
            self._tell(f"the update waits: the software said {outcome.kind} ({outcome.reason})")
            self._after(_ASK_AGAIN_US, self._look)
        else:
            self._install()

    def _install(self) -> None:
        self._remove_package()
        if self._fault.leaves == "temp_files":
            self._leave_temp_files()
        self._world.recorder.watch(SoftwareReady, self._ready)
        self._station.install(self._fault.to)

    def _leave_temp_files(self) -> None:
        disk = self._station.hardware.disk
        for path, _ in files_on(self._station, self._fault.volume):
            copy = copy_tree(disk, path)
            assert isinstance(copy, bytes)
            restore_tree(disk, f"{path}.tmp", copy[:_SECTOR_BYTES])

    def _ready(self, _: int, event: SoftwareReady) -> None:
        if event.device == self._station.name:
            self._boots += 1
            # The software is in the middle of a call: whatever follows comes from outside it.
            self._after(0, self._restart if self._boots == 1 else self._mark_good)

    def _restart(self, _: object) -> None:
        if not self.over and self._station.ready:
            self._station.inspect("recovered")
            self._tell("the update is tried: it is restarted once more")
            self._station.restart("reboot")

    def _mark_good(self, _: object) -> None:
        if not self.over and self._station.ready:
            self._station.inspect("recovered")
        self.over = True
        self._world.recorder.unwatch(SoftwareReady, self._ready)

    def _tell(self, what: str) -> None:
        self._world.recorder.emit(OperatorDid(self._world.now_us, self._station.name, what))

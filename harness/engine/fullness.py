"""How full a device is at the instants that invariants ask about: when it says that it is full.

The figure is the one the software could have read: foreign bytes are in it, unlike in ``phases.measure_space``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.history.events import ScreenShown, SpaceMeasured

if TYPE_CHECKING:
    from harness.scenario.build import Built
    from harness.sut.station import Station


def watch_fullness(built: Built) -> None:
    """Measure the data volume whenever a terminal says that its storage is full."""
    stations = {station.name: station for station in built.world.stations}

    def shown(_: int, event: ScreenShown) -> None:
        if event.kind == "storage_full":
            _measure(built, stations[event.device], "said_full")

    built.world.recorder.watch(ScreenShown, shown)


def _measure(built: Built, station: Station, when: str) -> None:
    world, disk = built.world, station.hardware.disk
    if not disk.volumes:
        if not disk.dead:
            space = disk.statvfs("/")
            free_bytes, total_bytes = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
            world.recorder.emit(SpaceMeasured(world.now_us, station.name, "data", free_bytes, total_bytes, when))
        return
    for volume in disk.volumes:
        if volume.name == "data":
            total_bytes = volume.total_blocks * volume.block_size_bytes
            world.recorder.emit(SpaceMeasured(world.now_us, station.name, "data", volume.free_bytes, total_bytes, when))

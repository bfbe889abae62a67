"""How full a device is at the instants that invariants ask about: when it says that it is full, and at each fill level.

The figure is the one the software could have read: foreign bytes are in it, unlike in ``phases.measure_space``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.history.events import ActionEnded, ScreenShown, SpaceMeasured

if TYPE_CHECKING:
    from harness.scenario.build import Built
    from harness.sut.station import Station


LEVELS_PERCENT = (10, 50, 90, 99)
"""Of invariant 27."""


def watch_fullness(built: Built) -> None:
    """Measure the data volume whenever a terminal says that it is full, and after an action that took it to another level."""
    stations = {station.name: station for station in built.world.stations}
    levels: dict[str, int] = {}

    def shown(_: int, event: ScreenShown) -> None:
        if event.kind == "storage_full":
            _measure(built, stations[event.device], "said_full")

    def ended(_: int, event: ActionEnded) -> None:
        station = stations[event.device]
        for volume in station.hardware.disk.volumes:
            if volume.name == "data":
                level = sum(volume.fill_percent >= each for each in LEVELS_PERCENT)
                if level != levels.get(event.device, 0):
                    levels[event.device] = level
                    _measure(built, station, "fill_level")

    built.world.recorder.watch(ScreenShown, shown)
    built.world.recorder.watch(ActionEnded, ended)


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

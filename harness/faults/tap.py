"""A tap on a device's storage calls, for faults that strike at the n-th operation; the disk pays nothing while it is shut."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.history.events import Booted

if TYPE_CHECKING:
    from harness.storage.calls import StorageCall
    from harness.sut.station import Station

Listener = Callable[["StorageCall"], None]


class _Tap:
    """The disk's one hook, shared by all faults that listen. Each boot's disk gets it anew."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def __call__(self, call: StorageCall) -> None:
        for listener in tuple(self.listeners):
            listener(call)


def tap_storage(station: Station, listener: Listener) -> Callable[[], None]:
    """Call ``listener`` before each mutating or barrier call; what is returned shuts the tap again."""
    found = station.hardware.disk.before_operation
    tap = found if isinstance(found, _Tap) else _Tap()
    station.hardware.disk.before_operation = tap
    tap.listeners.append(listener)
    recorder = station.world.recorder

    def booted(_: int, event: Booted) -> None:
        # A boot gets a view of the disk of its own, and the dead one's hook died with it.
        if event.device == station.name:
            disk = station.hardware.disk
            if isinstance(disk.before_operation, _Tap):
                if listener not in disk.before_operation.listeners:
                    disk.before_operation.listeners.append(listener)
            else:
                disk.before_operation = tap

    recorder.watch(Booted, booted)

    def shut() -> None:
        recorder.unwatch(Booted, booted)
        hook = station.hardware.disk.before_operation
        for each in (tap, hook):
            if isinstance(each, _Tap) and listener in each.listeners:
                each.listeners.remove(listener)
        if isinstance(hook, _Tap) and not hook.listeners:
            station.hardware.disk.before_operation = None

    return shut

"""A tap on a device's storage calls, for faults that strike at the n-th operation; the disk pays nothing while it is shut."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.storage.calls import StorageCall
    from harness.sut.station import Station

Listener = Callable[["StorageCall"], None]


class _Tap:
    """The disk's one hook, shared by all faults that listen. A new boot's view of the disk takes it over."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []

    def __call__(self, call: StorageCall) -> None:
        for listener in tuple(self.listeners):
            listener(call)


def tap_storage(station: Station, listener: Listener) -> Callable[[], None]:
    """Call ``listener`` before each mutating or barrier call, whatever boots there are; what is returned shuts the tap again."""
    found = station.hardware.disk.before_operation
    tap = found if isinstance(found, _Tap) else _Tap()
    station.hardware.disk.before_operation = tap
    tap.listeners.append(listener)

    def shut() -> None:
        if listener in tap.listeners:
            tap.listeners.remove(listener)
        if not tap.listeners and station.hardware.disk.before_operation is tap:
            station.hardware.disk.before_operation = None

    return shut

"""A tap on a device's storage calls, for faults that strike at the n-th operation; the disk pays nothing while it is shut.

Models: an instant before an operation, when nothing of it has happened, and one inside it, when it is in the op log and has
not returned to the software. Does not model: instants inside the medium's own work, which are the crash profiles' matter.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from harness.storage.oplog import Op
from harness.storage.oserrors import os_error

if TYPE_CHECKING:
    from harness.storage.calls import StorageCall
    from harness.sut.station import Station

Listener = Callable[["StorageCall"], None]


class _Tap:
    """The disk's one hook, shared by all faults that listen. A new boot's view of the disk takes it over."""

    def __init__(self, station: Station) -> None:
        self.listeners: list[Listener] = []
        self.call: StorageCall | None = None
        """The call under way, while its listeners are told of it."""
        self._station = station

    def __call__(self, call: StorageCall) -> None:
        self.call = call
        try:
            for listener in tuple(self.listeners):
                listener(call)
        finally:
            self.call = None
            self.shut_if_idle()

    def shut_if_idle(self) -> None:
        """Nobody listens, and nobody may still ask in the middle of which call: the disk is rid of the hook."""
        disk = self._station.hardware.disk
        if not self.listeners and self.call is None and disk.before_operation is self:
            disk.before_operation = None


def tap_storage(station: Station, listener: Listener) -> Callable[[], None]:
    """Call ``listener`` before each mutating or barrier call, whatever boots there are; what is returned shuts the tap again."""
    found = station.hardware.disk.before_operation
    tap = found if isinstance(found, _Tap) else _Tap(station)
    station.hardware.disk.before_operation = tap
    tap.listeners.append(listener)

    def shut() -> None:
        if listener in tap.listeners:
            tap.listeners.remove(listener)
        tap.shut_if_idle()

    return shut


def call_in_flight(station: Station) -> StorageCall | None:
    """The storage call of the station's software in the middle of which a listener asks; None outside of any."""
    tap = station.hardware.disk.before_operation
    return tap.call if isinstance(tap, _Tap) else None


def once_begun(station: Station, call: StorageCall, then: Callable[[], None]) -> None:
    """Call ``then``, once, when ``call`` is in the op log and has not returned.

    A call that is refused changes nothing: ``then`` is called before the next one, or when the software waits.
    """
    disk, volume = station.hardware.disk, call.volume
    armed = True

    def now() -> None:
        nonlocal armed
        if not armed:
            return
        armed = False
        shut()
        if isinstance(volume.log, _Landing):
            volume.log = list(volume.log)
        then()

    def landed() -> None:
        now()
        if disk.dead:
            raise os_error(errno.EIO)

    volume.log = _Landing(volume.log, landed)
    shut = tap_storage(station, lambda _: now())
    station.world.env.timeout(0).callbacks.append(lambda _: now())


class _Landing(list[Op]):
    """An op log that tells of the next operation that comes into it."""

    def __init__(self, log: Iterable[Op], landed: Callable[[], None]) -> None:
        super().__init__(log)
        self._landed = landed

    def append(self, op: Op) -> None:
        super().append(op)
        self._landed()

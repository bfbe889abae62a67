"""What a device's software says of its own records when it is asked, and whether it can be asked at all.

Models: ``inspect`` of the software that is installed, on the files as they are at that instant; an answer that is none, as an
error in the history. Of a program that offers no inspection why none is there is told once (``sut.offered``).
Does not model: what the records mean; that is for the invariants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.history.events import Inspected, InspectionMissing
from harness.sut.inspection import inspected_event, volatile_image
from harness.sut.offered import Offered

if TYPE_CHECKING:
    from harness.sut.station import Station


class WhiteBox:
    """Of one station, whatever release is installed there."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._offered = Offered()
        self._told_missing: set[str] = set()

    def inspect(self, when: str) -> None:
        """Record what ``inspect`` reads now; nothing is recorded when the software offers none."""
        event = self.inspected(when)
        if isinstance(event, InspectionMissing):
            if event.why in self._told_missing:
                return
            self._told_missing.add(event.why)
        if event is not None:
            self._station.world.recorder.emit(event)

    def inspected(self, when: str) -> Inspected | InspectionMissing | None:
        """What ``inspect`` reads now. Of a program that never answered properly, nor does for healthy files: why none."""
        station = self._station
        software, now_us, name = station.software, station.world.now_us, station.name
        if software.no_inspection:
            return InspectionMissing(now_us, name, software.no_inspection)
        try:
            found = software.inspect(volatile_image(station.hardware.disk))
        except Exception as error:
            why_not = self._offered.why_not(software)
            if why_not:
                return InspectionMissing(now_us, name, why_not)
            return Inspected(now_us, name, when, error=software.death_detail(error))
        event = inspected_event(now_us, name, when, found)
        if event is not None and not event.error:
            self._offered.answered(software)
        return event

    def keep_healthy(self, moment: str) -> None:
        """Nothing has harmed the files until now: keep them where they may be needed to tell whether it can be asked."""
        station = self._station
        if self._offered.wants(station.software, moment):
            self._offered.keep(station.software, moment, volatile_image(station.hardware.disk))

"""What the storage faults share: a condition laid on one of the device's volumes, lifted by taking it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.faults.base import Strike
from harness.storage.media import Condition, strike

if TYPE_CHECKING:
    from harness.storage.volume import Volume
    from harness.sut.station import Station


def volume_of(station: Station, name: str) -> Volume:
    """The station's volume; UsageError naming the nearest when the device has none of that name."""
    for volume in station.hardware.disk.volumes:
        if volume.name == name:
            return volume
    known = [volume.name for volume in station.hardware.disk.volumes]
    raise UsageError(f"{station.name} has no volume {name!r}; {nearest(name, known)}")


def strike_volume(station: Station, name: str, condition: Condition, effect: str, *, once: bool = False) -> Strike:
    """``condition`` on the volume; it has bitten once the software met it, which ``effect`` says in words.

    ``once``: with its first bite it has done all it can do.
    """
    strike(volume_of(station, name), condition)

    def evidence() -> str:
        return f"{effect} ({condition.bites} times)" if condition.bites else ""

    return Strike(evidence, condition.lift, spent=lambda: once and condition.bites > 0)

"""A device that is lost with all that was in it; another one under the same terminal number knows nothing of the batch.

Models: as ``device_swap``, but every volume is blank. Does not model: a workshop that settles first, or a host that is told and
closes the batch by its own books.
Source: domain.md section 7 (article 2: 主板/硬件损坏: permanent stop mid-batch; articles 0, 1, 2 and 4: 更换设备).
Survivability: records and reversals of the old device are on no device any more; the host and the customers' slips have what is
left. Trace numbers begin anew in a batch that has some: the host's 94 is all that tells of it, and no such answer may be taken
for an approval or lead to a reversal of what the old device sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_HOUR
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.device_swap import Swap
from harness.faults.on_file import UNSURVIVABLE

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("device_lost")
@dataclass(frozen=True, slots=True)
class DeviceLost(Fault):
    """The device stops for good with all its data; after ``takes_us`` a blank one has its terminal number."""

    kind: ClassVar[str] = "device_lost"
    family: ClassVar[Family] = "corruption"
    damage: ClassVar[bool] = True
    survivability: ClassVar[Mapping[int, str]] = {
        **UNSURVIVABLE,
        8: "a device that never saw the trace numbers of the one before it cannot know which of them are used",
    }
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    takes_us: int = US_PER_HOUR

    def __post_init__(self) -> None:
        require(self.takes_us > 0, "a time above zero")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        swap = Swap(world, station, key, self.takes_us, empty=True)
        return Strike(swap.evidence, detail="with all its data", begin=swap.begin)

"""Cards that cannot be read: a worn reader, dirt, a bent chip.

Models: each read fails with a probability until it is lifted. Does not model: data read wrong without an error (card data has
check digits and the host would decline it).
Source: domain.md section 7 (article 4: 刷卡失败, 读卡器硬件故障).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.device.card_reader import ReadFailures
from harness.faults.base import FAULTS, Family, Fault, Strike, require

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("card_unreadable")
@dataclass(frozen=True, slots=True)
class CardUnreadable(Fault):
    """Each card read fails in ``failure_percent`` of cases until it is lifted."""

    kind: ClassVar[str] = "card_unreadable"
    family: ClassVar[Family] = "operator"

    failure_percent: float = 50.0

    def __post_init__(self) -> None:
        require(self.failure_percent > 0.0, "a share above 0%")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        condition = ReadFailures(self.failure_percent / 100.0)
        reader = station.hardware.card_reader
        reader.conditions.append(condition)

        def evidence() -> str:
            return f"{condition.bites} reads failed" if condition.bites else ""

        def lift() -> None:
            if any(each is condition for each in reader.conditions):
                reader.conditions.remove(condition)

        return Strike(evidence, lift)

"""Clock jump: the battery clock is wrong by a step, or its battery is dead and the next power loss sends it to 1970.

Models: wrong wall-clock time with a monotonic clock that is right. Does not model: drift (the device has it always) and clocks
that run at another speed.
Source: anchors on clock faults; domain.md section 7 (article 0: 误操作: wrong clock).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_DAY
from harness.device.rtc import ClockJump, DeadBattery
from harness.faults.base import FAULTS, Family, Fault, Strike, require

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("clock_jump")
@dataclass(frozen=True, slots=True)
class ClockJumpFault(Fault):
    """The clock is ``jump_us`` off (negative: back); with ``battery_dead`` it starts from 1970 after the next power loss."""

    kind: ClassVar[str] = "clock_jump"
    family: ClassVar[Family] = "clock"

    jump_us: int = -US_PER_DAY
    battery_dead: bool = False

    def __post_init__(self) -> None:
        require(self.battery_dead or self.jump_us != 0, "a jump that is not zero")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        condition = DeadBattery() if self.battery_dead else ClockJump(jump_us=self.jump_us)
        clock = station.hardware.rtc
        clock.conditions.append(condition)
        station.clock_was_set()
        first: list[str] = []
        condition.on_bite = lambda device, evidence: first.append(evidence) if not first else None

        def lift() -> None:
            if any(each is condition for each in clock.conditions):
                clock.conditions.remove(condition)
                station.clock_was_set()

        return Strike(lambda: first[0] if first else "", lift)

"""The battery clock: what the device believes the time is.

Models: a clock with an offset and a drift (20 ppm is usual for an uncompensated 32 kHz crystal: data sheets), a jump (a
wrong set, a flipped bit) and a dead battery: the clock stops with the power and starts from 1970-01-01 when it returns.
Does not model: time zones and daylight saving (China has neither), leap seconds, temperature.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from harness.device.condition import DeviceCondition

_PPM = 1_000_000
RtcState: TypeAlias = tuple[int, int, int]


@dataclass(slots=True, eq=False)
class ClockJump(DeviceCondition):
    """The clock is ``jump_us`` off while it lasts; it bites when the software looks at the time."""

    jump_us: int = 0

    def __post_init__(self) -> None:
        if self.jump_us == 0:
            raise ValueError("a jump of no length is no jump")


@dataclass(slots=True, eq=False)
class DeadBattery(DeviceCondition):
    """The clock does not survive the next power loss; it bites then."""


@dataclass(slots=True)
class Rtc:
    """``start_us`` is virtual time 0 in microseconds since 1970, as a right clock would show it."""

    device: str
    start_us: int
    offset_us: int = 0
    drift_ppm: int = 0
    conditions: list[ClockJump | DeadBattery] = field(default_factory=list)
    _set_at_us: int = 0
    _battery: DeadBattery | None = None

    def wall_us(self, now_us: int) -> int:
        """Microseconds since 1970 at virtual time ``now_us``, as this clock has it; the software's look at the time."""
        for condition in self.conditions:
            if isinstance(condition, ClockJump):
                condition.bite(self.device, f"clock read {condition.jump_us} us off")
        return self.shown_us(now_us)

    def shown_us(self, now_us: int) -> int:
        """As ``wall_us``, when nobody looks."""
        jumps = [each.jump_us for each in self.conditions if isinstance(each, ClockJump)]
        return max(0, self._undisturbed_us(now_us) + sum(jumps))

    def _undisturbed_us(self, now_us: int) -> int:
        return self.start_us + now_us + self.offset_us + (now_us - self._set_at_us) * self.drift_ppm // _PPM

    def set(self, wall_us: int, now_us: int) -> None:
        """Set the clock, as a sign-on with the host's time does."""
        self.offset_us = wall_us - self.start_us - now_us
        self._set_at_us = now_us

    def power_lost(self) -> None:
        """Power goes: a clock without a battery stops."""
        self._battery = next((each for each in self.conditions if isinstance(each, DeadBattery)), None)

    def power_on(self, now_us: int) -> None:
        """Power comes back: a clock that had stopped starts from 1970-01-01."""
        if self._battery is not None:
            self.set(0, now_us)
            self._battery.bite(self.device, "clock started from 1970-01-01")

    def snapshot(self) -> RtcState:
        """What the clock remembers."""
        return self.offset_us, self._set_at_us, self.drift_ppm

    def restore(self, state: RtcState) -> None:
        """Put back what ``snapshot`` gave."""
        self.offset_us, self._set_at_us, self.drift_ppm = state

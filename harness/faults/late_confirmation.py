"""Customers who pay by code and confirm on the phone at the last moment: behind the terminal's last query, before the revocation.

Models: the next orders have to be confirmed, whatever the customer's habit, and are after ``after_us`` or just before they are
revoked, whichever comes first. Does not model: a wallet that is slow for everybody, a confirmation after the revocation.
Source: domain.md 1.3 (payment can land between last query and revoke).
Survivability: everything: a revocation gives back what was paid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_MS, US_PER_SECOND
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("late_confirmation")
@dataclass(frozen=True, slots=True)
class LateConfirmation(Fault):
    """The next ``messages`` orders are confirmed by their customers a moment before it is too late."""

    kind: ClassVar[str] = "late_confirmation"
    family: ClassVar[Family] = "host"

    messages: int = 1
    after_us: int = 44 * US_PER_SECOND + 900 * US_PER_MS

    def __post_init__(self) -> None:
        require(self.messages >= 1, "at least one message")
        require(self.after_us > 0, "a time above zero")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        knobs = world.acquirer.knobs(station.tid)
        # All that are late at one terminal are so in one way: the latest strike's.
        knobs.confirmed_after_us = self.after_us
        strike = wind_up(world, station, "confirmations", self.messages, "customers confirmed at the last moment")

        def lift() -> None:
            strike.lift()
            if not knobs.confirmations:
                knobs.confirmed_after_us = 0

        return replace(strike, lift=lift)

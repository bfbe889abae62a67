"""Slow replies: the host's answer arrives when the terminal no longer waits for it.

Models: the n-th reply from now, and the next ones, travel ``late_us`` longer; other traffic overtakes them. Does not model: a
path that is slow for everything (``congestion``), or a host that thinks for so long (host latency).
Source: domain.md 1.5 (R7: late replies are discarded) and section 7 (article 1: 传输延迟).
Survivability: everything: a reply that nobody waits for is a reply that was lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_SECOND
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_link import strike_link
from harness.network.conditions import LateReplies

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("slow_reply")
@dataclass(frozen=True, slots=True)
class SlowReply(Fault):
    """The next ``messages`` replies of the host arrive ``late_us`` later than they would."""

    kind: ClassVar[str] = "slow_reply"
    family: ClassVar[Family] = "network"

    late_us: int = 75 * US_PER_SECOND
    messages: int = 1

    def __post_init__(self) -> None:
        require(self.late_us > 0, "a time above zero")
        require(self.messages >= 1, "at least one message")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_link(station, LateReplies(self.late_us, self.messages), self.messages)

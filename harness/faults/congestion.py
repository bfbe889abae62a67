"""Congestion: the path is slow and lossy, which TCP shows as delay and, rarely, as a reset.

Models: more latency each way, a share of the bandwidth, loss as retransmission. Does not model: fairness among terminals.
Source: domain.md section 7 (article 3: 网络拥堵, 带宽不足), section 3 for what links do when they are well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_SECOND
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_link import strike_link
from harness.network.conditions import Congestion

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("congestion")
@dataclass(frozen=True, slots=True)
class CongestionFault(Fault):
    """Messages are ``latency_us`` later each way, at ``bandwidth_percent`` of the rate, ``loss_percent`` of them resent."""

    kind: ClassVar[str] = "congestion"
    family: ClassVar[Family] = "network"

    latency_us: int = 3 * US_PER_SECOND
    bandwidth_percent: float = 10.0
    loss_percent: float = 10.0

    def __post_init__(self) -> None:
        require(self.bandwidth_percent > 0.0, "a bandwidth above 0%")
        require(self.loss_percent < 100.0, "a loss below 100%; a partition loses everything")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_link(
            station, Congestion(self.latency_us, self.bandwidth_percent / 100.0, self.loss_percent / 100.0)
        )

"""Partition: nothing passes between terminal and host, and nobody is told.

Models: a dead cell, a router that hangs, maintenance on the carrier's side: connects time out, messages in flight are lost.
Does not model: what the medium itself would report (an unplugged cable is ``CableUnplugged`` of the link).
Source: domain.md section 7 (articles 0 and 3: 网络不稳, 网络中断).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_link import strike_link
from harness.network.conditions import CableUnplugged, Partition

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("partition")
@dataclass(frozen=True, slots=True)
class PartitionFault(Fault):
    """Nothing passes between terminal and host until it is lifted; with ``cable_seen`` the device notices."""

    kind: ClassVar[str] = "partition"
    family: ClassVar[Family] = "network"

    cable_seen: bool = False
    """The medium itself is gone (an unplugged cable): connects fail at once where the link senses it."""

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_link(station, CableUnplugged() if self.cable_seen else Partition())

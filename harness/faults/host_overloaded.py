"""An overloaded host: it turns requests away with 96, or it has no place left in its queue and says nothing.

Models: a host at its limits as one terminal meets it, from the first refused request on; nothing turned away is carried out.
Does not model: how it comes to that (peak trade does, through the host's queue), or slow answers (host latency, ``congestion``).
Source: domain.md 1.4 (96, system fault) and section 7 (article 3: 处理能力受限: host queue, 96/91).
Survivability: everything: nothing is carried out, and what is owed to the host can be sent again when it is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_host import hold

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("host_overloaded")
@dataclass(frozen=True, slots=True)
class HostOverloaded(Fault):
    """The host turns every request away with 96 until it is lifted; with ``silent`` it does not even answer."""

    kind: ClassVar[str] = "host_overloaded"
    family: ClassVar[Family] = "host"

    silent: bool = False

    def inject(self, world: World, station: Station, key: str) -> Strike:
        if self.silent:
            return hold(world, station, "silent_until_us", "requests found no place in the queue")
        return hold(world, station, "overloaded_until_us", "requests were turned away with 96")

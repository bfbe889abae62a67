"""A host whose own count of a batch is wrong by one, so that totals which are right do not balance.

Models: one debit too many in the host's count, amounts right; the upload then shows that every record agrees. Does not model:
wrong amounts, or records that the host has lost.
Source: domain.md 1.1 (2 不平, then batch upload), D12 (host-close and terminal-close mismatch), I12.
Survivability: everything: the upload carries every record, the host settles those that agree, and these are all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("host_miscounts")
@dataclass(frozen=True, slots=True)
class HostMiscounts(Fault):
    """In the next ``messages`` settlement requests the host counts one sale more than it has."""

    kind: ClassVar[str] = "host_miscounts"
    family: ClassVar[Family] = "host"

    messages: int = 1

    def __post_init__(self) -> None:
        require(self.messages >= 1, "at least one message")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return wind_up(world, station, "totals_off_by_one", self.messages, "settlements met a miscount at the host")

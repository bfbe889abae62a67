"""A host that does not answer: it books the request and its reply never leaves, or it never reads the request.

Models: the acquirer's own failure, which from the terminal looks like a lost reply; the link is well. Does not model: a host
that loses entries of its ledger.
Source: domain.md section 3 (0.1 to 0.5 % no reply) and 1.4 (98, 96).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import CountingKnob, wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("host_silent")
@dataclass(frozen=True, slots=True)
class HostSilent(Fault):
    """The host carries out the next ``messages`` requests and answers none; with ``unread`` it does not carry them out."""

    kind: ClassVar[str] = "host_silent"
    family: ClassVar[Family] = "host"

    messages: int = 1
    unread: bool = False

    def __post_init__(self) -> None:
        require(self.messages >= 1, "at least one message")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        knob: CountingKnob = "ignore_requests" if self.unread else "drop_replies"
        return wind_up(world, station, knob, self.messages, "requests went unanswered")

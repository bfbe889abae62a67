"""A cloned terminal number: somewhere else another terminal signs on under it, and the host changes the working keys.

Models: the clone signs on at once and again every ``every_us``; each time the host holds new keys, and the next request of the
real terminal does not verify (A0) until it has signed on itself, which locks the clone out in turn. Does not model: what the
clone sells, which would stand in the real terminal's batch and which no terminal can know of; a host that notices.
Source: design.md section 9 (cloned TID) and domain.md section 7 (article 2: 被攻击), 1.4 (A0: sign on again).
Survivability: everything: a request with a wrong MAC is not carried out, and the host says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_HOUR
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.history.events import MessageSent
from harness.host.handover import sign_on

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("cloned_tid")
@dataclass(frozen=True, slots=True)
class ClonedTid(Fault):
    """Another terminal signs on under the same number, now and again ``every_us``, until it is lifted."""

    kind: ClassVar[str] = "cloned_tid"
    family: ClassVar[Family] = "host"

    every_us: int = US_PER_HOUR

    def __post_init__(self) -> None:
        require(self.every_us > 0, "a time above zero")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        clone = _Clone(world, station, self.every_us)
        return Strike(clone.evidence, clone.lift, begin=clone.begin)


class _Clone:
    """The other terminal of that number, until somebody finds it."""

    def __init__(self, world: World, station: Station, every_us: int) -> None:
        self._world = world
        self._station = station
        self._every_us = every_us
        self._lifted = False
        self._refused = 0

    def evidence(self) -> str:
        """It is felt when the host does not accept the real terminal's keys any more."""
        return f"{self._refused} requests were answered A0" if self._refused else ""

    def begin(self) -> None:
        """The clone is switched on."""
        self._world.recorder.watch(MessageSent, self._sent)
        self._sign_on(None)

    def lift(self) -> None:
        """It is found and switched off."""
        self._lifted = True
        self._world.recorder.unwatch(MessageSent, self._sent)

    def _sign_on(self, _: object) -> None:
        if self._lifted:
            return
        acquirer, tid = self._world.acquirer, self._station.tid
        acquirer.session(tid).key_generation += 1
        sign_on(acquirer, tid)
        self._world.env.timeout(self._every_us).callbacks.append(self._sign_on)

    def _sent(self, _: int, event: MessageSent) -> None:
        if event.device == self._station.name and event.direction == "down" and event.response_code == "A0":
            self._refused += 1

"""A host that forgets a reversal which comes before its original: it answers 25, and approves the original when that arrives.

Models: an acquirer without memory of what it did not find. It needs an original that is overtaken: a slow host, or congestion
that delays one message past the reply timeout. Does not model: a host that forgets reversals of what it has booked.
Source: domain.md section 8, amendments (the host remembers such a reversal; one that forgets is a fault), 1.5 R6.
Survivability: R6 tells the terminal to drop its reversal on 25, so the charge that follows is beyond any software.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.history.events import LedgerChanged, MessageSent

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

_OVERTAKEN = "the host answered that there was nothing to reverse, as R6 accepts it, and approved the original later"


@FAULTS.register("forgotten_reversal")
@dataclass(frozen=True, slots=True)
class ForgottenReversal(Fault):
    """The host answers 25 to reversals that overtake their original and approves the original afterwards, until lifted."""

    kind: ClassVar[str] = "forgotten_reversal"
    family: ClassVar[Family] = "host"
    survivability: ClassVar[Mapping[int, str]] = {2: _OVERTAKEN, 3: _OVERTAKEN, 20: _OVERTAKEN, 31: _OVERTAKEN}

    def inject(self, world: World, station: Station, key: str) -> Strike:
        knobs = world.acquirer.knobs(station.tid)
        knobs.forget_early_reversals = True
        forgotten: dict[tuple[str, str], None] = {}
        overtaken: list[str] = []

        # A reversal of what never reaches the host is answered 25 all the same: only an original that comes later counts.
        def sent(_: int, event: MessageSent) -> None:
            if event.device == station.name and event.mti == "0410" and event.response_code == "25":
                forgotten[event.batch, event.stan] = None

        def booked(_: int, event: LedgerChanged) -> None:
            if event.device == station.name and event.state == "APPROVED" and (event.batch, event.stan) in forgotten:
                overtaken.append(event.stan)

        world.recorder.watch(MessageSent, sent)
        world.recorder.watch(LedgerChanged, booked)

        def evidence() -> str:
            return f"{overtaken[0]} was approved after its reversal had been answered 25" if overtaken else ""

        def lift() -> None:
            knobs.forget_early_reversals = False
            world.recorder.unwatch(MessageSent, sent)
            world.recorder.unwatch(LedgerChanged, booked)

        return Strike(evidence, lift)

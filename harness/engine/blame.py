"""What struck before a finding, and where the terminal software was just then: the fault and the code point of a finding.

Models: of the strikes on the finding's device that bit, or ended its software, the first that came between what the finding is
about and the instant at which it was evident, cuts, crashes and damage before conditions; with none between, the last one before.
For faults that are over at once (a cut, a crash) the innermost functions of the terminal's own code at that instant, and the
storage call that they were in the middle of, which is all that is known of a program. A condition of storage (a full volume, an
error, a failing fsync) has the code point of the first call that it refused, with the error that the call got. Any other
condition (a dead line) does its harm later than it strikes, so it has none, and neither has damage, which lies on the medium.
Does not model: which fault is guilty. This one is where to look first.

Kept out of the history: it says how the software is written, and a history must not change with a line that was added above.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.masking import mask_text
from harness.engine.crashpoints.callsites import CallSites
from harness.engine.whereabouts import frame_of
from harness.faults.catalogue import all_faults
from harness.faults.tap import call_in_flight
from harness.history.events import FaultBit, FaultStruck, StorageFailed
from harness.history.recorder import Recorder
from harness.invariants.base import DAMAGE_KINDS, INSTANT_KINDS

if TYPE_CHECKING:
    from harness.sut.station import Station


@dataclass(frozen=True, slots=True)
class Blame:
    """``fault``: the kind that struck, empty for none; ``place``: where the software was then, empty where unknown."""

    fault: str = ""
    place: str = ""


_AT_ONCE = INSTANT_KINDS - DAMAGE_KINDS
NOTHING_STRUCK = Blame()
_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class _Strike:
    at_us: int
    name: str
    blame: Blame
    counts: bool
    """It has bitten; a cut or a crash ends the software whatever it leaves on the medium."""


class Blames:
    """Hears of every strike of a run."""

    def __init__(self, stations: Mapping[str, Station], sites: CallSites) -> None:
        self._stations = stations
        self._sites = sites
        self._strikes: dict[str, list[_Strike]] = {}
        self._of_storage = {kind for kind, each in all_faults().items() if each.family == "storage"} - INSTANT_KINDS

    def attach(self, recorder: Recorder) -> None:
        """Listen. A strike is told of before its effect: the software still stands where it hits."""
        recorder.watch(FaultStruck, self._struck)
        recorder.watch(FaultBit, self._bit)
        recorder.watch(StorageFailed, self._refused)

    def of(self, device: str, at_us: int, evident_us: int) -> Blame:
        """What to blame for something that ``device`` did at ``at_us`` and that was evident at ``evident_us``."""
        before: list[_Strike] = []
        between: list[_Strike] = []
        for strike in self._strikes.get(device, ()):
            if strike.counts and strike.at_us <= evident_us:
                (before if strike.at_us < at_us else between).append(strike)
        lasting = [each for each in between if each.blame.fault in INSTANT_KINDS]
        chosen = lasting[:1] or between[:1] or before[-1:]
        return chosen[0].blame if chosen else NOTHING_STRUCK

    def _struck(self, _: int, event: FaultStruck) -> None:
        for device in event.devices:
            at_once = event.kind in _AT_ONCE
            place = self._place(self._stations[device]) if at_once else ""
            strike = _Strike(event.at_us, event.fault, Blame(event.kind, place), at_once)
            self._strikes.setdefault(device, []).append(strike)

    def _bit(self, _: int, event: FaultBit) -> None:
        for strike in reversed(self._strikes.get(event.device, ())):
            if strike.name == event.fault:
                strike.counts = True
                return

    def _refused(self, _: int, event: StorageFailed) -> None:
        """A call failed while the software stands in it: of the condition that struck last it is the first one."""
        for strike in reversed(self._strikes.get(event.device, ())):
            if strike.blame.fault in self._of_storage:
                if not strike.blame.place:
                    station = self._stations[event.device]
                    path = self._sites.site(frame_of(station)).path or _NUMBERS.sub("#", mask_text(event.path))
                    strike.blame = Blame(strike.blame.fault, f"{path}: {event.operation} {event.errno}")
                return

    def _place(self, station: Station) -> str:
        call = call_in_flight(station)
        path = self._sites.site(frame_of(station)).path
        if call is None:
            return path
        return f"{path}: {call.kind}" if path else f"{call.kind} {_NUMBERS.sub('#', mask_text(call.path))}"

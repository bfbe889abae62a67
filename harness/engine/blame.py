"""What struck before a finding, and where the terminal software was just then: the fault and the code point of a finding.

Models: of the strikes on the finding's device that bit, or ended its software: the first cut, crash or damage between what the
finding is about and the instant at which it was evident; with none, whatever was at work nearest to one of the events that prove
it, but no cut before them where there was one since; with none, the first condition in between; with none, the first cut, crash
or damage since these events; with none, the last one before whose harm stays (a cut, damage, a write that was refused). What was
over while the thing was still in order (``Finding.kept_until_us``) has not done it, and a condition that was over long before is
not blamed. A finding about the state that a terminal is in (liveness) with nothing of its own to blame may be a consequence of
the one before it on the same device, and has the same blame. A request that the host leaves unanswered on any day, without a
fault (``host.no_reply``), counts as a strike of that name.
For faults that are over at once (a cut, a crash) the innermost functions of the terminal's own code at that instant, and the
storage call that they were in the middle of, which is all that is known of a program. A condition of storage (a full volume, an
error, a failing fsync) has the code point of the first call that it refused, with the error that the call got. Any other
condition (a dead line) does its harm later than it strikes, so it has none, and neither has damage, which lies on the medium.
Does not model: which fault is guilty. This one is where to look first.

Kept out of the history: it says how the software is written, and a history must not change with a line that was added above.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.core.masking import mask_text
from harness.core.units import US_PER_MINUTE
from harness.engine.crashpoints.callsites import CallSites
from harness.engine.whereabouts import frame_of
from harness.faults.catalogue import all_faults
from harness.faults.tap import call_in_flight
from harness.history.events import FaultBit, FaultLifted, FaultStruck, RequestUnanswered, StorageFailed
from harness.history.query import AROUND_US
from harness.history.recorder import Recorder
from harness.invariants.base import DAMAGE_KINDS, INSTANT_KINDS, Finding
from harness.invariants.catalogue import INVARIANTS
from harness.scenario.plan import NO_REPLY

if TYPE_CHECKING:
    from harness.sut.station import Station


@dataclass(frozen=True, slots=True)
class Blame:
    """``fault``: the kind that struck, empty for none; ``place``: where the software was then, empty where unknown.

    ``follows``: the invariant of the earlier finding whose blame it is. ``cause``: the number of the event that
    says that it struck.
    """

    fault: str = ""
    place: str = ""
    follows: int = 0
    cause: int | None = None


_HARMLESS_LATER = frozenset({"link_reset", "clock_jump"})
_AT_ONCE = INSTANT_KINDS - DAMAGE_KINDS
_ENDS_IT = frozenset({"power_loss", "crash", "scheduled_restart", "device_swap"})
NOTHING_STRUCK = Blame()
_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class _Strike:
    at_us: int
    name: str
    blame: Blame
    counts: bool
    """It has bitten; a cut or a crash of a terminal that is on ends the software whatever it leaves on the medium."""
    until_us: int | None = None
    """When it was over; None: it never was."""

    @property
    def is_instant(self) -> bool:
        """Whether it is over as soon as it struck."""
        return self.blame.fault in INSTANT_KINDS

    @property
    def reach_us(self) -> int:
        """So far from its time it may still have to do with something: a request is given up, or made anew, within a sale."""
        return US_PER_MINUTE if self.blame.fault in (*_HARMLESS_LATER, NO_REPLY) else AROUND_US

    @property
    def harms(self) -> bool:
        """Whether it ends the software or takes what was kept: a cut, a crash, damage. A connection's end does neither."""
        return self.is_instant and self.blame.fault not in _HARMLESS_LATER

    def was_over(self, at_us: int) -> bool:
        """Whether it had done all that it does before this time."""
        return self.at_us < at_us and (self.is_instant or (self.until_us is not None and self.until_us < at_us))

    def away_us(self, at_us: int) -> int:
        """How far it was from being at work at this time."""
        if at_us < self.at_us:
            return self.at_us - at_us
        until_us = self.at_us if self.is_instant else self.until_us
        return 0 if until_us is None else max(0, at_us - until_us)


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
        recorder.watch(FaultLifted, self._lifted)
        recorder.watch(RequestUnanswered, self._unanswered)
        recorder.watch(StorageFailed, self._refused)

    def of_all(self, findings: Sequence[Finding], times_us: Mapping[int, int]) -> list[Blame]:
        """What to blame for each of a run's findings, given in order of time, with the times of the events that prove them."""
        states = {each.number for _, each in INVARIANTS.items() if each.kind == "liveness"}
        blames: list[Blame] = []
        latest: dict[str, Blame] = {}
        for each in findings:
            proof_us = [times_us[number] for number in each.events if number in times_us]
            own = self.of(each.device, each.at_us, max(each.at_us, each.evident_us), proof_us, each.kept_until_us)
            if own.fault:
                latest[each.device] = replace(own, follows=each.number)
            follows = not own.fault and each.number in states
            blames.append(latest.get(each.device, NOTHING_STRUCK) if follows else own)
        return blames

    def of(
        self, device: str, at_us: int, evident_us: int, proof_us: Sequence[int] = (), kept_until_us: int = 0
    ) -> Blame:
        """What to blame for something that ``device`` did at ``at_us`` and that was evident at ``evident_us``.

        ``proof_us``: when the events that prove it happened. ``kept_until_us``: until when it was certainly in order.
        """
        known = [
            each
            for each in self._strikes.get(device, ())
            if each.counts and each.at_us <= evident_us and not each.was_over(kept_until_us)
        ]
        between = [each for each in known if each.at_us >= at_us and each.blame.fault != NO_REPLY]
        cuts = [each for each in between if each.harms]
        # What was there can only be lost later than that: an earlier cut is not what took it, where there was one since.
        since = [each for each in known if each.harms and each.at_us >= min(*proof_us, at_us, at_us)]
        near = sorted(
            (min(each.away_us(time_us) for time_us in (*proof_us, at_us)), not each.is_instant, -each.at_us, place)
            for place, each in enumerate(known)
            if not (since and each.harms and each.at_us < since[0].at_us)
        )
        at_work = [known[place] for away_us, *_, place in near if away_us <= known[place].reach_us][:1]
        stays = [
            each
            for each in known
            if each.harms
            or each.blame.fault == "clock_jump"
            or (each.blame.fault in self._of_storage and each.blame.place)
        ]
        chosen = cuts[:1] or at_work or between[:1] or since[:1] or stays[-1:]
        return chosen[0].blame if chosen else NOTHING_STRUCK

    def _struck(self, number: int, event: FaultStruck) -> None:
        for device in event.devices:
            place = self._place(self._stations[device]) if event.kind in _AT_ONCE else ""
            ends = event.kind in _ENDS_IT and self._stations[device].powered
            strike = _Strike(event.at_us, event.fault, Blame(event.kind, place, cause=number), ends)
            self._strikes.setdefault(device, []).append(strike)

    def _bit(self, _: int, event: FaultBit) -> None:
        for strike in reversed(self._strikes.get(event.device, ())):
            if strike.name == event.fault:
                strike.counts = True
                return

    def _lifted(self, _: int, event: FaultLifted) -> None:
        for device in event.devices:
            for strike in reversed(self._strikes.get(device, ())):
                if strike.name == event.fault:
                    strike.until_us = event.at_us
                    break

    def _unanswered(self, number: int, event: RequestUnanswered) -> None:
        """Any other reason than the everyday one is a fault, which has struck by then."""
        if event.reason == "no_reply":
            at_us = event.at_us
            strike = _Strike(at_us, NO_REPLY, Blame(NO_REPLY, cause=number), True, at_us)
            self._strikes.setdefault(event.device, []).append(strike)

    def _refused(self, _: int, event: StorageFailed) -> None:
        """A call failed while the software stands in it: of the condition that struck last it is the first one."""
        for strike in reversed(self._strikes.get(event.device, ())):
            if strike.blame.fault in self._of_storage:
                if not strike.blame.place:
                    station = self._stations[event.device]
                    path = self._sites.site(frame_of(station)).path or _NUMBERS.sub("#", mask_text(event.path))
                    strike.blame = replace(strike.blame, place=f"{path}: {event.operation} {event.errno}")
                return

    def _place(self, station: Station) -> str:
        call = call_in_flight(station)
        path = self._sites.site(frame_of(station)).path
        if call is None:
            return path
        return f"{path}: {call.kind}" if path else f"{call.kind} {_NUMBERS.sub('#', mask_text(call.path))}"

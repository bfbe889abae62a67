"""Playing one flow's share of trials, judging each, and gathering what is found by the code that made the failing call.

A first play without any failure tells what is wrong anyway: that is told once, and held against no call. Software that hangs
costs real seconds at each play: shown so often, the flow ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.engine.crashpoints.afterwards import Afterwards
from harness.engine.crashpoints.calls.failure import Manner
from harness.engine.crashpoints.calls.report import NO_FAILURE, CallCount, CallExample, CallFound, FlowCalls
from harness.engine.crashpoints.calls.trials import Stage, Trial, trials_of
from harness.engine.crashpoints.callsites import Step
from harness.engine.crashpoints.flows import Flow
from harness.engine.crashpoints.gather import tell_story
from harness.engine.crashpoints.judging import Court
from harness.engine.crashpoints.offered import with_inspection_decided
from harness.engine.crashpoints.purpose import NO_LOST_APPROVAL, settled_at_last
from harness.engine.crashpoints.scene import Setting
from harness.history.events import Event, SoftwareDied
from harness.invariants.base import Finding

_HANGS_MAX = 3
_CONTROL = Trial("", 0, Manner())


@dataclass(frozen=True, slots=True)
class Range:
    """Which trials to play: one call or all (0), in one manner or all, and which of several shares of these."""

    failures: tuple[str, ...]
    call: int = 0
    for_good: bool = False
    share: int = 0
    shares: int = 1

    def has(self, trial: Trial) -> bool:
        """Whether the trial is among those asked for, whoever plays it."""
        # A call that was named is played as the replay line says: once, or for good.
        if not self.call:
            return trial.manner.for_good or not self.for_good
        return trial.nth == self.call and trial.manner.for_good == self.for_good


class Playing:
    """All trials of one flow that ``extent`` has."""

    def __init__(
        self,
        setting: Setting,
        flow: Flow,
        extent: Range,
        stop: Callable[[], str],
        tell: Callable[[int, int, int], None],
    ) -> None:
        self.report = FlowCalls(flow.name, flow.summary)
        setting = with_inspection_decided(setting)
        self._stage = Stage(setting, flow)
        self._extent = extent
        self._stop = stop
        self._tell = tell
        self._court = Court(setting)
        self._settles = "settle" in setting.software.manifest.actions
        self._found: dict[tuple[int, str], CallFound] = {}
        self._anyway: frozenset[int] = frozenset()
        self._hangs = 0
        self._done = 0
        self._known = 0
        self._ordinal = 0
        self._stopped = ""

    def play(self) -> FlowCalls:
        """All of it, or as much as ``stop`` allows."""
        self._control()
        listed = [(name, self._stage.calls(name)) for name in self._extent.failures]
        work = [(CallCount(name, len(met)), list(self._mine(name, trials_of(name, met)))) for name, met in listed]
        self._known = sum(len(mine) for _, mine in work)
        for (count, mine), (name, met) in zip(work, listed, strict=True):
            count.trials = sum(self._extent.has(trial) for trial in trials_of(name, met))
            self.report.counts.append(count)
            if self._extent.call > len(met):
                self._say_because(
                    f"there is no call {self._extent.call} for {name}: the flow makes {len(met)} of the kind"
                )
            for done, trial in enumerate(mine):
                if self._over():
                    self.report.left += len(mine) - done
                    self._say_because(self._stopped)
                    break
                self._one(count, trial)
        for why in self._court.inconclusive:
            self._say_because(why)
        return self.report

    def _mine(self, failure: str, trials: Iterable[Trial]) -> Iterable[Trial]:
        extent = self._extent
        for trial in trials:
            if extent.has(trial):
                self._ordinal += 1
                if self._ordinal % extent.shares == extent.share:
                    yield trial

    def _over(self) -> bool:
        if not self._stopped:
            self._stopped = self._stop()
            if self._hangs >= _HANGS_MAX:
                self._stopped = f"the software hung {self._hangs} times"
        return bool(self._stopped)

    def _say_because(self, why: str) -> None:
        if why not in self.report.because:
            self.report.because.append(why)

    # ------------------------------------------------------------ judging

    def _control(self) -> None:
        """The flow as it goes when no call fails: what is wrong then is wrong anyway."""
        played, nothing = self._stage.control()
        if nothing:
            self._say_because(nothing)
        findings = self._findings(played.events, played.at_us)
        self._anyway = frozenset(each.number for each in findings)
        if self._extent.share == 0:
            self._gather(_CONTROL, None, findings, played.events)

    def _one(self, count: CallCount, trial: Trial) -> None:
        played = self._stage.play(trial)
        if played.met is None:
            # The flow came to the same call without a failure before: two plays alike must have gone different ways.
            self._say_because(f"{trial.text}: the call was not reached again; the software does not play alike")
            return
        self._hangs += _hangs(played.events)
        count.tried += 1
        count.bit += played.bites > 0
        if not played.bites:
            count.silent.append(f"call {trial.nth}, {trial.manner.text}: {played.met.step.text}")
        findings = [each for each in self._findings(played.events, played.at_us) if each.number not in self._anyway]
        if not findings and NO_LOST_APPROVAL not in played.excused and self._left_unsettled(played.events):
            self.report.unsettled += 1
            told = f"{trial.text}: {played.met.step.text}"
            self.report.unsettled_trial = min(self.report.unsettled_trial or told, told)
        kept = [each for each in findings if each.number not in played.excused]
        count.unsurvivable += len(kept) < len(findings)
        findings = kept
        count.failing += bool(findings)
        self._gather(trial, played.met.step, findings, played.events)
        self._done += 1
        self._tell(self._done, self._known, len(self.report.found))

    def _left_unsettled(self, events: Sequence[Event]) -> bool:
        return self._settles and not settled_at_last(events)

    def _findings(self, events: Sequence[Event], at_us: int) -> list[Finding]:
        return list(self._court.findings(events, Afterwards((), None, True, at_us)))

    def _gather(self, trial: Trial, step: Step | None, findings: Sequence[Finding], events: Sequence[Event]) -> None:
        place = NO_FAILURE if step is None else step.place
        for number in {each.number: None for each in findings}:
            same = [each for each in findings if each.number == number]
            first, money_fen = same[0], sum(each.money_fen for each in same)
            manner = trial.manner.text if trial.nth else ""
            known = self._found.get((number, place))
            if known is None or (trial.nth, trial.failure, manner) < known.example.weight:
                told = place if step is None else step.text
                story = tell_story(events, first)
                example = CallExample(trial.failure, trial.nth, manner, told, first.summary, story)
                if known is not None:
                    known.example = example
            if known is None:
                known = CallFound(number, first.invariant, first.severity, place, [], [], 0, 0, example)
                self._found[number, place] = known
                self.report.found.append(known)
            known.trials += 1
            known.money_fen = max(known.money_fen, money_fen)
            if trial.nth and trial.failure not in known.failures:
                known.failures.append(trial.failure)
            if trial.nth and manner not in known.manners:
                known.manners.append(manner)


def _hangs(events: Sequence[Event]) -> int:
    """Deaths that cost real time: the watchdog's, not those counted in virtual time."""
    return sum(
        isinstance(event, SoftwareDied) and event.reason == "spinning" and not event.detail.startswith("it made")
        for event in events
    )

"""Trials: a flow played again and again, the n-th call of one kind failing, for every n until there is no such call.

Models: each trial begins as the flow's recording does, with the terminal that has been running since (or, for a boot, with the
power coming back); only then are calls counted. When the flow is over and the terminal has had time to rest, what still fails
is lifted, the power stays on, and what follows is what follows a crash point: recovery with support's help if it must be,
sales, rest, settlement. What the terminal still knows in RAM hides what never reached the medium; so failures of storage and
memory are played once more with a power cut as soon as the flow is over, of which the poorest legal image of each volume is left.
Customers who do not know how it ended, or were refused, try once more within the flow, while calls may still be failing.
Does not model: a failure in recovery, or in the sales after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from harness.engine.crashpoints.afterwards import live_on, to_the_last_settlement
from harness.engine.crashpoints.calls.catalogue import FAILURES
from harness.engine.crashpoints.calls.failure import Failure, Manner, Met
from harness.engine.crashpoints.calls.gate import Gate
from harness.engine.crashpoints.callsites import call_sites
from harness.engine.crashpoints.cut import cut_events, situation
from harness.engine.crashpoints.flows import REST_US, SETTLED_US, Flow, start
from harness.engine.crashpoints.outside import OutsideEye
from harness.engine.crashpoints.purpose import missed
from harness.engine.crashpoints.record import before_boot
from harness.engine.crashpoints.scene import Remains, Scene, Setting
from harness.history.events import Event

_TRIES = 2
_ALWAYS_PERCENT = 200.0
"""Of a scene's chances the highest is 100, which is no less than 100."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Which call is to fail, and how. ``nth`` counts from 1 within the flow."""

    failure: str
    nth: int
    manner: Manner

    @property
    def text(self) -> str:
        """In a few words, as reports say it."""
        return f"{self.failure}, call {self.nth}, {self.manner.text}"


@dataclass(frozen=True, slots=True)
class Played:
    """What a trial came to. ``met`` is the call that failed; None when there is no n-th call."""

    trial: Trial
    met: Met | None
    bites: int
    events: tuple[Event, ...]
    at_us: int
    excused: frozenset[int] = frozenset()
    """Invariants that no software keeps over what the medium did at the cut that ended this very trial."""


class Stage:
    """One flow, ready to be played any number of times."""

    def __init__(self, setting: Setting, flow: Flow) -> None:
        self._setting = setting
        self._flow = flow
        self._sites = call_sites(setting.software)
        self._remains: Remains | None = None
        self._before: tuple[Event, ...] = ()
        self._begun = 0
        """How much had happened in the last scene when the flow began."""
        if flow.act is None:
            self._remains, self._before = before_boot(setting, flow)

    def calls(self, failure: str) -> list[Met]:
        """Every call of the kind that the flow makes when none fails."""
        scene, failing = self._act(FAILURES.get(failure), 0, Manner())
        scene.close()
        return failing.met

    def control(self) -> tuple[Played, str]:
        """The flow with no call failing, and all that comes after; and what it should have come to if it did not."""
        scene, failing = self._act(FAILURES.get(FAILURES.names()[0]), 0, Manner())
        nothing = missed(self._flow, scene.tape.events[self._begun :])
        to_the_last_settlement(scene)
        scene.close()
        trial = Trial(failing.name, 0, Manner())
        return Played(trial, None, 0, (*self._before, *scene.tape.events), scene.now_us), nothing

    def play(self, trial: Trial) -> Played:
        """The flow with one call failing, and all that comes after."""
        scene, failing = self._act(FAILURES.get(trial.failure), trial.nth, trial.manner)
        met = failing.met[0] if failing.struck else None
        with closing(scene):
            if met is not None and trial.manner.power_loss:
                return Played(trial, met, failing.bites, *self._after_a_cut(scene))
            if met is not None:
                to_the_last_settlement(scene)
            return Played(trial, met, failing.bites, (*self._before, *scene.tape.events), scene.now_us)

    def _after_a_cut(self, scene: Scene) -> tuple[tuple[Event, ...], int, frozenset[int]]:
        """Power goes now: the history to the end of the next chapter, when that is, and what the cut excuses."""
        events = (*self._before, *scene.tape.events)
        outside = OutsideEye(scene).look()
        durability = scene.station.durability
        left = durability.poorest(scene.hardware.disk, scene.now_us)
        excused = frozenset(
            number for name, state in left.items() for number in durability.profiles[name].excuses(state)
        )
        images = {name: state.image for name, state in left.items()}
        remains = Remains(images, outside.hardware, outside.host, outside.host_digest)
        cut = cut_events(situation(events), scene.now_us, (), stays=False)
        lived = live_on(self._setting, scene.chapter + 1, remains, customer_stays=False)
        return (*events, *cut, *lived.events), lived.at_us, excused

    def _act(self, kind: type[Failure], nth: int, manner: Manner) -> tuple[Scene, Failure]:
        """From the beginning to the end of the flow, with what fails lifted."""
        scene = Scene(self._setting) if self._remains is None else Scene(self._setting, 1, self._remains)
        gate = Gate(scene)
        failing = kind(scene, self._sites, nth, manner)
        self._begun = scene.tape.count
        if self._flow.act is None:
            gate.guard = failing.guard
            start(scene)
        else:
            self._flow.prepare(scene)
            scene.run_for(SETTLED_US)
            self._begun = scene.tape.count
            patient = scene.till.behaviour
            scene.till.behaviour = replace(patient, attempts=_TRIES, retries_after_unknown_percent=_ALWAYS_PERCENT)
            gate.guard = failing.guard
            self._flow.act(scene)
            scene.till.behaviour = patient
        if not (manner.power_loss and failing.struck):
            scene.run_for(REST_US)
        gate.guard = None
        failing.lift()
        return scene, failing


def trials_of(failure: str, met: Sequence[Met]) -> Iterator[Trial]:
    """Every call in every manner that makes sense for it."""
    for nth, call in enumerate(met, 1):
        for manner in FAILURES.get(failure).manners:
            if call.divisible or not manner.partly:
                yield Trial(failure, nth, manner)

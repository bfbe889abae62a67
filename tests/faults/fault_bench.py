"""Runs of small plans in this process, with the whole history at hand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from harness.engine.request import RunRequest
from harness.engine.run import Interrupted, Run
from harness.engine.verdict import Verdict
from harness.faults.base import FaultPlan
from harness.history.codec import read_history
from harness.history.events import AnyEvent, Event
from harness.scenario.build import Built
from harness.scenario.plan import DaysPlan, HostPlan, Plan
from harness.sut import interpreter, software
from harness.sut.software import Software
from harness.terminals.catalogue import CATALOGUE
from harness.workload.behaviour import Behaviour

HOUR_US = 3_600_000_000
E = TypeVar("E", bound=Event)

STEADY_PEOPLE = Behaviour()
SMALL = Plan(
    name="small",
    terminals=2,
    days=DaysPlan(count=1, open_us=9 * HOUR_US, close_us=18 * HOUR_US),
    sales_per_day=60,
    host=HostPlan(no_reply_percent=0.0),
    people=STEADY_PEOPLE,
    acceptance_percent=0.0,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. ``built`` is the world as the run left it."""

    verdict: Verdict
    events: tuple[AnyEvent, ...]
    built: Built
    decisions: str

    def of(self, kind: type[E]) -> list[tuple[int, E]]:
        """Events of one type with their numbers."""
        return [(number, event) for number, event in enumerate(self.events) if isinstance(event, kind)]

    def bit(self, name: str) -> int:
        """How many strikes of the planned fault bit."""
        return next(fault.bit for fault in self.verdict.faults if fault.name == name)

    def struck(self, name: str) -> int:
        """How many times the planned fault struck a device."""
        return next(fault.struck for fault in self.verdict.faults if fault.name == name)


@cache
def shipped(name: str) -> Software:
    """Terminal software that ships."""
    return software.load(name, {each: entry.spec for each, entry in CATALOGUE.items()}, share_modules=True)


class _Watched(Run):
    """A run that hands out the world it built."""

    built: Built | None = None
    also_watched: Callable[[Built], None] | None = None

    def _watch(self, built: Built, judge: object) -> None:
        self.built = built
        if self.also_watched is not None:
            self.also_watched(built)
        super()._watch(built, judge)  # type: ignore[arg-type]


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        yield Path(name)


def run(
    plan: Plan,
    *faults: FaultPlan,
    seed: int = 1,
    terminal: str = "reference",
    watch: Callable[[Built], None] | None = None,
) -> Outcome:
    """Run ``plan`` with ``faults`` and read its history. ``watch`` is given the world before anything happens in it."""
    plan = replace(plan, faults=(*plan.faults, *faults))
    with _scratch() as directory, interpreter.installed():
        request = RunRequest(scenario=plan.name, seed=seed)
        watched = _Watched(plan, shipped(terminal), request, directory, lambda _: None, Interrupted())
        watched.also_watched = watch
        verdict = watched.go()
        assert watched.built is not None
        events = tuple(event for _, event in read_history(watched.history_path))
        if shipped(terminal).is_program:
            # A run's process ends with the run; this one goes on, and each program holds a dozen descriptors.
            for station in watched.built.world.stations:
                station.retire()
        return Outcome(verdict, events, watched.built, watched.decisions_path.read_text())


__all__ = ["HOUR_US", "SMALL", "Outcome", "run", "shipped"]

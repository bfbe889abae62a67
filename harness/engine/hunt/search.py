"""Hunting: scenarios are run in batches, the next batch is made from what came nearest to the symptom.

Models: first the scenarios that ship (or those that are given), made small, those first whose faults tend to bring about what
the symptom's steps are; among them, from the second batch on, mutants of the best so far and random restarts. Batches have one
size, and a batch is judged when all of it is over, in the order in which it was drawn: how many workers there are changes how
long it takes, and not what is found. Best is who saw most steps, then who came nearest to the next, then who needs fewer
faults.
Does not model: a proof that nothing is there: not found is inconclusive.
Source: FoundationDB and TigerBeetle search at random; what is kept and mutated is as in coverage-guided fuzzers, with progress
along the symptom in the place of coverage.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

import msgspec

from harness.core.errors import HarnessError
from harness.core.streams import Streams
from harness.engine.campaign import run_each
from harness.engine.hunt.mutate import Mutator, placements
from harness.engine.hunt.report import HuntReport, Shown, State
from harness.engine.hunt.stages import QUIET, Stage, pool
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict
from harness.faults.base import FaultPlan
from harness.history.symptoms.model import Reached, Symptom
from harness.history.symptoms.words import BY_NAME
from harness.scenario.plan import Plan
from harness.scenario.resolve import plan_text

BATCH = 8
_ELITES = 8
_OF_ONE_STAGE = 2
_RESTARTS = 0.3
_RUN_WALL_S = 60.0
_BROKEN_KEPT = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One scenario to run."""

    stage: str
    plan: Plan
    seed: int


@dataclass(frozen=True, slots=True)
class Tried:
    """One that was run, and how far it got."""

    candidate: Candidate
    run: int
    reached: Reached
    findings: tuple[str, ...]

    @property
    def rank(self) -> tuple[float, int, int]:
        """The greater the better."""
        return self.reached.score, -len(self.candidate.plan.faults), -self.run

    def shown(self) -> Shown:
        """As reports have it."""
        faults = tuple(each.name for each in self.candidate.plan.faults)
        return Shown(
            self.candidate.stage, self.run, self.candidate.seed, faults, self.reached, self.findings
        )  # fmt: skip


@dataclass(slots=True)
class Hunt:
    """One hunt. ``stop`` may be called from a signal handler; the best so far stays."""

    symptom: Symptom
    base: RunRequest
    """Terminal, dialect and limits; scenario and seed are the hunt's own."""
    stages: Sequence[Stage]
    seed: int
    jobs: int
    budget_s: float
    runs_max: int | None = None
    harsh: bool = False
    stopped: bool = False
    runs: int = 0
    best: Tried | None = None
    broken: list[str] = field(default_factory=list)
    _elites: list[Tried] = field(default_factory=list)
    _queue: Iterator[Candidate] = field(default_factory=lambda: iter(()))
    children: set[int] = field(default_factory=set)
    """Process ids of the runs that were begun."""
    _started_s: float = 0.0
    _seen: bool = False

    def run(self, on_batch: Callable[[Hunt], None] = lambda _: None) -> HuntReport:
        """Search until it is found or the budget is over. Raises UsageError for what the user can mend."""
        self._started_s = time.monotonic()
        random = Streams(self.seed).generator("hunt")
        faults = pool(self.stages, harsh=self.harsh)
        mutator = Mutator(faults, random)
        self._queue = self._first(faults)
        with tempfile.TemporaryDirectory(prefix="harness-hunt-") as scratch:
            while not self._over():
                batch = self._batch(mutator, random)
                for tried in self._run_all(batch, Path(scratch)):
                    self._keep(tried)
                on_batch(self)
        return self.report()

    def stop(self) -> None:
        """No other run begins, and those under way are ended and count for nothing."""
        self.stopped = True
        for child in tuple(self.children):
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass

    @property
    def spent_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started_s

    def report(self) -> HuntReport:
        """What is known now."""
        found = self.best is not None and self.best.reached.shown
        state: State = "found" if found else "interrupted" if self.stopped else "not_found"
        return HuntReport(
            self.symptom.text, self.base.terminal or "reference", self.seed, state, self.runs, round(self.spent_s, 1),
            len(self.stages), None if self.best is None else self.best.shown(), tuple(self.broken),
        )  # fmt: skip

    # ------------------------------------------------------------ drawing

    def _first(self, faults: Sequence[FaultPlan]) -> Iterator[Candidate]:
        """The stages as they are: those with a fault that is hinted at before the others, those with few faults first.

        Between the two the faults hinted at by themselves, at each of the moments at which most goes wrong.
        """
        hints = [frozenset(hints_of(self.symptom, place)) for place in range(len(self.symptom.steps))]

        def order(numbered: tuple[int, Stage]) -> tuple[int, int, int]:
            place, stage = numbered
            return -sum(bool(stage.kinds & each) for each in hints), len(stage.plan.faults), place

        ordered = sorted(enumerate(self.stages), key=order)
        hinted = [stage for numbered in ordered if order(numbered)[0] < 0 for stage in numbered[1:]]
        quiet = min(self.stages, key=lambda each: (len(each.plan.faults), each.label != QUIET))
        yield from (Candidate(each.label, each.plan, self.seed) for each in hinted[:BATCH])
        for plan in placements(quiet.plan, faults, frozenset().union(*hints)):
            yield Candidate(quiet.label, plan, self.seed)
        rest = [*hinted[BATCH:], *(stage for numbered in ordered if not order(numbered)[0] for stage in numbered[1:])]
        yield from (Candidate(each.label, each.plan, self.seed) for each in rest)

    def _batch(self, mutator: Mutator, random: Random) -> list[Candidate]:
        """Half from the queue of stages while it lasts, the rest drawn; the first batch is all stages."""
        size = BATCH if self.runs_max is None else min(BATCH, self.runs_max - self.runs)
        from_queue = size if not self._elites else (size + 1) // 2
        batch = list(islice(self._queue, from_queue))
        while len(batch) < size:
            batch.append(self._drawn(mutator, random))
        return batch

    def _drawn(self, mutator: Mutator, random: Random) -> Candidate:
        seed = self.seed if random.random() < 0.7 else random.randrange(1, 1 << 31)
        if not self._elites or random.random() < _RESTARTS:
            stage = random.choice(self.stages)
            return Candidate(stage.label, mutator.fresh(stage.plan, self._hints(0)), seed)
        parent = random.choice(self._elites)
        plan = mutator.mutated(parent.candidate.plan, self._hints(parent.reached.reached))
        return Candidate(parent.candidate.stage, plan, seed)

    def _hints(self, reached: int) -> frozenset[str]:
        """Of the next step; what is proven at rest is brought about by what any step is about."""
        steps = self.symptom.steps
        places = [reached] if reached < len(steps) - 1 else range(len(steps))
        return frozenset(hint for place in places for hint in hints_of(self.symptom, place))

    # ------------------------------------------------------------ running

    def _over(self) -> bool:
        if self.stopped or (self.best is not None and self.best.reached.shown):
            return True
        if self.runs_max is not None and self.runs >= self.runs_max:
            return True
        return self.spent_s >= self.budget_s

    def _run_all(self, batch: Sequence[Candidate], scratch: Path) -> list[Tried]:
        requests: dict[str, int] = {}
        asked: list[RunRequest] = []
        for place, candidate in enumerate(batch):
            path = scratch / f"{place}.yaml"
            path.write_text(plan_text(candidate.plan), encoding="utf-8")
            requests[str(path)] = place
            asked.append(
                msgspec.structs.replace(
                    self.base, scenario=str(path), seed=candidate.seed, symptom=self.symptom.text,
                    wall_limit_s=min(self.base.wall_limit_s, _RUN_WALL_S),
                )
            )  # fmt: skip
        ended: dict[int, Verdict] = {}
        errors: dict[int, HarnessError] = {}
        for request, outcome in run_each(self._until_stopped(asked), self.jobs, run=self._launched):
            place = requests[request.scenario]
            if isinstance(outcome, Verdict):
                ended[place] = outcome
                # What was drawn later cannot matter any more, and what was drawn earlier is under way or over.
                self._seen = self._seen or _shows(outcome)
            elif not self.stopped:
                errors[place] = outcome
        if not self.stopped:
            self._note(batch, errors)
        first = min((place for place, verdict in ended.items() if _shows(verdict)), default=len(batch))
        found = []
        for place, candidate in enumerate(batch[: first + 1]):
            verdict = ended.get(place)
            reached = None if verdict is None else verdict.symptom
            is_told = isinstance(reached, Reached)
            # Of a batch that was stopped, those that had ended count.
            self.runs += is_told or not self.stopped
            if verdict is not None and isinstance(reached, Reached):
                named = dict.fromkeys(f"{each.invariant} {each.name}" for each in verdict.findings)
                found.append(Tried(candidate, self.runs, reached, tuple(named)))
        return found

    def _until_stopped(self, asked: Sequence[RunRequest]) -> Iterator[RunRequest]:
        for request in asked:
            if self.stopped or self._seen:
                return
            yield request

    def _launched(self, request: RunRequest) -> Verdict:
        return launch(request, on_start=self._started)

    def _started(self, child: int) -> None:
        self.children.add(child)
        if self.stopped:
            self.stop()

    def _note(self, batch: Sequence[Candidate], errors: dict[int, HarnessError]) -> None:
        """A scenario that this software cannot take part in is left out; when that is all of them, it is told at once."""
        if len(errors) == len(batch) and not self.runs:
            raise next(iter(errors.values()))
        for place in sorted(errors):
            if len(self.broken) < _BROKEN_KEPT:
                self.broken.append(f"{batch[place].stage}: {str(errors[place]).splitlines()[0][:200]}")

    def _keep(self, tried: Tried) -> None:
        if self.best is None or tried.rank > self.best.rank:
            self.best = tried
        if tried.reached.score <= 0:
            return
        ranked = sorted((*self._elites, tried), key=lambda each: each.rank, reverse=True)
        of_stage: dict[str, int] = {}
        self._elites = []
        for each in ranked:
            # Descendants of one stage must not crowd out all others.
            of_stage[each.candidate.stage] = of_stage.get(each.candidate.stage, 0) + 1
            if of_stage[each.candidate.stage] <= _OF_ONE_STAGE and len(self._elites) < _ELITES:
                self._elites.append(each)


def _shows(verdict: Verdict) -> bool:
    return isinstance(verdict.symptom, Reached) and verdict.symptom.shown


def hints_of(symptom: Symptom, place: int) -> tuple[str, ...]:
    """Kinds of fault that tend to bring about the step."""
    return tuple(hint for term in symptom.steps[place].terms for hint in BY_NAME[term.form].hints)

"""What runs in the child process of one mutant: each of its runs, and, where something was found, the reference in the same."""

from __future__ import annotations

import importlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import HarnessError
from harness.engine.assay.request import REFERENCE, REFERENCES, Begun, Done, Hit, Task, Tried, Try
from harness.engine.request import RunRequest

if TYPE_CHECKING:
    from harness.engine.crashpoints.report import FlowReport
    from harness.scenario.plan import Plan
    from harness.sut.software import Software

_RUN_WALL_S = 120.0
_COUNTER = "power/plain_counter"
_POWER = "power"


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """One mutant, as ``sut.limits.run_limited`` calls it: a Task in, messages on the way, a Done out."""
    task = msgspec.convert(argument, Task)
    try:
        _assay(task, lambda message: send(msgspec.to_builtins(message)))
    except HarnessError as error:
        return msgspec.to_builtins(Done(str(error), int(error.exit_code)))
    return msgspec.to_builtins(Done())


def warm() -> None:
    """What every mutant needs, before its process is forked off (``sut.nest``)."""
    from harness.engine.crashpoints import child
    from harness.terminals import catalogue, unseen  # noqa: F401

    child.warm()


def _assay(task: Task, send: Callable[[Any], None]) -> None:
    bench = Bench(task)
    missing, killed = set(task.caught_by), False
    for place, one in enumerate(task.tries):
        if killed and not missing and (not task.thorough or one.scenario):
            return  # the scenarios that ship, last of all, are large
        if one.wanted and task.caught_by and not missing & set(one.wanted):
            continue  # nothing is missing that this row is for; without promises every row of its own is tried
        send(Begun(place))
        started_s = time.monotonic()
        try:
            tried = bench.tried(place, one, started_s)
        except HarnessError as error:
            tried = Tried(place, time.monotonic() - started_s, skipped=str(error))
        send(tried)
        missing -= {hit.invariant for hit in tried.hits}
        killed = killed or bool(tried.hits)


class Bench:
    """The mutant and the reference, side by side."""

    def __init__(self, task: Task) -> None:
        # Loaded before the first run, whose seconds are then its own.
        for name in ("harness.engine.run", "harness.scenario.load", "harness.engine.crashpoints.explore"):
            importlib.import_module(name)
        self._task = task
        self._mutant = _load(task.terminal)
        if task.black_box:
            self._mutant = replace(self._mutant, black_box=True)
        self._reference = _load(REFERENCES.get(self._mutant.manifest.dialect, REFERENCE))

    def tried(self, place: int, one: Try, started_s: float) -> Tried:
        """One run of the mutant; when it found something, the same of the reference, which must find nothing."""
        if one.flow:
            return self._crash_points(place, one, started_s)
        plan = plan_of(one)
        verdict = _run(plan, self._mutant, one.seed)
        wall_s = time.monotonic() - started_s
        counts = Counter((finding.invariant, finding.name) for finding in verdict.findings)
        if not counts:
            return Tried(place, wall_s)
        correct = _run(plan, self._reference, one.seed)
        if correct.status != "pass":
            said = [f"{each.invariant} {each.name}" for each in correct.findings[:1]] or correct.inconclusive_because
            return Tried(place, wall_s, why=f"the reference does not pass this run either: {', '.join(said)}")
        # Where the invariant had nothing to judge on the reference, its pass says nothing about the invariant.
        judged = {int(line.partition(" ")[0]) for line in correct.checked}
        hits = tuple(Hit(*each, count) for each, count in sorted(counts.items()) if each[0] in judged)
        if not hits:
            return Tried(place, wall_s, why="what found it was not checked on the reference in this run")
        return Tried(place, wall_s, hits, needs=self._needs(plan, one.seed, hits) if self._task.families else None)

    def _needs(self, plan: Plan, seed: int, hits: tuple[Hit, ...]) -> tuple[str, ...]:
        """The families of fault of which none may be missing: without it nothing of what was found is found."""
        numbers = {hit.invariant for hit in hits}
        needed: list[str] = []
        for family in sorted({fault.fault.family for fault in plan.faults}):
            without = plan.without_families({family})
            found = {each.invariant for each in _run(without, self._mutant, seed).findings}
            if not found & numbers:
                needed.append(family)
        return tuple(needed)

    def _crash_points(self, place: int, one: Try, started_s: float) -> Tried:
        report = _explored(self._mutant, one)
        wall_s = time.monotonic() - started_s
        counts: Counter[tuple[int, str]] = Counter()
        for found in report.found:
            counts[found.invariant, found.name] += found.states
        if not counts:
            return Tried(place, wall_s, skipped=report.skipped)
        correct = _explored(self._reference, one)
        if correct.found or correct.left or not correct.judged:
            return Tried(place, wall_s, why="the reference does not come back from every state of this flow")
        hits = tuple(Hit(*each, count) for each, count in sorted(counts.items()))
        # Every crash point is a power cut: without one there is none.
        return Tried(place, wall_s, hits, needs=(_POWER,) if self._task.families else None)


def plan_of(one: Try) -> Plan:
    """The scenario of a run that is no exploration."""
    from harness.scenario.load import load_scenario, load_text

    return load_text(one.text, one.label) if one.text else load_scenario(one.scenario)


def _load(spec: str) -> Software:
    from harness.sut import software
    from harness.terminals.catalogue import CATALOGUE
    from harness.terminals.unseen import UNSEEN

    known = CATALOGUE | UNSEEN
    shipped = {name: each.spec for name, each in known.items()}
    return software.load(spec, shipped, share_modules=spec in known and known[spec].shares_modules)


def _run(plan: Plan, software: Software, seed: int) -> Any:
    from harness.engine.run import run_plan
    from harness.sut import interpreter

    request = RunRequest(scenario=plan.name, seed=seed, wall_limit_s=_RUN_WALL_S)
    with interpreter.installed():
        return run_plan(plan, software, request, lambda _: None)


def _explored(software: Software, one: Try) -> FlowReport:
    from harness.engine.crashpoints.child import lacks, media_of
    from harness.engine.crashpoints.explore import Exploration, Extent
    from harness.engine.crashpoints.flows import FLOWS
    from harness.engine.crashpoints.report import FlowReport
    from harness.engine.crashpoints.scene import Setting
    from harness.scenario.load import load_scenario
    from harness.sut import interpreter

    plan, flow = load_scenario(_COUNTER), FLOWS.get(one.flow)
    setting = Setting(plan, software, 1)
    skipped = lacks(setting, flow)
    if skipped:
        return FlowReport(flow.name, flow.summary, skipped=skipped)
    deadline_s = time.monotonic() + _RUN_WALL_S
    exploration = Exploration(
        setting,
        flow,
        media_of(plan, one.profiles),
        Extent(states_limit=one.states),
        lambda: "its time was over" if time.monotonic() > deadline_s else "",
        lambda *_: None,
    )
    with interpreter.installed():
        return exploration.explore()

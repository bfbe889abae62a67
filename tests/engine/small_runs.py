"""Whole runs in this process, small enough for a table of them: a scenario in a few lines, a terminal by name, a verdict."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from harness.engine.child import SHARING
from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.scenario.load import load_file, load_text
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from harness.sut.software import Software
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.small_scenarios import hour

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def small(text: str = "") -> Plan:
    """One terminal, one quiet hour, settled at its end; ``text`` says what is otherwise, key by key."""
    return load_text(hour(text))


def shipped(path: str, **changes: object) -> Plan:
    """A scenario of the repository, with ``changes`` to its fields."""
    return replace(load_file(SCENARIOS / path), **changes)  # type: ignore[arg-type]


@functools.cache
def _software(name: str, share_modules: bool | None = None) -> Software:
    specs = {each.name: each.spec for each in CATALOGUE.values()}
    return software.load(name, specs, share_modules=specs[name] in SHARING if share_modules is None else share_modules)


def run(
    plan: Plan, terminal: str, seed: int | None = 1, out: Path | None = None, *, share_modules: bool | None = None
) -> Verdict:
    """``plan`` to its verdict with a shipped terminal; ``out`` keeps history and verdict; boots share modules as shipped."""
    request = RunRequest(scenario=plan.name, seed=seed, out_dir=None if out is None else str(out))
    with interpreter.installed():
        return run_plan(plan, _software(terminal, share_modules), request, lambda _: None)


def found(verdict: Verdict) -> set[int]:
    """The numbers of the invariants that gave a finding."""
    return {finding.invariant for finding in verdict.findings}


def told(verdict: Verdict) -> str:
    """The verdict in a few lines, for a test that fails."""
    findings = [f"{each.invariant}: {each.summary}" for each in verdict.findings[:8]]
    faults = [f"{each.name}: struck {each.struck}, bit {each.bit}" for each in verdict.faults]
    return "\n".join((verdict.status, *findings, *verdict.inconclusive_because, *faults, str(verdict.sales)))

"""What all benchmarks share: the reference terminal, loaded once, and one trading day of it, timed in CPU seconds."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness.engine.child import SHARING
from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.scenario.plan import DaysPlan, Plan
from harness.sut import interpreter, software
from harness.sut.software import Software
from harness.terminals.catalogue import CATALOGUE

_ACTION = b'{"event":"ActionStarted"'


def load_reference() -> Software:
    """The reference terminal as every run loads it."""
    shipped = {name: each.spec for name, each in CATALOGUE.items()}
    return software.load("reference", shipped, share_modules=shipped["reference"] in SHARING)


@dataclass(frozen=True, slots=True)
class Day:
    """One measured run: CPU seconds from scenario to verdict, and how many operator actions were in it."""

    cpu_s: float
    actions: int
    verdict: Verdict


def trading_day(loaded: Software, terminals: int, sales: int, directory: Path) -> Day:
    """One day with ``sales`` sales on each terminal: op log, all invariants, history streamed to ``directory``."""
    plan = Plan(name="bench", terminals=terminals, days=DaysPlan(count=1), sales_per_day=sales, seed=1)
    request = RunRequest(scenario="bench", out_dir=str(directory))
    with interpreter.installed():
        begun_s = time.process_time()
        verdict = run_plan(plan, loaded, request, lambda progress: None)
        cpu_s = time.process_time() - begun_s
    if verdict.status == "fail":
        raise AssertionError(f"the reference terminal fails without faults: {verdict.findings[0].summary}")
    return Day(cpu_s, count_actions(directory / "history.jsonl"), verdict)


def count_actions(history: Path) -> int:
    """How many operator actions a history holds."""
    with history.open("rb") as lines:
        return sum(line.startswith(_ACTION) for line in lines)


def scratch_directory() -> tempfile.TemporaryDirectory[str]:
    """Where histories of benchmarks go."""
    return tempfile.TemporaryDirectory(prefix="harness-bench-")

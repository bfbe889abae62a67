"""How long the HTML report of a large sweep takes to write, and how large it is.

Models: the results of 10,000 runs of ten scenarios with 100 kinds of finding. Some are a real run's, and are seen again when that
is done once more for their pages; the others are as large, and runs are done again for them in vain. Real time, as runs are done
again in child processes. Does not model: how soon a browser has opened the page; a test of soak measures that.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from harness.engine.bench.figures import Figure
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.sweep.rows import row_of
from harness.results.model import BiteRow, Declared, DeclaredScenario, FindingRow, Measure, RunRow
from harness.results.store import Store
from harness.scenario.find import scenarios_root

RUNS = 10_000
FINDINGS = 100
_AT_MOST_S = 10.0
_MB_AT_MOST = 2.0
_SCENARIO, _TERMINAL = "network/reply_lost", "silent_charge"
_TRACES = re.compile(rb'<template id="finding-\d+">.*?</template>', re.DOTALL)

Make = Callable[[Path, Path], object]
"""Writes the report of a directory to a file, as the command line would."""


def measure(make: Make, repetitions: int) -> tuple[Figure, ...]:
    """Time and size."""
    with tempfile.TemporaryDirectory() as place:
        results, page = Path(place, "results"), Path(place, "report.html")
        results.mkdir()
        write_results(results, RUNS, FINDINGS)
        spent_s = []
        for _ in range(repetitions):
            began_s = time.monotonic()
            make(results, page)
            spent_s.append(time.monotonic() - began_s)
        size_mb = len(_TRACES.sub(b"", page.read_bytes())) / 1e6
    name = f"a report of {RUNS:,} runs, {FINDINGS} findings"
    return (
        Figure(name, median(spent_s), "s", _AT_MOST_S, spread=(min(spent_s), max(spent_s))),
        Figure("the same, its size without traces", size_mb, "MB", _MB_AT_MOST),
    )


def write_results(directory: Path, runs: int, findings: int) -> None:
    """A results file of so many runs and kinds of finding."""
    scenarios = (
        DeclaredScenario(_SCENARIO, ""),
        *(DeclaredScenario(f"scenario/{number}", "") for number in range(9)),
    )
    scenario = str(scenarios_root() / f"{_SCENARIO}.yaml")
    request = RunRequest(scenario=scenario, terminal=_TERMINAL, seed=1)
    real = row_of(_SCENARIO, request, launch(request))
    with Store.create(directory, Declared(scenarios, runs // 10, _TERMINAL)) as store:
        store.add_all(_rows(real, [each.label for each in scenarios], runs, findings), [])


def _rows(real: RunRow, labels: list[str], runs: int, findings: int) -> Iterator[RunRow]:
    """One run in twenty failed, the first of them in truth."""
    yield real
    signatures = {each.signature for each in real.findings}
    kinds = [*real.findings, *(_finding(number) for number in range(findings - len(signatures)))]
    measures = tuple(Measure(f"measure_{number}", number * 1.5) for number in range(20))
    bites = tuple(BiteRow(f"fault_{number}", "power_loss", "power", 3, 1) for number in range(20))
    plain = RunRow("", 0, ("host", "power"), "pass", (), real.replay, "0" * 64, measures, (), bites)
    for number in range(1, runs):
        run = replace(
            plain, scenario=labels[number % len(labels)], seed=1 + number // len(labels),
            replay=real.replay.replace("--seed 1", f"--seed {number}"),
            measures=(*measures, Measure("sale_s_p95", 5 + number % 40 / 10)),
        )  # fmt: skip
        if number % 20:
            yield run
        else:
            found = tuple(kinds[(number // 20 * 3 + other) % len(kinds)] for other in range(3))
            yield replace(run, verdict="fail", findings=tuple({each.signature: each for each in found}.values()))


def _finding(number: int) -> FindingRow:
    what = (
        f"T01 showed a sale of 12.00 yuan as approved at day 1 09:17:04.193, and later had no record of kind {number}."
    )
    return FindingRow(
        f"{number:08x}", 1 + number % 30, f"name_{number % 30}", what, 3, 1200, "T01", 1, what, "power_loss", "shop.py:12 sale"
    )  # fmt: skip

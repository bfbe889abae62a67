"""What a sweep costs over its runs, what a second worker brings, and how soon 100,000 stored runs are looked through.

Models: the same runs bare (one launch after another), as a sweep on one worker, and as one on two, in turns; real time, as that
is what workers are for. A results file of many runs, listed and filtered as `harness results` does: CPU time, which other work on
the machine does not stretch as much.
Does not model: disks that take long to sync, clusters.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from harness.engine.bench.figures import Figure
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.sweep.canary import Canary
from harness.engine.sweep.summary import summary_of
from harness.engine.sweep.work import Sweep, Wanted, declare, planned
from harness.results.model import BiteRow, Declared, DeclaredScenario, FindingRow, Measure, RunRow
from harness.results.store import Chosen, Store

_STORED = 100_000
_OVERHEAD_AT_MOST = 1.05
_SPEED_UP_AT_LEAST = 1.8
_LISTED_AT_MOST_S = 1.0
_SCENARIO = """\
name: a second's worth
terminals: 2
days: {{count: {days}, open: "09:00", close: "21:00"}}
sales_per_day: 100
people: {{settles_on_time: 100%, settles_late: 0%, daily_reboot: false}}
"""


def measure(repetitions: int, runs: int, days: int, stored: int) -> tuple[Figure, ...]:
    """``days`` says how long a run is; ``stored``: how many runs are stored, from which 100,000 are reckoned."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        return (*_speed(directory, repetitions, runs, days), *_listing(directory, stored))


def _speed(place: Path, repetitions: int, runs: int, days: int) -> tuple[Figure, ...]:
    scenario = place / "scenario.yaml"
    scenario.write_text(_SCENARIO.format(days=days), encoding="utf-8")
    overheads, speed_ups = [], []
    launch(
        RunRequest(scenario=str(scenario), terminal="reference", seed=1, days=1)
    )  # the warm process is there from now on
    for number in range(repetitions):
        bare_s = _timed(lambda: _bare(scenario, runs))
        one_s = _swept_s(place / f"one{number}", scenario, runs, 1)
        two_s = _swept_s(place / f"two{number}", scenario, runs, 2)
        overheads.append(one_s / bare_s)
        speed_ups.append(one_s / two_s)
    figures = [
        Figure(
            "a sweep on one worker, to its runs alone",
            median(overheads),
            "x",
            _OVERHEAD_AT_MOST,
            spread=_ends(overheads),
        )
    ]
    if len(os.sched_getaffinity(0)) > 1:
        figures.append(
            Figure(
                "runs a second of two workers, to one", median(speed_ups), "x", _SPEED_UP_AT_LEAST, at_most=False,
                spread=_ends(speed_ups),
            )
        )  # fmt: skip
    return tuple(figures)


def _bare(scenario: Path, runs: int) -> None:
    launch(Canary().request(600.0))  # a sweep has one, too
    for seed in range(1, runs + 1):
        launch(RunRequest(scenario=str(scenario), terminal="reference", seed=seed))


def _swept_s(directory: Path, scenario: Path, runs: int, jobs: int) -> float:
    directory.mkdir()
    declared = declare(Wanted((str(scenario),), runs))
    with Store.create(directory, declared) as store:
        work = Sweep(declared, planned(declared), store, jobs)
        return _timed(lambda: work.run(lambda _: None))


def _timed(what: Callable[[], None]) -> float:
    began_s = time.monotonic()
    what()
    return time.monotonic() - began_s


def _ends(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


# ---------------------------------------------------------------- stored runs


def _listing(place: Path, stored: int) -> Iterator[Figure]:
    directory = place / "stored"
    directory.mkdir()
    scenarios = tuple(DeclaredScenario(f"scenario/{number}", "") for number in range(10))
    with Store.create(directory, Declared(scenarios, stored // 10, "reference")) as store:
        store.add_all(_rows(stored), [])
    with Store.read(directory) as store:
        for what, chosen in (
            ("that failed", Chosen(("fail",), bare=True)),
            ("that passed", Chosen(("pass",), bare=True)),
            ("of a signature", Chosen(signature="00000007", bare=True)),
        ):
            yield _listed(f"100,000 stored runs, those {what}", stored, partial(_list, store, chosen))
        yield _listed("100,000 stored runs, summed up", stored, partial(summary_of, store, with_measures=False))


def _list(store: Store, chosen: Chosen) -> int:
    return sum(1 for _ in store.runs(chosen))


def _listed(name: str, stored: int, what: Callable[[], object]) -> Figure:
    spent_s = []
    for _ in range(3):
        began_s = time.process_time()
        what()
        spent_s.append((time.process_time() - began_s) * _STORED / stored)
    return Figure(name, median(spent_s), "s", _LISTED_AT_MOST_S, spread=_ends(spent_s))


def _rows(count: int) -> Iterator[RunRow]:
    """One in twenty failed."""
    measures = tuple(Measure(f"measure_{number}", number * 1.5) for number in range(20))
    bites = tuple(BiteRow(f"fault_{number}", "power_loss", "power", 3, 1) for number in range(20))
    replay = "harness run combined/random_faults --terminal reference --seed 7 --without host --without power"
    plain = RunRow("", 0, ("host", "power"), "pass", (), replay, "0" * 64, measures, (), bites)
    for number in range(count):
        run = replace(plain, scenario=f"scenario/{number % 10}", seed=1 + number // 10)
        if number % 20:
            yield run
        else:
            found = (
                FindingRow(
                    f"{(number // 20 + other) % 40:08x}", 1 + other, "name", "kind", 1, 100, "T01", 0, "What was lost."
                )
                for other in range(3)
            )
            yield replace(run, verdict="fail", findings=tuple(found))

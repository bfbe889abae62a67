"""Speed: what the harness costs on top of the terminal's own code, and how many terminal-days a core does in a second.

The two sides of the ratio take turns in one process, so that a busy or slow machine slows both.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

from harness.engine.bench.figures import Figure
from harness.engine.bench.plain_loop import PlainLoop, steps_of
from harness.engine.bench.workbench import load_reference, scratch_directory, trading_day

RATIO_MAX, RATIO_AIM = 4.0, 2.0
TERMINAL_DAYS_MIN, TERMINAL_DAYS_AIM = 25.0, 50.0


def measure(sales: int, terminals: int, repetitions: int) -> tuple[Figure, ...]:
    """Ratio, time of an action on both sides, and terminal-days a second."""
    loaded = load_reference()
    ratios: list[float] = []
    harness_us: list[float] = []
    plain_us: list[float] = []
    days: list[float] = []
    with scratch_directory() as place:
        directory = Path(place)
        trading_day(loaded, 1, sales, directory)  # also warms up imports and caches
        plain = PlainLoop.record(steps_of(directory / "history.jsonl"))
        plain.play()
        for _ in range(repetitions):
            before_us = _plain_us(plain, terminals)
            day = trading_day(loaded, terminals, sales, directory)
            plain_us.append((before_us + _plain_us(plain, terminals)) / 2)
            harness_us.append(day.cpu_s / day.actions * 1e6)
            ratios.append(harness_us[-1] / plain_us[-1])
            days.append(terminals / day.cpu_s)
    return (
        _figure("a run against a plain loop, by CPU time", "x", ratios, RATIO_MAX, at_most=True, aim=RATIO_AIM),
        _figure(
            f"terminal-days of {sales} sales a second on one core", "", days, TERMINAL_DAYS_MIN, at_most=False,
            aim=TERMINAL_DAYS_AIM,
        ),
        _figure("one operator action in a run", "us", harness_us),
        _figure("one operator action in the plain loop", "us", plain_us),
    )  # fmt: skip


def _figure(
    name: str,
    unit: str,
    values: list[float],
    target: float | None = None,
    *,
    at_most: bool = True,
    aim: float | None = None,
) -> Figure:
    return Figure(name, median(values), unit, target, at_most, aim, (min(values), max(values)))


def _plain_us(plain: PlainLoop, times: int) -> float:
    """CPU time of one action of the plain loop, in microseconds."""
    times = min(times, 4)
    begun_s = time.process_time()
    for _ in range(times):
        plain.play()
    return (time.process_time() - begun_s) / (times * len(plain.steps)) * 1e6

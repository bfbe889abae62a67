"""All benchmarks in order, small or full."""

from __future__ import annotations

from collections.abc import Callable

from harness.engine.bench import (
    crash_states,
    host_speed,
    memory,
    programs,
    reporting,
    rooms,
    startup,
    sweeping,
    terminal_days,
)
from harness.engine.bench.figures import Report

_MANY_TERMINALS = 200

NOTES = (
    "CPU time, medians; both sides of the ratio take turns in one process. Plain loop: the same actions by the same",
    "terminal code, files on tmpfs, real PIN pad sums, replies recorded beforehand. Other work on the machine spoils all",
    "figures, the ratio least.",
)


def run_suite(
    sales: int, make_page: reporting.Make, *, quick: bool, on_step: Callable[[str], None] = lambda step: None
) -> Report:
    """Everything; ``make_page`` writes an HTML report, ``on_step`` is told what is being measured."""
    repetitions = 3 if quick else 9
    on_step("speed")
    speed = terminal_days.measure(sales, 2 if quick else 8, repetitions)
    on_step("crash states")
    crashes = crash_states.measure(3 if quick else 7)
    on_step("programs")
    as_programs, left_out = programs.measure(1 if quick else 5)
    on_step("memory")
    resident = memory.measure(_MANY_TERMINALS, 10 if quick else 60)
    on_step("start-up")
    starting = startup.measure(3 if quick else 9)
    on_step("sweeps")
    swept = sweeping.measure(1, 2, 1, 10_000) if quick else sweeping.measure(5, 8, 8, 100_000)
    on_step("the host on a socket")
    hosted = host_speed.measure(*((100, 1) if quick else (1_000, 5)))
    on_step("reports")
    reported = reporting.measure(make_page, 1 if quick else 3)
    on_step("where the time goes")
    shares = rooms.measure(sales, 1 if quick else 4)
    return Report(
        sales,
        repetitions,
        (*speed, *crashes, *as_programs, *resident, *starting, *swept, *hosted, *reported),
        shares,
        (*NOTES, *left_out),
    )

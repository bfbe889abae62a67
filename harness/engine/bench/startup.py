"""Start-up: how long ``harness list`` takes from a cold interpreter to its last line."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from harness.engine.bench.figures import Figure

SECONDS_MAX = 0.4


def measure(repetitions: int) -> tuple[Figure, ...]:
    """Wall time of ``harness list faults``."""
    command = [sys.executable, "-m", "harness.cli.main", "list", "faults"]
    taken_s: list[float] = []
    for _ in range(repetitions):
        begun_s = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken_s.append(time.perf_counter() - begun_s)
    return (Figure("harness list faults", median(taken_s), "s", SECONDS_MAX, True, None, (min(taken_s), max(taken_s))),)

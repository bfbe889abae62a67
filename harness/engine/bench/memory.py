"""Memory: what one more terminal costs in resident memory, with the history streamed to disk.

Two child processes run the same day, one with many terminals and one with few; their peaks differ by what the terminals hold.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness.engine.bench.figures import Figure

MEGABYTES_MAX = 1.0
_FEW = 2


def measure(terminals: int, sales: int) -> tuple[Figure, ...]:
    """Megabytes a terminal at ``terminals`` terminals."""
    many_mb, few_mb = _peak_mb(terminals, sales), _peak_mb(_FEW, sales)
    each_mb = max(0.0, many_mb - few_mb) / (terminals - _FEW)
    return (
        Figure(f"memory a terminal, {terminals} terminals, {sales} sales", each_mb, "MB", MEGABYTES_MAX, True),
        Figure(f"memory of all {terminals} terminals and the harness", many_mb, "MB", terminals * MEGABYTES_MAX, True),
    )


def _peak_mb(terminals: int, sales: int) -> float:
    """Peak resident memory of a child process that runs one day."""
    command = [sys.executable, "-m", __name__, str(terminals), str(sales)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    """In the child: one day, then the peak on stdout."""
    from harness.engine.bench.workbench import load_reference, scratch_directory, trading_day

    terminals, sales = int(sys.argv[1]), int(sys.argv[2])
    with scratch_directory() as place:
        trading_day(load_reference(), terminals, sales, Path(place))
    print(_own_peak_kib() / 1024)


def _own_peak_kib() -> int:
    """The peak since this program began. What getrusage(2) tells instead includes the parent's, from before the exec."""
    with Path("/proc/self/status").open() as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()

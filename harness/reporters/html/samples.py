"""The two reports that are kept in ``reports/samples``: what a finding looks like, and a gate that was passed.

Models: the commands that a user would give (README, "A first finding"; a gate of the reference terminal with few random runs),
in an empty directory, so that no path of a machine is in them. ``python -m harness.reporters.html.samples [DIRECTORY]`` writes
both; a test says when they are no longer of the present format.
Does not model: the same bytes each time; how long a gate took is in it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from harness.core.errors import HarnessError

SAMPLES = Path(__file__).parents[3] / "reports" / "samples"
BYTES_MAX = 1_000_000
_COMMANDS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "finding.html": (
        (
            "run", "power/cut_between_reply_and_commit", "--terminal", "filequeue", "--profile", "posix-weak",
            "--out", "reports/first",
        ), 1, "reports/first",
    ),
    "gate.html": (
        ("gate", "--terminal", "reference", "--budget", "10 min", "--runs", "60", "--no-report", "--out", "reports/gate"),
        0, "reports/gate",
    ),
}  # fmt: skip
"""By file: what is run first, the exit code that it must have, and the directory that it leaves."""


def write_samples(directory: Path = SAMPLES) -> list[Path]:
    """Both, anew; HarnessError when one does not come out as it should: then what was there stays."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (command, expected, left) in _COMMANDS.items():
        with tempfile.TemporaryDirectory(prefix="harness-") as place:
            _harness(Path(place), *command, expected=expected)
            _harness(Path(place), "report", left, "-o", name, expected=0)
            page = Path(place, name).read_bytes()
        if len(page) > BYTES_MAX:
            raise HarnessError(f"{name} has {len(page):,} bytes; a sample has at most {BYTES_MAX:,}")
        (directory / name).write_bytes(page)
        written.append(directory / name)
    return written


def _harness(place: Path, *arguments: str, expected: int) -> None:
    command = [sys.executable, "-m", "harness.cli.main", *arguments]
    done = subprocess.run(command, check=False, cwd=place, capture_output=True, text=True)
    if done.returncode != expected:
        raise HarnessError(f"harness {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    print(*write_samples(*map(Path, sys.argv[1:2])), sep="\n")

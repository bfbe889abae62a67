"""``harness bench``: speed and memory, as ratios within one run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from harness.core.errors import ExitCode, HarnessError


@click.command()
@click.option("--quick", is_flag=True, help="Fewer repetitions: under a minute and a half.")
@click.option(
    "--sales", type=click.IntRange(10, 2000), default=200, show_default=True, help="Sales a day on each terminal."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(quick: bool, sales: int, as_json: bool) -> int:
    """Measure what the harness costs: against the bare terminal code, in terminal-days, in memory, at start-up.

    A missed target is printed as a miss and is no error: figures of a busy machine prove nothing.
    """
    from harness.engine.bench.figures import render
    from harness.engine.bench.suite import run_suite

    report = run_suite(sales, _page, quick=quick, on_step=lambda step: click.echo(f"measuring {step} ...", err=True))
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(report))
    else:
        click.echo(render(report))
    return int(ExitCode.PASS)


def _page(source: Path, path: Path) -> None:
    """An HTML report, as somebody would have it made."""
    command = [sys.executable, "-m", "harness.cli.main", "report", str(source), "-o", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise HarnessError(f"harness report failed: {done.stderr.strip()[-500:]}")

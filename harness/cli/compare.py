"""``harness compare``: two releases on the same decisions: fixed, new and unchanged findings, measures side by side."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import WallSeconds
from harness.cli.output import say_and_keep
from harness.cli.stopping import stopping
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.engine.compare.report import CompareReport, Pair
    from harness.engine.compare.work import Comparison

DEFAULT_SCENARIO = "combined/random_faults"


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option(
    "--terminal",
    required=True,
    metavar="SPEC",
    help="The release under test: a shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND.",
)
@click.option("--against", required=True, metavar="SPEC", help="The release that it is compared with, the baseline.")
@click.option(
    "--runs", type=click.IntRange(1, 100_000), default=10, show_default=True, help="Pairs of runs of each scenario."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of the first pair; each next takes the next."
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Worker processes; default: one for each core.")
@click.option("--dialect", metavar="SPEC", help="What the host speaks, with both: FILE.yaml or package.module:Class.")
@click.option("--days", type=click.IntRange(1), help="Trading days; default: the scenario's.")
@click.option("--terminals", type=click.IntRange(1), help="How many terminals; default: the scenario's.")
@click.option("--device", metavar="CLASS", help="A device class instead of the scenario's.")
@click.option("--profile", metavar="P", help="What the medium may lose at power loss; see `harness list profiles`.")
@click.option("--wall-limit", type=WallSeconds(), default=600.0, show_default=True, help="Seconds that a run may take.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep compare.json, compare.txt, and the decisions of pairs with findings.",
)
def compare(
    scenarios: tuple[str, ...],
    terminal: str,
    against: str,
    runs: int,
    seed: int,
    jobs: int | None,
    dialect: str | None,
    days: int | None,
    terminals: int | None,
    device: str | None,
    profile: str | None,
    wall_limit: float,
    as_json: bool,
    out_dir: Path | None,
) -> int:
    """Run two releases on the same decisions (default: ten seeds of combined/random_faults) and tell what changed.

    The release under test is run from each seed; customers, replies, faults and their places are written down, and the baseline
    is run on them. Where it asks for one that the other never drew, nothing happens, and that is counted. Findings are told by
    signature: new ones, fixed ones, and those of both; measures side by side; and where the two first part.

    Exit code 0: no new signature; 1: new ones; 2: some pairs are inconclusive or missing; 3: some runs broke.
    """
    from harness.cli.run import absolute_dialect, absolute_spec
    from harness.engine.compare.work import DECISIONS, Comparison, Wanted
    from harness.engine.sink import make_directory

    if out_dir is not None and str(out_dir) == ".":
        raise UsageError("--out is empty; expected a directory of its own, such as reports/compare")
    if not against.strip():
        raise UsageError("--against is empty; expected the release to compare with, such as reference")
    wanted = Wanted(
        scenarios or (DEFAULT_SCENARIO,),
        absolute_spec(terminal) or "",
        absolute_spec(against) or "",
        runs,
        seed,
        days,
        terminals,
        device,
        profile,
        absolute_dialect(dialect),
        wall_limit,
    )
    if out_dir is not None:
        make_directory(out_dir)
    kept = None if out_dir is None else out_dir.absolute() / DECISIONS
    with stopping("telling what is finished") as asked, tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        work = Comparison(wanted, Path(scratch), jobs or len(os.sched_getaffinity(0)), kept)
        asked.tell(work.stop)
        report = _watched(work, quiet=as_json or not sys.stderr.isatty())
    return _say(report, as_json, out_dir)


def _watched(work: Comparison, *, quiet: bool) -> CompareReport:
    """Progress on the terminal."""
    done = 0

    def told(pair: Pair) -> None:
        nonlocal done
        done += 1
        if not quiet:
            line = f"\r{done:,} of {work.declared:,} pairs  {pair.view.scenario} seed {pair.view.seed}"
            click.echo(f"{line:<90}", nl=False, err=True)

    try:
        return work.run(told)
    finally:
        if not quiet:
            click.echo("\r" + " " * 90 + "\r", nl=False, err=True)


def _say(report: CompareReport, as_json: bool, out_dir: Path | None) -> int:
    import msgspec

    from harness.reporters.compare import render

    encoded = msgspec.json.encode(report)
    return say_and_keep(encoded, render(report), as_json, out_dir, "compare", int(report.exit_code))

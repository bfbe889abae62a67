"""``harness assay``: every shipped mutant against the checks: what the harness sees, and what it would miss."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import Duration
from harness.cli.output import say
from harness.cli.stopping import stopping
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.engine.assay.launch import Assayer
    from harness.engine.assay.report import AssayReport

INTERRUPTED = "telling what is known by now"


@click.command()
@click.argument("mutants", nargs=-1, metavar="[MUTANT]...")
@click.option(
    "--set",
    "which",
    type=click.Choice(("shipped", "unseen")),
    default="shipped",
    show_default=True,
    help="unseen: twenty defects imagined without sight of the checks; harness/terminals/unseen/README.md.",
)
@click.option("--budget", type=Duration(), default="10 min", show_default=True, help="Real time that it may take.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Child processes at a time; default: one for each core.")
@click.option("--families", is_flag=True, help="Run each kill again without each family of fault: which does it need?")
@click.option(
    "--thorough", is_flag=True, help="Try every small scenario: who else finds it, and in which cheapest run?"
)
@click.option("--without-inspect", "black_box", is_flag=True, help="Do not ask a mutant for its own records.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep assay.json and each killing scenario.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def assay(
    mutants: tuple[str, ...],
    which: str,
    budget: float,
    jobs: int | None,
    families: bool,
    thorough: bool,
    black_box: bool,
    out_dir: Path | None,
    as_json: bool,
) -> int:
    """Run every shipped mutant (terminals with one known defect each) until the invariants that must catch it do.

    A run counts only where the reference terminal passes it. Prints who found what, the cheapest run that kills each mutant, the
    invariants that are the only killer of some, and those that are of none. Runs are tried in a fixed order, the smallest first,
    so that seconds differ between machines and nothing else (with --thorough also which of them is the cheapest). MUTANT: only
    these; also file.py:Class, a mutant of your own, which any finding kills.

    Exit code 0: all killed as they must be; 1: one survived or was missed by what must catch it; 2: not all was tried.
    """
    from harness.cli.run import absolute_spec
    from harness.engine.assay.launch import Assayer
    from harness.engine.assay.plan import tasks_of

    if out_dir is not None and str(out_dir) == ".":
        raise UsageError("--out is empty; expected a directory of its own, such as reports/assay")
    count = jobs or len(os.sched_getaffinity(0))
    with stopping(INTERRUPTED) as asked:
        named = [absolute_spec(each) or each for each in mutants]
        tasks = tasks_of(named, families=families, black_box=black_box, thorough=thorough, unseen=which == "unseen")
        assayer = Assayer(tasks, count, budget, None if out_dir is None else out_dir.absolute())
        asked.tell(assayer.stop)
        report = _watched(assayer, len(tasks), quiet=as_json or not sys.stderr.isatty())
    _say(report, as_json, out_dir)
    return int(report.exit_code)


def _watched(assayer: Assayer, total: int, *, quiet: bool) -> AssayReport:
    """Progress on the terminal."""
    started_s = time.monotonic()

    def told(done: int) -> None:
        if not (quiet or assayer.stopped):
            line = f"\r{done} of {total} mutants, {time.monotonic() - started_s:.0f} s"
            click.echo(f"{line:<78}", nl=False, err=True)

    try:
        return assayer.run(told)
    finally:
        if not quiet:
            click.echo("\r" + " " * 78 + "\r", nl=False, err=True)


def _say(report: AssayReport, as_json: bool, out_dir: Path | None) -> None:
    import msgspec

    from harness.engine.sink import write_bytes
    from harness.reporters.assay import render

    encoded = msgspec.json.encode(report, order="deterministic")
    if out_dir is not None:
        write_bytes(out_dir / "assay.json", msgspec.json.format(encoded, indent=1) + b"\n")
    say(encoded if as_json else render(report))

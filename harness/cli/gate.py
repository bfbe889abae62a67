"""``harness gate``: whether a release may go out. One command, an exit code, a bound, and nothing to read when it passes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli import ci_outputs
from harness.cli.options import Duration, named
from harness.cli.output import check_writable
from harness.cli.report import report_option, write_after_gate
from harness.cli.stopping import Stopping, stopping
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.engine.gate.baseline import KnownFinding
    from harness.engine.gate.report import GateReport
    from harness.engine.gate.work import Gate

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--terminal",
    required=True,
    metavar="SPEC",
    help="A shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND.",
)
@click.option("--budget", type=Duration(), default="10 min", show_default=True, help="Real time that it may take.")
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE",
    help="Findings that are known and do not fail: what --write-baseline wrote, or a sweep's results.",
)  # fmt: skip
@click.option("--write-baseline", type=_FILE, metavar="FILE", help="Write all findings of this gate as a baseline.")
@click.option(
    "--require", multiple=True, metavar="KEY",
    help="An invariant (number or name) that must have been checked, or an action that the software must have.",
)  # fmt: skip
@click.option(
    "--fail-if", "fail_if", multiple=True, metavar="CONDITION",
    help="A bound on a measure of random runs, such as 'sale_s_p95 > 5'.",
)  # fmt: skip
@click.option(
    "--waive", multiple=True, metavar="KEY",
    help="What may remain unproven, by the [key] that the report gives it; it is listed.",
)  # fmt: skip
@click.option(
    "--out", "out_dir", type=click.Path(path_type=Path, file_okay=False), default="reports/gate", show_default=True,
    help="Where results, scenarios and gate.json are kept; those of an earlier gate are replaced.",
)  # fmt: skip
@click.option(
    "--random", default="combined/random_faults", show_default=True, metavar="SCENARIO",
    help="What the random runs run, with four terminals each.",
)  # fmt: skip
@click.option("--runs", type=click.IntRange(1, 1_000_000), help="How many of them; default: as many as time allows.")
@click.option(
    "--shrink/--no-shrink", default=True, help="Make new findings small in what is left of the time; default: yes."
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Worker processes; default: one for each core.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the first random run.")
@click.option(
    "--dialect", metavar="SPEC", help="What the host speaks: FILE.yaml or package.module:Class; default: the terminal's."
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON (schemas/gate.schema.json).")
@report_option
@ci_outputs.options
def gate(
    terminal: str,
    budget: float,
    baseline: Path | None,
    write_baseline: Path | None,
    require: tuple[str, ...],
    fail_if: tuple[str, ...],
    waive: tuple[str, ...],
    out_dir: Path,
    random: str,
    runs: int | None,
    shrink: bool,
    jobs: int | None,
    seed: int,
    dialect: str | None,
    as_json: bool,
    junit: Path | None,
    github: bool,
    gitlab: Path | None,
    markdown: Path | None,
    with_report: bool,
) -> int:
    """Run the release campaign against terminal software, within a budget of real time.

    First small scenarios that are each known to show a defect, then the flows that move money cut at every instant, then random
    runs with every family of fault on every medium until the time is over. What is found early ends it early, and is made small
    in the time that is left; the report lists what was left untried. The bound on the rate of failing runs is exact and of the
    random runs alone.

    Exit code 0: nothing new was found and everything was shown that had to be; 1: new findings, or a bound was missed; 2: it
    does not prove enough; 3: the harness broke.
    """
    from harness.cli.run import absolute_dialect, absolute_spec
    from harness.engine.gate import limits
    from harness.engine.gate.baseline import read
    from harness.engine.gate.work import Gate, GateWanted
    from harness.scenario import find

    if str(out_dir) == ".":
        raise UsageError("--out is empty; expected a directory of its own, such as reports/gate")
    outputs = ci_outputs.outputs_of(junit, github, gitlab, markdown)
    if write_baseline is not None:
        check_writable("--write-baseline", write_baseline, "json")
    began_s = time.monotonic()
    with stopping("telling what is known by now") as asked:
        wanted = GateWanted(
            absolute_spec(terminal) or terminal,
            budget,
            out_dir,
            jobs or len(os.sched_getaffinity(0)),
            seed,
            absolute_dialect(dialect),
            None if baseline is None else read(baseline),
            _required(require),
            tuple(limits.parsed(each) for each in fail_if),
            named(waive, "--waive"),
            random,
            runs,
            shrink,
        )
        find.scenario_file(random)  # told now, and not after minutes
        work = Gate(wanted)
        asked.tell(lambda: _ask(work))
        report = _watched(work, quiet=as_json or not sys.stderr.isatty(), asked=asked)
    code = _told(work, report, write_baseline, outputs, as_json)
    if with_report:
        write_after_gate(out_dir, budget - (time.monotonic() - began_s), quiet=as_json)
    return code


def _required(given: tuple[str, ...]) -> tuple[str, ...]:
    """Invariants that there are, and actions that software may have. UsageError naming the nearest."""
    from typing import get_args

    from harness.contract import ActionKind
    from harness.core.registry import nearest
    from harness.invariants.catalogue import INVARIANTS

    known = [*INVARIANTS.names(), *get_args(ActionKind)]
    numbers = {str(each.number) for _, each in INVARIANTS.items()}
    for key in (wanted := named(given, "--require")):
        if key not in known and key not in numbers:
            raise UsageError(f"--require: no invariant or action named {key!r}; {nearest(key, known)}")
    return wanted


def _ask(work: Gate) -> None:
    if work.shrinking:
        raise KeyboardInterrupt
    work.stop()


def _watched(work: Gate, *, quiet: bool, asked: Stopping) -> GateReport:
    """Progress on the terminal."""
    from harness.cli.watching import GateWatch, draws

    watch = GateWatch(work.tally.rows, work.wanted.budget_s) if draws() and not quiet else None
    asked.clear = None if watch is None else watch.close

    def told(part: str, done: int, declared: int) -> None:
        if not (quiet or asked.asked):
            of = f" of {declared:,}" if declared else ""
            click.echo(f"\r{f'{part}: {done:,}{of} runs':<78}", nl=False, err=True)

    work.told = told if watch is None else watch.told
    try:
        return work.run()
    finally:
        if watch is not None:
            watch.close()
        elif not quiet:
            click.echo("\r" + " " * 78 + "\r", nl=False, err=True)


def _told(
    work: Gate, report: GateReport, write_baseline: Path | None, outputs: ci_outputs.Outputs, as_json: bool
) -> int:
    import msgspec

    from harness.engine.gate import baseline
    from harness.engine.sink import write_bytes
    from harness.reporters.gate import outcome_of, render

    encoded = msgspec.json.encode(report)
    rows = [row for each in work.tally.rows.values() for row in each]
    code = ci_outputs.say_and_write(
        outputs,
        encoded if as_json else render(report),
        lambda: outcome_of(report, rows),
        as_json,
        int(report.exit_code),
    )
    write_bytes(work.wanted.out_dir / "gate.json", msgspec.json.format(encoded, indent=1) + b"\n")
    if write_baseline is not None:
        baseline.write(write_baseline, report.terminal, _known(report))
    return code


def _known(report: GateReport) -> list[KnownFinding]:
    from harness.engine.gate.baseline import KnownFinding

    return [KnownFinding(each.signature, each.invariant, each.name, each.kind) for each in report.findings]

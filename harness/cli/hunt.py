"""``harness hunt``: from a symptom of the field to a scenario that shows it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import Duration
from harness.cli.output import check_writable, say
from harness.cli.stopping import as_ctrl_c, stopping
from harness.core.errors import ExitCode, HarnessError, UsageError

if TYPE_CHECKING:
    from harness.engine.hunt.report import HuntReport
    from harness.engine.hunt.search import Hunt
    from harness.history.symptoms.model import Symptom


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--symptom", metavar="TEXT", help='What was seen, such as "no reply then charged twice".')
@click.option("--list-symptoms", is_flag=True, help="Print the words of the language, and end.")
@click.option(
    "--terminal",
    default="reference",
    show_default=True,
    metavar="SPEC",
    help="A shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND.",
)
@click.option("--dialect", metavar="SPEC", help="What the host speaks: FILE.yaml or package.module:Class.")
@click.option("--budget", type=Duration(), default="5min", show_default=True, help="How long to search.")
@click.option("--runs", type=click.IntRange(1, 1_000_000), help="Give up after so many runs.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Worker processes; default: one for each core.")
@click.option("--seed", type=int, default=1, show_default=True, help="The hunt's seed: the same finds the same.")
@click.option(
    "--harsh", is_flag=True, help="Also faults that no correct software survives, such as damage to all copies."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the scenario is written, in a new directory if need be; else it is printed.",
)
@click.option(
    "--shrink",
    "shrink_s",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to make small what was found; 0: not at all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def hunt(
    scenarios: tuple[str, ...],
    symptom: str | None,
    list_symptoms: bool,
    terminal: str,
    dialect: str | None,
    budget: float,
    runs: int | None,
    jobs: int | None,
    seed: int,
    harsh: bool,
    out: Path | None,
    shrink_s: float,
    as_json: bool,
) -> int:
    """Search scenarios, faults and their placement for a run in which the symptom is seen.

    It begins with SCENARIOs (names, files or directories) as they are, or with all that ship, made small; it tries the faults
    that tend to bring about what is looked for at the moments at which most goes wrong, and goes on from what came nearest.
    `pydoc harness.history.symptoms` describes the language, --list-symptoms its words. Ctrl-C leaves the best so far.

    Exit code 1: found; 2: not found within the budget, which proves nothing.
    """
    if list_symptoms:
        from harness.reporters.hunt import vocabulary, words

        if as_json:
            import msgspec

            say(msgspec.json.encode(words()))
        else:
            say(vocabulary())
        return int(ExitCode.PASS)
    if symptom is None:
        raise UsageError('--symptom is missing, such as --symptom "no reply then charged twice" (--list-symptoms)')
    if out is not None:
        check_writable("--out", out, "yaml")
    with stopping("telling what came nearest") as asked:
        from harness.engine.hunt.writing import written
        from harness.faults.catalogue import all_faults
        from harness.history.symptoms.parse import parse

        seen = parse(symptom, {"fault": all_faults().names()})
        work = _hunt(seen, scenarios, terminal, dialect, budget, runs, jobs, seed, harsh)
        asked.tell(work.stop)
        report = _watched(work, quiet=as_json or not sys.stderr.isatty())
        if not asked.asked:
            asked.tell(as_ctrl_c)  # which ends the shrinking with the smallest so far
        report = written(work, report, 0.0 if asked.asked else shrink_s)
    return _told(report, out, as_json)


def _hunt(
    symptom: Symptom,
    scenarios: tuple[str, ...],
    terminal: str,
    dialect: str | None,
    budget_s: float,
    runs: int | None,
    jobs: int | None,
    seed: int,
    harsh: bool,
) -> Hunt:
    from harness.cli.run import absolute_dialect, absolute_spec
    from harness.engine.hunt.search import Hunt
    from harness.engine.hunt.stages import given_stages, shipped_stages
    from harness.engine.request import RunRequest
    from harness.scenario import find

    found = given_stages(find.selected(scenarios), harsh=harsh) if scenarios else shipped_stages(harsh=harsh)
    base = RunRequest(
        scenario="", terminal=absolute_spec(terminal), dialect=absolute_dialect(dialect), wall_limit_s=60.0
    )
    return Hunt(symptom, base, found, seed, jobs or len(os.sched_getaffinity(0)), budget_s, runs, harsh)


def _watched(work: Hunt, *, quiet: bool) -> HuntReport:
    """Progress on the terminal."""

    def told(hunting: Hunt) -> None:
        if quiet:
            return
        best = hunting.best
        steps = len(hunting.symptom.steps)
        near = (
            "nothing yet"
            if best is None
            else f"best {best.reached.score:.2f} of {steps} steps, in {best.candidate.stage}"
        )
        rate = hunting.runs / hunting.spent_s if hunting.spent_s else 0.0
        click.echo(f"\r{f'{hunting.runs:,} runs  {rate:.1f} runs/s  {near}'[:100]:<100}", nl=False, err=True)

    try:
        return work.run(told)
    finally:
        if not quiet:
            click.echo("\r" + " " * 100 + "\r", nl=False, err=True)


def _told(report: HuntReport, out: Path | None, as_json: bool) -> int:
    if report.scenario and out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(report.scenario, encoding="utf-8")
        except OSError as error:
            raise HarnessError(f"cannot write {error.filename or out}: {error.strerror}") from None
    if as_json:
        import msgspec

        say(msgspec.json.encode(report))
    else:
        from harness.reporters.hunt import render

        say(render(report, None if out is None else str(out)))
        if report.scenario and out is None and report.state == "found":
            say(report.scenario)
    return int(report.exit_code)

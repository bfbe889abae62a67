"""``harness report``: what a sweep, a gate or a run came to, as one HTML file."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.cli.options import Duration
from harness.cli.output import check_writable, say
from harness.core.errors import ExitCode, HarnessError, UsageError

if TYPE_CHECKING:
    from harness.engine.report.finding import Telling
    from harness.engine.report.model import Report
    from harness.engine.sweep.summary import CutOff

NAME = "report.html"
_AFTER, _AFTER_S = 10, 15.0
"""After a sweep or a gate, whose command line has named the software: so many findings are told in full, in so many seconds."""
_AFTER_MIN_S = 2.0
"""A gate that has used up its budget still has its first finding told."""
_ONE_S, _MANY_S = 60.0, 6.0
_FIRST_S = 90.0
"""A sweep may be of runs that take a minute each: its first finding is told all the same."""
F = TypeVar("F", bound=Callable[..., Any])


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The page to write, in a new directory if need be; default: report.html beside what SOURCE holds.",
)  # fmt: skip
@click.option(
    "--terminal", metavar="SPEC", help="Run this software for the findings' pages instead of what SOURCE names."
)
@click.option("--trust", is_flag=True, help="Run whatever software SOURCE names, also such as does not ship.")
@click.option(
    "--findings", type=click.IntRange(0, 1000), default=20, show_default=True,
    help="So many findings are told in full: their runs are done again and watched. 0: none.",
)  # fmt: skip
@click.option(
    "--max-time",
    type=Duration(),
    help="No such run begins later than this; default: 6 s, of one run or bundle 60 s. Each may take 20 s, or this if more; "
    "without this the first one 90 s.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all that the page shows as one JSON object.")
def report(
    source: Path,
    file: Path | None,
    terminal: str | None,
    trust: bool,
    findings: int,
    max_time: float | None,
    as_json: bool,
) -> int:
    """Write SOURCE as one HTML file that opens from disk, offline.

    SOURCE is the directory of `harness sweep`, `merge` or `gate`, of `run --out` or `crashpoints --out`, a results file, or a
    finding's bundle. With --json alone no page is written.

    Results from elsewhere are data: software that does not ship with the harness is run only when you name it (--terminal) or say
    that you know where SOURCE comes from (--trust). Without it findings are told as far as the results tell them.

    Exit code 0: it is written, whatever the verdict in it; 4: SOURCE is nothing that can be shown.
    """
    from harness.cli.run import absolute_spec

    made = file is not None and check_writable("-o", file, "html")
    if file is not None and file.exists() and source.exists() and file.samefile(source):
        raise UsageError(f"-o: {file} is what the report is of; give another file")
    how = telling(findings, _begin_s(source) if max_time is None else max_time, absolute_spec(terminal), trust)
    if how is not None and max_time is not None:
        # Who gives more time gives it to slow runs, too, and to what they are compared with.
        how = replace(how, each_s=max(how.each_s, max_time))
    elif how is not None:
        how = replace(how, first_s=_FIRST_S)
    told = _gathered(source, how, quiet=as_json)
    if as_json:
        import msgspec

        from harness.reporters.html.fit import plain

        say(msgspec.json.encode(plain(told)))
        if file is None:
            return int(ExitCode.PASS)
    path = file or _beside(source)
    from harness.reporters.html.page import write_report

    size = write_report(told, path)
    if not as_json:
        # Who has mistyped it sees where it went.
        where = f"{path.absolute()} (a new directory)" if made else str(path)
        say(f"{where}  {size / 1000:,.0f} kB, {told.verdict.status}")
        _say_what_was_not_run(told)
    return int(ExitCode.PASS)


def _say_what_was_not_run(told: Report) -> None:
    """A page without its story must not be a riddle for whoever has not opened it yet."""
    withheld = [each for each in told.findings if each.why_empty == "software"]
    if not withheld:
        return
    from harness.reporters.plain import line

    named = {each.terminal for each in withheld}
    spec = line(shlex.quote(named.pop())) if len(named) == 1 and "" not in named else "SPEC"
    say(
        f"without its story: {len(withheld)} of {len(told.findings)} findings, whose software does not ship with the harness "
        f"and is not run unasked; if it is yours, add --terminal {spec}, or --trust for whatever the findings name"
    )


def telling(findings: int, begin_s: float, terminal: str | None = None, trust: bool = False) -> Telling | None:
    """How findings are told in full; None where none is."""
    from harness.engine.report.finding import Telling

    if not findings:
        return None
    jobs = len(os.sched_getaffinity(0))
    return Telling(pages_max=findings, all_s=begin_s, jobs=jobs, terminal=terminal, trust=trust)


def _gathered(
    source: Path, how: Telling | None, cut_off: tuple[CutOff, ...] = (), *, quiet: bool, after: str = ""
) -> Report:
    """The report; ``quiet``: nothing is said of how far it is. ``after``: the command that it is the last part of."""
    from harness.cli.watching import PagesWatch, draws
    from harness.engine.report.gather import gather

    if quiet or how is None:
        return gather(source, how, cut_off=cut_off)
    with closing(PagesWatch(str(source), live=draws(), after=after)) as watch:
        return gather(source, replace(how, on_turn=watch.told), cut_off=cut_off)


def _begin_s(source: Path) -> float:
    """One run's story is worth a minute; the report of a sweep is to be there in ten seconds."""
    from harness.engine.report.crashes import CRASHES
    from harness.engine.report.single import VERDICT

    if source.name == CRASHES or (source / CRASHES).is_file():
        return _AFTER_S  # every finding has a state of its own to be judged again
    one = source.suffix == ".zip" or source.name == VERDICT or (source / VERDICT).is_file()
    return _ONE_S if one else _MANY_S


def _beside(source: Path) -> Path:
    """Where the page goes when nothing is said: into the directory, or beside a bundle or file under its name."""
    return source / NAME if source.is_dir() else source.with_suffix(".html")


# ---------------------------------------------------------------- after other commands


def report_option(command: F) -> F:
    """The option; the command gets ``with_report``."""
    return click.option(
        "--report/--no-report", "with_report", default=True,
        help=f"Write {NAME} beside the results; default: yes. It takes its own time, after the command's: often 15 s, at most "
        f"{_FIRST_S:.0f} s and what is begun by then.",
    )(command)  # fmt: skip


def write_after_sweep(out_dir: Path, cut_off: Iterable[CutOff], *, quiet: bool, after: str = "sweep") -> None:
    """The page of a sweep that has just told what it came to."""

    def gathered() -> Report:
        how = telling(_AFTER, _AFTER_S, trust=True)
        how = None if how is None else replace(how, first_s=_FIRST_S)
        return _gathered(out_dir, how, tuple(cut_off), quiet=quiet, after=after)

    _keep(gathered, out_dir / NAME, quiet=quiet)


def write_after_crashpoints(out_dir: Path, *, quiet: bool) -> None:
    """The page of crash points that have just been told, and have left their crashpoints.json."""
    write_after_sweep(out_dir, (), quiet=quiet, after="crashpoints")


def write_after_gate(out_dir: Path, left_s: float, *, quiet: bool) -> None:
    """The page of a gate that has just told what it came to, and has left its gate.json; ``left_s`` is left of its budget."""
    begin_s = min(_AFTER_S, max(_AFTER_MIN_S, left_s))

    def gathered() -> Report:
        return _gathered(out_dir, telling(_AFTER, begin_s, trust=True), quiet=quiet, after="gate")

    _keep(gathered, out_dir / NAME, quiet=quiet)


def _keep(gathered: Callable[[], Report], path: Path, *, quiet: bool) -> None:
    """Write it. Whatever keeps it from being written is told in one line: the verdict is said by now, and stays what it is."""
    why = ""
    try:
        from harness.reporters.html.page import write_report

        write_report(gathered(), path)
    except HarnessError as error:
        why = str(error)
    except OSError as error:
        why = f"cannot write {path}: {error.strerror or error}"
    except KeyboardInterrupt:
        why = "interrupted"
    except Exception as error:
        why = f"the harness itself broke while writing it ({type(error).__name__}: {error}); please report this"
    if why:
        click.echo(f"no report: {' '.join(why.split())[:500]}", err=True)
    elif not quiet:
        say(f"report: {path}")

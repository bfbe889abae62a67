"""``harness replay``: a bundle, run again to the same end, to an instant, or into a debugger."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.output import say
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.engine.replay.replay import Replayed


@click.command()
@click.argument("bundle", metavar="BUNDLE|DIR", type=click.Path(path_type=Path))
@click.option(
    "--until", metavar="WHEN", help="Show what led up to it: day1+13:42:07, power_loss#1, end, or an event's number."
)
@click.option("--break", "breaks", is_flag=True, help="Stop there in the debugger (pdb); software in process only.")
@click.option(
    "--disk-out",
    type=click.Path(path_type=Path),
    help="A new directory for what the terminal's storage held then; default: at the end.",
)
@click.option("--terminal", metavar="SPEC", help="Run this software instead of the one that the bundle names.")
@click.option("--trust", is_flag=True, help="Run whatever software the bundle names, also such as does not ship.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def replay(
    bundle: Path,
    until: str | None,
    breaks: bool,
    disk_out: Path | None,
    terminal: str | None,
    trust: bool,
    as_json: bool,
) -> int:
    """Run BUNDLE (finding.zip, which `harness run --out DIR` leaves) again and say whether the same comes of it.

    DIR stands for the bundle in it, where there is one alone.

    A bundle holds all that was drawn, so that it goes the same way with later versions of the harness, Python and Faker; where it
    does not, the first event that is another one is named. With mended software it shows where that does something else.

    A bundle from elsewhere is data: software that does not ship with the harness is run only when you name it (--terminal) or say
    that you know where the bundle comes from (--trust).

    Exit codes are those of the run: 0 it passes now, 1 it still fails, 2 inconclusive; 3 error of the harness; 4 wrong usage, or
    no bundle, a damaged one or one of a later format.
    """
    from harness.cli.run import Interrupts, absolute_spec
    from harness.engine.replay.replay import replay as run_again

    spec = absolute_spec(terminal)
    bundle = _bundle(bundle)
    if breaks:
        return _break(bundle, until, spec, trust, disk_out, as_json)
    interrupts = Interrupts()
    with interrupts.heard():
        replayed = run_again(
            bundle, terminal=spec, trust=trust, until=until, disk_out=disk_out, on_start=interrupts.started
        )
    _say(replayed, as_json)
    return int(replayed.verdict.exit_code)


def _bundle(path: Path) -> Path:
    """The bundle itself. UsageError for a directory without one."""
    if not path.is_dir():
        return path
    from harness.engine.replay.make import FINDING_NAME, bundle_below

    found = bundle_below(path)
    if found is None:
        raise UsageError(
            f"{path} holds no bundle; expected a {FINDING_NAME}, which `harness run --out DIR` leaves where it finds something"
        )
    return found


def _break(bundle: Path, until: str | None, spec: str | None, trust: bool, disk_out: Path | None, as_json: bool) -> int:
    if disk_out is not None or as_json:
        raise UsageError("--break goes without --disk-out and --json: the run ends where you leave the debugger")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--break needs a terminal to talk to; stdin or stdout is none")
    from harness.engine.replay.debug import debug
    from harness.reporters.console import render

    verdict = debug(bundle, until, spec, trust)
    say(render(verdict))
    return int(verdict.exit_code)


def _say(replayed: Replayed, as_json: bool) -> None:
    if as_json:
        import msgspec

        say(msgspec.json.encode(replayed))
        return
    from harness.reporters.replay import render

    say(render(replayed))

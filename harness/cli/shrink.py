"""``harness shrink``: the smallest scenario that still shows a finding, as a file that people read and keep."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import Duration
from harness.cli.output import check_writable, say
from harness.cli.stopping import as_ctrl_c, stopping
from harness.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.engine.request import RunRequest
    from harness.engine.shrink import Shrunk
    from harness.engine.shrink.trials import Which


@click.command()
@click.argument("case", metavar="SCENARIO|BUNDLE")
@click.option(
    "--terminal", metavar="SPEC", help="A shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND."
)
@click.option("--dialect", metavar="SPEC", help="What the host speaks: FILE.yaml or package.module:Class.")
@click.option("--seed", type=int, help="Seed of the run that found it; default: the scenario's, else 1.")
@click.option("--trust", is_flag=True, help="Of a bundle: run whatever software it names, also such as does not ship.")
@click.option("--signature", metavar="S", help="Which finding (`harness results` lists them); default: the first.")
@click.option("--after", "fault", metavar="FAULT", help="Of several of its signature the one after this kind of fault.")
@click.option("--on", "device", metavar="TERMINAL", help="Of several of its signature the one on this terminal: T04.")
@click.option("--budget", type=Duration(), default="60 s", show_default=True, help="Real time that it may take.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Child processes at a time; default: one for each core.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write, in a new directory if need be; default: reports/shrunk/NAME.yaml.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def shrink(
    case: str,
    terminal: str | None,
    dialect: str | None,
    seed: int | None,
    trust: bool,
    signature: str | None,
    fault: str | None,
    device: str | None,
    budget: float,
    jobs: int | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Make a run that found something as small as it gets: the same finding from fewer faults and actions.

    SCENARIO is a name, a file or a resolved scenario (resolved.yaml); BUNDLE a finding.zip (or the directory of a
    run that holds one), whose finding it then is. Customers
    who were drawn become `actions`, faults and keys that it does not need are left out, amounts and times become round. Each step
    is run, and taken only if the very same finding is there: its signature (invariant and what happened, without devices, times
    and amounts) after the same kind of fault, where one is blamed for it. Of several with one signature it is the bundle's own,
    else the first. The file says what it shows and how to run it, and has been run from itself alone; keep it among your
    scenarios.

    Exit codes: 0 written; 2 written, but Ctrl-C came before everything was tried; 3 error of the harness; 4 wrong usage, or the
    run shows no such finding.
    """
    from harness.cli.run import absolute_dialect, absolute_spec
    from harness.engine.request import RunRequest
    from harness.engine.shrink import shrink as make_small
    from harness.engine.shrink.trials import Which
    from harness.results.bundle import is_bundle

    spec, speaks = absolute_spec(terminal), absolute_dialect(dialect)
    with (
        stopping("keeping the smallest so far") as asked,
        tempfile.TemporaryDirectory(prefix="harness-") as scratch,
    ):
        asked.tell(as_ctrl_c)
        path = _case(case)
        if is_bundle(path):
            request, which = _of_bundle(path, Path(scratch), spec, trust, signature)
            if speaks is not None or seed is not None:
                raise UsageError("a bundle has its own seed and dialect: leave out --seed and --dialect")
        else:
            request = RunRequest(scenario=str(path), terminal=spec, dialect=speaks, seed=seed)
            which = Which(signature or "")
        if device is not None:
            which = replace(which, device=device, at_us=None)
        which = replace(which, fault=fault or "")
        target = out if out is not None else Path("reports", "shrunk", f"{path.stem}.yaml")
        if target.exists() and target.resolve() in (Path(request.scenario).resolve(), path.resolve()):
            raise UsageError(f"--out {target}: that is {'the bundle' if is_bundle(path) else 'the scenario'} itself")
        check_writable("--out", target, "yaml")
        shrunk = _watched(make_small, request, which, budget, target, jobs, as_json)
    _say(shrunk, as_json)
    return int(ExitCode.INCONCLUSIVE if shrunk.stopped == "interrupted" else ExitCode.PASS)


def _case(case: str) -> Path:
    """The bundle or the scenario; of a directory of `harness run --out`, its bundle. UsageError for a bundle that is none."""
    from harness.engine.replay.make import bundle_below
    from harness.results.bundle import SUFFIX, is_bundle

    path = Path(case)
    inside = bundle_below(path) if path.is_dir() else None
    if inside is not None:
        return inside
    if is_bundle(path):
        return path
    if path.suffix.lower() == SUFFIX:
        why = "is a directory, and no bundle" if path.is_dir() else "is no file"
        raise UsageError(
            f"{case} {why}; expected a finding{SUFFIX}, as `harness run --out DIR` leaves it, or a scenario"
        )
    return _scenario(case)


def _scenario(case: str) -> Path:
    from harness.scenario.find import selected

    paths = selected((case,))
    if len(paths) != 1:
        raise UsageError(f"one scenario is made small at a time; {case} selects {len(paths)}")
    return paths[0]


def _of_bundle(
    path: Path, scratch: Path, terminal: str | None, trust: bool, signature: str | None
) -> tuple[RunRequest, Which]:
    from harness.engine.replay.replay import prepare
    from harness.engine.shrink.trials import Which

    prepared = prepare(path, scratch, terminal, trust)
    info = prepared.bundle.info
    if signature not in (None, info.signature):
        return prepared.request, Which(signature or "")
    return prepared.request, Which(info.signature, device=info.device, at_us=info.at_us)


def _watched(
    make_small: Callable[..., Shrunk],
    request: RunRequest,
    which: Which,
    budget: float,
    target: Path,
    jobs: int | None,
    as_json: bool,
) -> Shrunk:
    return make_small(
        request,
        None,
        which=which,
        budget_s=budget,
        out=target,
        jobs=jobs or len(os.sched_getaffinity(0)),
        on_step=_progress if not as_json and sys.stderr.isatty() else _quiet,
    )


def _progress(what: str, runs: int) -> None:
    click.echo(f"\r{f'{runs} runs: {what}':<78}\r", nl=False, err=True)


def _quiet(_what: str, _runs: int) -> None:
    pass


def _say(shrunk: Shrunk, as_json: bool) -> None:
    if as_json:
        import msgspec

        say(msgspec.json.encode(shrunk, enc_hook=str))
        return
    from harness.reporters.shrink import render

    say(render(shrunk))

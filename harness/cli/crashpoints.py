"""``harness crashpoints``: every crash point of a flow, enumerated and not sampled."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from harness.cli.options import WallSeconds, named
from harness.cli.output import say, say_and_keep
from harness.cli.report import report_option, write_after_crashpoints
from harness.cli.stopping import stopping
from harness.core.errors import HarnessError, UsageError
from harness.engine.crashpoints.request import IMAGES_LIMIT, STATES_LIMIT

if TYPE_CHECKING:
    from harness.engine.crashpoints.report import CrashReport
    from harness.engine.crashpoints.request import CrashRequest, Told

R = TypeVar("R")
DEFAULT_SCENARIO = "power/plain_counter"


@click.command()
@click.argument("scenario", default=DEFAULT_SCENARIO)
@click.option(
    "--flow", "flows", multiple=True, metavar="FLOW", help="sale, void, refund, settle, upload or boot; default: all."
)
@click.option(
    "--terminal", metavar="SPEC", help="A shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND."
)
@click.option(
    "--dialect",
    metavar="SPEC",
    help="What the host speaks: FILE.yaml or package.module:Class; default: the terminal's.",
)
@click.option("--device", metavar="CLASS", help="A device class instead of the scenario's; see `harness list devices`.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="P",
    help="What the media may lose, on all volumes alike; `all` for every profile; default: the device's own.",
)
@click.option("--depth", type=click.IntRange(1, 2), default=1, show_default=True, help="2 cuts again in each recovery.")
@click.option(
    "--images",
    "images_limit",
    type=click.IntRange(2),
    default=IMAGES_LIMIT,
    show_default=True,
    help="Images listed an instant and volume; where there are more they are sampled, and that is said.",
)
@click.option(
    "--states",
    "states_limit",
    type=click.IntRange(1),
    default=STATES_LIMIT,
    show_default=True,
    help="Distinct states judged a flow at most.",
)
@click.option("--state", default="", metavar="ID", help="Only this state, as a finding names it.")
@click.option(
    "--fail",
    "failures",
    multiple=True,
    metavar="KIND",
    help="Instead of power cuts: each call fails in turn, once and for good: enospc, eio, fsync, memory, reset or all.",
)
@click.option("--call", type=click.IntRange(1), help="With --fail: only this call of the flow, as a finding names it.")
@click.option("--for-good", is_flag=True, help="With --fail: only calls that go on failing; with --call: not once.")
@click.option("--seed", type=int, help="Seed of keys and other fixed values; default: the scenario's, else 1.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes; default: one for each core.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep crashpoints.json, crashpoints.txt, report.html and the files of each state told, as the software wrote them: card "
    "numbers that it stores are in those files.",
)
@report_option
@click.option("--wall-limit", type=WallSeconds(), default=900.0, show_default=True, help="Seconds of real time.")
def crashpoints(
    scenario: str,
    flows: tuple[str, ...],
    terminal: str | None,
    dialect: str | None,
    device: str | None,
    profiles: tuple[str, ...],
    depth: int,
    images_limit: int,
    states_limit: int,
    state: str,
    failures: tuple[str, ...],
    call: int | None,
    for_good: bool,
    seed: int | None,
    jobs: int | None,
    as_json: bool,
    out_dir: Path | None,
    with_report: bool,
    wall_limit: float,
) -> int:
    """Cut the power at every instant of a flow that can matter, into every state that the medium allows.

    From each distinct state the terminal boots, a customer in doubt pays again, three sales and a settlement follow, and all
    invariants are judged. The host's ledger, PIN-pad keys, NVRAM, paper and clock are cut at the same instant; each request
    under way is delivered or dropped. SCENARIO gives device, software and host; its faults are left out.

    With --fail the power stays on and calls fail: the first of its kind in the flow, then the second, and so on to the last,
    each once and from then on until the flow is over.
    """
    from harness.cli.run import absolute_dialect, absolute_spec
    from harness.engine.crashpoints.request import CrashRequest
    from harness.scenario.find import selected

    paths = selected((scenario,))
    if len(paths) != 1:
        raise UsageError(f"{scenario} selects {len(paths)} scenarios; crash points are of one")
    if out_dir is not None and str(out_dir) == ".":
        raise UsageError("--out is empty; expected a directory of its own, such as reports/crashpoints")
    flows, profiles, failures = named(flows, "--flow"), named(profiles, "--profile"), named(failures, "--fail")
    _refuse_unknown(flows, profiles, device)
    request = CrashRequest(
        scenario=str(paths[0]),
        terminal=absolute_spec(terminal),
        dialect=absolute_dialect(dialect),
        device=device,
        seed=seed,
        flows=flows,
        profiles=profiles,
        depth=2 if "." in state else depth,
        images_limit=images_limit,
        states_limit=states_limit,
        state=state,
        out_dir=None if out_dir is None else str(out_dir.absolute()),
        wall_limit_s=wall_limit,
        spin_s=min(20.0, wall_limit),
    )
    count = 1 if state or call else jobs or len(os.sched_getaffinity(0))
    quiet = as_json or not sys.stderr.isatty()
    if not failures and (call is not None or for_good):
        raise UsageError("--call and --for-good go with --fail, which says what is to fail")
    try:
        if failures:
            return _fail_calls(request, failures, call, for_good, count, out_dir, quiet, as_json)
        return _say(_launched(request, count, quiet=quiet), as_json, out_dir, with_report)
    except HarnessError as error:
        if not as_json:
            raise
        # As `harness run --json` has it: what reads the report reads the reason, too.
        said = {"scenario": request.scenario, "error": str(error), "exit_code": int(error.exit_code)}
        say(json.dumps(said))
        return int(error.exit_code)


def _fail_calls(
    base: CrashRequest,
    failures: tuple[str, ...],
    call: int | None,
    for_good: bool,
    jobs: int,
    out_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> int:
    from harness.cli import failing_calls
    from harness.engine.crashpoints.calls.launch import launch

    request = failing_calls.request_of(base, failures, call, for_good)
    report = watched(lambda told, started: launch(request, jobs, told, started), "trials", quiet=quiet)
    return failing_calls.say(report, as_json, out_dir)


def _refuse_unknown(flows: tuple[str, ...], profiles: tuple[str, ...], device: str | None) -> None:
    """UsageError naming the nearest, before any process is started."""
    from harness.device.classes import device_class
    from harness.engine.crashpoints.flows import FLOWS
    from harness.storage.profiles import registry

    for name in flows:
        FLOWS.get(name)
    for name in profiles:
        if name != "all":
            registry.get(name)
    if device is not None:
        device_class(device)
    if "all" in profiles and len(profiles) > 1:
        raise UsageError("--profile all already is every profile; give it alone")


def _launched(request: CrashRequest, jobs: int, *, quiet: bool) -> CrashReport:
    from harness.engine.crashpoints.launch import launch

    return watched(lambda told, started: launch(request, jobs, told, started), "states", quiet=quiet)


def watched(work: Callable[[_Progress | None, Callable[[int], None]], R], what: str, *, quiet: bool) -> R:
    """Do the work in its processes: progress on the terminal, and Ctrl-C handed on to them."""
    progress = None if quiet else _Progress(what)
    children: list[int] = []
    with _interrupts_to(children) as started:
        try:
            return work(progress, started)
        finally:
            if progress is not None:
                progress.clear()


@contextmanager
def _interrupts_to(children: list[int]) -> Iterator[Callable[[int], None]]:
    """The first Ctrl-C asks the children to say what they have; the second ends all. Yields what to tell of each child."""

    def ask() -> None:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGINT)

    with stopping("telling what has been judged", breaks_off=True) as asked:
        asked.tell(ask)

        def started(child: int) -> None:
            children.append(child)
            if asked.asked:  # while this one was being started
                os.kill(child, signal.SIGINT)

        yield started


class _Progress:
    """One line that rewrites itself."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shares: dict[int, Told] = {}

    def __call__(self, share: int, told: Told) -> None:
        self._shares[share] = told
        same = [each for each in self._shares.values() if each.flow == told.flow]
        judged, found = sum(each.judged for each in same), max(each.found for each in same)
        known = sum(each.known for each in same)
        line = f"\r{told.flow:<8} {judged:,} {self._what} judged, {known:,} known so far, {found} kinds of finding"
        click.echo(f"{line:<78}", nl=False, err=True)

    def clear(self) -> None:
        """Leave no half line behind."""
        click.echo("\r" + " " * 78 + "\r", nl=False, err=True)


def _say(report: CrashReport, as_json: bool, out_dir: Path | None, with_report: bool) -> int:
    import msgspec

    from harness.reporters.crashpoints import render

    encoded = msgspec.json.encode(report)
    code = say_and_keep(encoded, render(report), as_json, out_dir, "crashpoints", int(report.exit_code))
    if out_dir is not None and with_report and code == int(report.exit_code):
        write_after_crashpoints(out_dir, quiet=as_json)
    return code

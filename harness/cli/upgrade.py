"""``harness upgrade``: one release on the data of another: up, down and up again, cut at every step."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import WallSeconds, named
from harness.cli.output import say, say_and_keep
from harness.core.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from harness.engine.upgrade.report import UpgradeReport
    from harness.engine.upgrade.request import UpgradeRequest

DEFAULT_SCENARIO = "power/plain_counter"
_SPEC = "a shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND"


@click.command()
@click.option("--from", "before", required=True, metavar="SPEC", help=f"The old release: {_SPEC}.")
@click.option("--to", "after", required=True, metavar="SPEC", help="The new release.")
@click.option(
    "--image", metavar="DIR", help="Begin on data from the field, or a snapshot, in place of the old release's trade."
)
@click.option(
    "--profile", "profiles", multiple=True, metavar="P", help="What the media may lose; `all` for every profile."
)
@click.option("--device", metavar="CLASS", help="A device class; see `harness list devices`.")
@click.option("--dialect", metavar="SPEC", help="What the host speaks with both; default: the releases' own.")
@click.option(
    "--scenario",
    default=DEFAULT_SCENARIO,
    show_default=True,
    help="Gives device, host and seed; its faults are left out.",
)
@click.option("--data", multiple=True, metavar="KIND", help="doubt, offline, hold or settled; default: all.")
@click.option("--stage", "stages", multiple=True, metavar="STAGE", help="up, down or 'up again'; default: all.")
@click.option("--no-cuts", is_flag=True, help="Only whole stages: cut nothing.")
@click.option("--depth", type=click.IntRange(1, 2), default=1, show_default=True, help="2 cuts again in each recovery.")
@click.option("--state", default="", metavar="ID", help="With one --data and one --stage: only this state of its cuts.")
@click.option("--seed", type=int, help="Seed of keys and other fixed values; default: the scenario's, else 1.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes; default: one for each core.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--out", "out_dir", type=click.Path(path_type=Path, file_okay=False), help="Keep upgrade.json, upgrade.txt."
)
@click.option("--wall-limit", type=WallSeconds(), default=900.0, show_default=True, help="Seconds of real time.")
def upgrade(
    before: str,
    after: str,
    image: str | None,
    profiles: tuple[str, ...],
    device: str | None,
    dialect: str | None,
    scenario: str,
    data: tuple[str, ...],
    stages: tuple[str, ...],
    no_cuts: bool,
    depth: int,
    state: str,
    seed: int | None,
    jobs: int | None,
    as_json: bool,
    out_dir: Path | None,
    wall_limit: float,
) -> int:
    """Let the old release trade, start the new one on what it leaves, then the old one again, then the new one again.

    The old release leaves, in turn, an open batch with a sale in doubt, an offline queue, a held amount, a settled batch. Each
    time a release comes up on another's data it trades, is restarted and settles, and all invariants are judged over the whole
    history. Then the power is cut at every instant of that first boot, into every state that the medium allows.

    An old release may refuse newer data: it has to say so, and to leave it as it is.

    Exit code 0: everything came through; 1: something was lost; 2: not all of it could be shown.
    """
    from harness.cli.run import absolute_dialect, absolute_spec
    from harness.engine.upgrade.request import UpgradeRequest
    from harness.scenario.find import selected

    paths = selected((scenario,))
    if len(paths) != 1:
        raise UsageError(f"--scenario {scenario} selects {len(paths)} scenarios; an upgrade is tried on one")
    if out_dir is not None and str(out_dir) == ".":
        raise UsageError("--out is empty; expected a directory of its own, such as reports/upgrade")
    for option, spec in (("--from", before), ("--to", after)):
        if not spec.strip():
            raise UsageError(f"{option} is empty; expected {_SPEC}")
    data, stages = named(data, "--data"), tuple(each.strip() for each in stages)
    profiles = named(profiles, "--profile")
    _refuse_unknown(data, stages, profiles, device)
    if no_cuts and depth > 1:
        raise UsageError("--depth 2 cuts again in each recovery, and --no-cuts cuts nothing: give one of them")
    if data and image is not None:
        raise UsageError("--data is what the old release leaves, --image stands in its place: give one of them")
    if state and (no_cuts or len(stages) != 1 or (len(data) != 1 and image is None)):
        raise UsageError("--state names a state of one stage's cuts; give one --data and one --stage with it")
    request = UpgradeRequest(
        scenario=str(paths[0]),
        terminal=absolute_spec(after),
        before=absolute_spec(before) or "",
        dialect=absolute_dialect(dialect),
        device=device,
        seed=seed,
        profiles=profiles,
        depth=2 if "." in state else depth,
        state=state,
        data=data,
        stages=stages,
        image=_directory(image),
        cuts=not no_cuts,
        named="" if scenario == DEFAULT_SCENARIO else scenario,
        wall_limit_s=wall_limit,
        spin_s=min(20.0, wall_limit),
        out_dir=None if out_dir is None else str(out_dir.absolute()),
    )
    count = 1 if state or no_cuts else jobs or len(os.sched_getaffinity(0))
    try:
        report = _launched(request, count, quiet=as_json or not sys.stderr.isatty())
    except HarnessError as error:
        if not as_json:
            raise
        say(json.dumps({"error": str(error), "exit_code": int(error.exit_code)}))
        return int(error.exit_code)
    return _say(report, as_json, out_dir)


def _directory(image: str | None) -> str:
    if image is None:
        return ""
    if not image.strip():
        raise UsageError("--image is empty; expected a directory, as `harness snapshot` writes it")
    directory = Path(image).absolute()
    if not directory.is_dir():
        raise UsageError(f"--image {image}: there is no directory {directory}")
    from harness.engine.images import refuse_a_run

    refuse_a_run(directory)
    return str(directory)


def _refuse_unknown(
    data: tuple[str, ...], stages: tuple[str, ...], profiles: tuple[str, ...], device: str | None
) -> None:
    """UsageError naming the nearest, before any process is started."""
    from harness.core.registry import nearest
    from harness.device.classes import device_class
    from harness.engine.upgrade.data import HOLDINGS
    from harness.engine.upgrade.request import STAGES
    from harness.storage.profiles import registry

    for option, given, known in (("--data", data, [each.name for each in HOLDINGS]), ("--stage", stages, list(STAGES))):
        for name in given:
            if name not in known:
                raise UsageError(f"{option}: there is no {name!r}; {nearest(name, known)}")
    for name in profiles:
        if name != "all":
            registry.get(name)
    if "all" in profiles and len(profiles) > 1:
        raise UsageError("--profile all already is every profile; give it alone")
    if device is not None:
        device_class(device)


def _launched(request: UpgradeRequest, jobs: int, *, quiet: bool) -> UpgradeReport:
    from harness.cli.crashpoints import watched
    from harness.engine.upgrade.launch import launch

    return watched(lambda told, started: launch(request, jobs, told, started), "states", quiet=quiet)


def _say(report: UpgradeReport, as_json: bool, out_dir: Path | None) -> int:
    import msgspec

    from harness.reporters.upgrade import render

    encoded = msgspec.json.encode(report)
    return say_and_keep(encoded, render(report), as_json, out_dir, "upgrade", int(report.exit_code))

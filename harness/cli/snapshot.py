"""``harness snapshot`` and ``harness diff``: a terminal's storage at chosen instants, written out and compared."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.storage.snapshot_diff import FileDifference


@click.command()
@click.argument("scenario", default="combined/first_look")
@click.option(
    "--at", "instants", multiple=True, required=True, metavar="WHEN", help="Such as day2+14:30; may be repeated."
)
@click.option("--of", default="", metavar="T01", help="Which terminal; default: the first.")
@click.option(
    "--terminal", metavar="SPEC", help="A shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND."
)
@click.option("--seed", type=int, help="Seed of every drawn value; default: the scenario's, else 1.")
@click.option("--days", type=click.IntRange(1), help="Trading days; default: the scenario's.")
@click.option("--terminals", type=click.IntRange(1), help="How many terminals; default: the scenario's.")
@click.option("--device", metavar="CLASS", help="The kind of device instead of the scenario's.")
@click.option("--profile", metavar="P", help="What the medium may lose at power loss; see `harness list profiles`.")
@click.option("--image", "images", multiple=True, metavar="[T02=]DIR", help="Data that terminals begin with.")
@click.option("--volatile", is_flag=True, help="What the software sees, instead of what a power cut is sure to leave.")
@click.option(
    "--out",
    "out_dir",
    required=True,
    type=click.Path(path_type=Path),
    help="A new directory; with several --at one below it each.",
)
def snapshot(
    scenario: str,
    instants: tuple[str, ...],
    of: str,
    terminal: str | None,
    seed: int | None,
    days: int | None,
    terminals: int | None,
    device: str | None,
    profile: str | None,
    images: tuple[str, ...],
    volatile: bool,
    out_dir: Path,
) -> int:
    """Run SCENARIO and write out a terminal's storage at chosen instants.

    WHEN is a time (26h, 14:30, day2+14:30), the end of the run (end), a fault's strike (power_loss#1: after the first time that
    the scenario's fault power_loss struck), or the number of an event in history.jsonl (4711).

    The directory holds the terminal's volumes as plain files, as a person would copy them off a device, and snapshot.json: modes,
    symbolic links, NVRAM, clock, and what the acquirer held of the terminal. Keys are never in it. What the terminal
    software itself stored is written as it stored it, card numbers included.

    By default it is what a power cut at that instant is sure to leave: everything lost that the medium may lose. After a
    power loss it is what that cut left.

    `harness run --image DIR` begins there. DIR may as well be files copied off a terminal in the field, by volume
    (DIR/data/...) or the data volume's content alone: the host then holds what the software's own `inspect` reads in them
    or, without one, takes the terminal's word for its batch number. Judged is what the run does, and what host and image
    agreed on at its beginning; what only one of them had is older than the run.

    Exit codes: 0 written, 2 an instant did not come, 3 error of the harness, 4 wrong usage.
    """
    from harness.cli.run import absolute_spec
    from harness.engine.images import absolute
    from harness.engine.launch import launch
    from harness.engine.request import RunRequest, SnapshotRequest
    from harness.engine.snapshots import publish_taken
    from harness.scenario.find import selected

    paths = selected((scenario,))
    if len(paths) != 1:
        raise UsageError(f"snapshots are taken of one scenario; {scenario} selects {len(paths)}")
    directory = out_dir.absolute()
    if directory.is_symlink() or (directory.exists() and not (directory.is_dir() and not any(directory.iterdir()))):
        raise UsageError(f"--out {out_dir}: exists and is no empty directory; give a new one")
    begin_on = absolute(images)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name[:100]}.", dir=directory.parent))
    except OSError as error:
        raise UsageError(f"--out {out_dir}: cannot be made: {error.strerror}") from None
    try:
        verdict = launch(
            RunRequest(
                scenario=str(paths[0]),
                terminal=absolute_spec(terminal),
                seed=seed,
                days=days,
                terminals=terminals,
                device=device,
                profile=profile,
                images=begin_on,
                snapshot=SnapshotRequest(instants, str(staging), of, volatile),
            )
        )
        missing = publish_taken(instants, staging, directory)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for each in missing:
        click.echo(f"not written: {each} did not come in this run", err=True)
    if len(missing) < len(instants):
        click.echo(
            f"{out_dir}: {len(instants) - len(missing)} of {len(instants)} snapshots; the run itself: {verdict.status}"
        )
    for reason in verdict.inconclusive_because if missing else ():
        click.echo(f"  {reason}", err=True)
    return int(ExitCode.INCONCLUSIVE if missing else ExitCode.PASS)


@click.command("diff")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def diff_command(first: Path, second: Path, as_json: bool) -> int:
    """Compare two snapshots, or directories from the field, file by file.

    For each file whose content differs it shows the first offset at which it does and the bytes around, card numbers masked.
    Exit codes: 0 the same, 1 they differ, 4 one cannot be read.
    """
    from harness.storage.snapshot_diff import compare

    found = compare(first, second)
    if as_json:
        import msgspec

        for each in found:
            click.echo(msgspec.json.encode(each))
    else:
        for each in found:
            click.echo(_told(each))
        if not found:
            click.echo("no difference")
    return int(ExitCode.VIOLATED if found else ExitCode.PASS)


def _told(each: FileDifference) -> str:
    before, after = (f"{size:,} bytes" if size is not None else "-" for size in each.sizes)
    lines = [f"{each.path}: {each.what}" + (f" ({each.detail})" if each.detail else "")]
    if each.what == "another content":
        lines[0] = f"{each.path}: {before}, then {after}; they differ from byte {each.offset:,} on"
        lines += [f"  - {row}" for row in each.before] + [f"  + {row}" for row in each.after]
    return "\n".join(lines)

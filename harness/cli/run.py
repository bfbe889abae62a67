"""``harness run``: scenarios against terminal software, each in a child process of its own."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import WallSeconds, named
from harness.cli.output import say
from harness.cli.stopping import Stopping, heard_by
from harness.core.errors import ExitCode, HarnessError, UsageError

if TYPE_CHECKING:
    from harness.engine.request import Progress, RunRequest
    from harness.engine.verdict import Verdict

FIRST_LOOK = "combined/first_look"


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option(
    "--terminal", metavar="SPEC", help="A shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND."
)
@click.option(
    "--dialect",
    metavar="SPEC",
    help="What the host speaks: FILE.yaml or package.module:Class; default: the terminal's.",
)
@click.option("--seed", type=int, help="Seed of every drawn value; default: the scenario's, else 1.")
@click.option("--days", type=click.IntRange(1), help="Trading days; default: the scenario's.")
@click.option("--terminals", type=click.IntRange(1), help="How many terminals; default: the scenario's.")
@click.option(
    "--device", metavar="CLASS", help="The kind of device instead of the scenario's; see `harness list devices`."
)
@click.option("--profile", metavar="P", help="What the medium may lose at power loss; see `harness list profiles`.")
@click.option("--disk", type=click.Choice(["vfs", "pyfakefs"]), help="Which virtual disk; default: vfs.")
@click.option(
    "--without",
    "without",
    multiple=True,
    metavar="FAMILY",
    help="Leave out all faults of a family, such as power or host (see `harness list faults`); host.no_reply: the host "
    "answers whatever no fault keeps from it.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="[T02=]DIR",
    help="Data that terminals begin with: a snapshot, or files from the field; see `harness snapshot`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print verdicts as JSON, one object a line.")
@click.option(
    "--out",
    "out_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep history, verdict, resolved scenario.",
)
@click.option(
    "--resolved-out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the scenario with every decision pinned.",
)
@click.option(
    "--wall-limit",
    type=WallSeconds(),
    default=600.0,
    show_default=True,
    help="Seconds of real time a run may take.",
)
def run(
    scenarios: tuple[str, ...],
    terminal: str | None,
    dialect: str | None,
    seed: int | None,
    days: int | None,
    terminals: int | None,
    device: str | None,
    profile: str | None,
    disk: str | None,
    without: tuple[str, ...],
    images: tuple[str, ...],
    as_json: bool,
    out_dir: Path | None,
    resolved_out: Path | None,
    wall_limit: float,
) -> int:
    """Run scenarios (names, files or directories) and print a verdict for each.

    Without a scenario it runs combined/first_look: 20 terminals, three days, five families of faults. With --out DIR each
    run leaves history.jsonl, verdict.json and, for a finding, resolved.yaml, which replays it, and finding.zip: a
    bundle for others (`harness replay`).

    With --image terminals begin in service, on data from before the run; `harness snapshot --help` says what is judged then.
    """
    from harness.engine.images import absolute
    from harness.engine.request import RunRequest
    from harness.engine.sink import make_directory
    from harness.engine.verdict import worst
    from harness.scenario.find import selected

    if terminal is not None and not terminal.strip():
        raise UsageError(
            "--terminal is empty; expected a name, package.module:Class, path/to/file.py:Class or exec:COMMAND"
        )
    if out_dir is not None and str(out_dir) == ".":
        raise UsageError("--out is empty; expected a directory of its own, such as reports/first")
    begin_on = absolute(images)
    switched_off = families_named(named(without, "--without"))
    paths = selected(scenarios or (FIRST_LOOK,))
    if resolved_out is not None and len(paths) > 1:
        raise UsageError(f"--resolved-out takes one scenario, {len(paths)} were selected")
    if out_dir is not None:
        make_directory(out_dir)
    codes: list[ExitCode] = []
    interrupts = Interrupts()
    for done, path in enumerate(paths):
        request = RunRequest(
            scenario=str(path),
            terminal=absolute_spec(terminal),
            dialect=absolute_dialect(dialect),
            seed=seed,
            days=days,
            terminals=terminals,
            device=device,
            profile=profile,
            disk=disk,
            without=switched_off,
            images=begin_on,
            out_dir=str(_own_directory(out_dir, path, len(paths))) if out_dir else None,
            resolved_out=str(resolved_out.absolute()) if resolved_out else None,
            wall_limit_s=wall_limit,
            spin_s=min(20.0, wall_limit),
        )
        with interrupts.heard():
            codes.append(_run_one(request, as_json, interrupts))
        if interrupts.asked and done + 1 < len(paths):
            click.echo(f"interrupted: {len(paths) - done - 1} of {len(paths)} scenarios were not run", err=True)
            codes.append(ExitCode.INCONCLUSIVE)
            break
    return int(worst(codes))


def families_named(names: tuple[str, ...]) -> tuple[str, ...]:
    """Families of fault, or what a host does on any day, each of which there is; UsageError naming the nearest."""
    from harness.core.registry import nearest
    from harness.faults.base import families
    from harness.scenario.plan import NO_REPLY

    known = [*families(), NO_REPLY]
    for name in names:
        if name not in known:
            raise UsageError(f"no family of faults named {name!r}; {nearest(name, known)}")
    return names


def absolute_spec(spec: str | None) -> str | None:
    """A file named in SPEC as an absolute path: the child process has a working directory of its own."""
    if spec is not None and not spec.strip():
        raise UsageError(
            "--terminal is empty; expected a shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND"
        )
    if spec is not None and spec.endswith(".py") and ":" not in spec:
        return str(Path(spec).absolute())
    if spec is None or ":" not in spec or spec.startswith("exec:"):
        return spec
    file, _, name = spec.rpartition(":")
    return f"{Path(file).absolute()}:{name}" if file.endswith(".py") else spec


def absolute_dialect(spec: str | None) -> str | None:
    """A file named in ``--dialect`` as an absolute path. UsageError for one that is not there, or cannot be read as a dialect."""
    if spec is None:
        return None
    if not spec.strip():
        raise UsageError("--dialect is empty; expected FILE.yaml or package.module:Class")
    file, colon, name = spec.rpartition(":")
    if file.endswith(".py"):
        return f"{Path(file).absolute()}{colon}{name}"
    if Path(spec).suffix not in (".yaml", ".yml", ".json"):
        return spec
    from harness.scenario.dialect_file import load_dialect

    load_dialect(spec)  # its mistakes are told here, by the name that was given
    return str(Path(spec).absolute())


def _own_directory(out_dir: Path, scenario: Path, count: int) -> Path:
    directory = out_dir.absolute()
    return directory if count == 1 else directory / scenario.parent.name / scenario.stem


class Interrupts:
    """The first Ctrl-C ends trading early, the run still says what it has seen, and no other begins; the second ends all."""

    def __init__(self) -> None:
        self._stopping = Stopping("finishing the run with what it has seen", breaks_off=True)
        self._stopping.tell(self._ask)
        self.child = 0

    @property
    def asked(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stopping.asked

    def _ask(self) -> None:
        if self.child:
            os.kill(self.child, signal.SIGINT)

    def started(self, child: int) -> None:
        """A child process runs; it is told when somebody asked while it was being started."""
        self.child = child
        if self.asked:
            os.kill(child, signal.SIGINT)

    def heard(self) -> AbstractContextManager[None]:
        """Within this, signals come here."""
        return heard_by(self._stopping)


def _run_one(request: RunRequest, as_json: bool, interrupts: Interrupts) -> ExitCode:
    from harness.engine.launch import launch

    progress = _plain_progress if not as_json and sys.stderr.isatty() else None
    try:
        verdict = launch(request, progress, on_start=interrupts.started)
    except HarnessError as error:
        # One scenario that cannot run must not keep the others from running.
        if as_json:
            import msgspec

            said = {"scenario": request.scenario, "error": str(error), "exit_code": int(error.exit_code)}
            say(msgspec.json.encode(said))
        else:
            click.echo(f"error: {error}", err=True)
        return error.exit_code
    finally:
        interrupts.child = 0
    _keep_bundle(request, verdict)
    _print(verdict, as_json)
    return verdict.exit_code


def _keep_bundle(request: RunRequest, verdict: Verdict) -> None:
    """``finding.zip`` beside the history. A run that cannot be bundled is told all the same."""
    if request.out_dir is None or verdict.status != "fail":
        return
    from harness.engine.replay.make import keep_bundle

    try:
        keep_bundle(request, verdict, Path(request.out_dir))
    except HarnessError as error:
        click.echo(f"no bundle: {error}", err=True)


def _print(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        import msgspec

        say(msgspec.json.encode(verdict))
        return
    from harness.reporters.console import render

    say(render(verdict))


def _plain_progress(progress: Progress) -> None:
    """One line that rewrites itself; the parent process is the only one that knows the real clock."""
    done = 100.0 * progress.at_us / progress.end_us if progress.end_us else 100.0
    line = f"\r{progress.phase:<18} {min(done, 100.0):5.1f} %  {progress.sales:,} sales  {progress.findings} findings"
    click.echo(f"{line:<78}", nl=False, err=True)
    if progress.phase == "check":
        click.echo("\r" + " " * 78 + "\r", nl=False, err=True)

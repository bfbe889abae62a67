"""Replaying a bundle: the same scenario with the same decisions, and whether the same comes of it.

Models: the software that the bundle names where it ships with the harness; any other only when the command line says so, as a
bundle is data from elsewhere and says nothing about what code runs. Says whether the finding came again and where the history
first parts from the one that was bundled.
Does not model: going back in time; what led up to an instant is shown from the history.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.engine.launch import launch
from harness.engine.replay.instants import lines_before
from harness.engine.replay.marks import Parting, parting
from harness.engine.request import Progress, RunRequest, SnapshotRequest
from harness.engine.snapshots import END, instant, publish_taken
from harness.engine.sweep.rows import row_of
from harness.engine.verdict import Verdict
from harness.results.bundle import Bundle, BundleInfo, read_bundle, replay_line, unpack_images
from harness.scenario.load import load_text
from harness.scenario.plan import Plan
from harness.terminals.catalogue import CATALOGUE

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay went. ``again``: the bundle's finding came again."""

    info: BundleInfo
    verdict: Verdict
    again: bool
    signatures: tuple[str, ...]
    parted: Parting | None
    """Where the history first goes another way; None when it is the same."""
    versions: tuple[str, ...]
    """What is another version now than when the bundle was written."""
    until: str = ""
    last: tuple[str, ...] = ()
    """The last events up to the instant that was asked for."""
    disk: str = ""
    came: bool = True
    """Whether that instant came at all."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A bundle unpacked to run."""

    bundle: Bundle
    request: RunRequest
    plan: Plan


def prepare(path: Path, scratch: Path, terminal: str | None = None, trust: bool = False) -> Prepared:
    """Unpack the bundle in ``path`` below ``scratch``, as a request. UsageError for a bundle that may not be run as it is."""
    bundle = read_bundle(path)
    info = bundle.info
    spec = terminal
    if spec is None:
        spec = info.spec
        if spec not in CATALOGUE and not trust:
            raise UsageError(
                f"{path}: names terminal software of its own, {spec[:200]!r}, and a bundle does not decide what code runs: "
                "say --terminal SPEC, or --trust if you know where the bundle comes from"
            )
    scenario = scratch / "resolved.yaml"
    scenario.write_text(bundle.resolved, encoding="utf-8")
    dialect: str | None = None
    if bundle.dialect:
        (scratch / "dialect.yaml").write_text(bundle.dialect, encoding="utf-8")
        dialect = str(scratch / "dialect.yaml")
    elif info.dialect:
        if not trust:
            raise UsageError(
                f"{path}: names a host dialect that is code, {info.dialect[:200]!r}: say --trust if you know where it comes from"
            )
        dialect = info.dialect
    images = scratch / "images"
    images.mkdir()
    try:
        unpacked = unpack_images(bundle, images)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    begun_on = tuple(f"{device}={place}" for device, place in unpacked.items())
    # What is wrong with it is told of the bundle: nobody finds the directory that it is unpacked in.
    plan = load_text(bundle.resolved, f"{path}: resolved.yaml")
    return Prepared(bundle, RunRequest(scenario=str(scenario), terminal=spec, dialect=dialect, images=begun_on), plan)


def replay(
    path: Path,
    *,
    terminal: str | None = None,
    trust: bool = False,
    until: str | None = None,
    disk_out: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> Replayed:
    """Run the bundle in ``path`` again and compare. ``until``: an instant up to which the events are shown; ``disk_out``: where
    to write what the terminal's storage held then (without ``until``: at the end)."""
    with tempfile.TemporaryDirectory(prefix="harness-") as made:
        scratch = Path(made)
        prepared = prepare(path, scratch, terminal, trust)
        info = prepared.bundle.info
        plan = prepared.plan
        asked = instant(until if until is not None else END, plan, "--until")
        request = msgspec.structs.replace(prepared.request, out_dir=str(scratch / "run"))
        staging: Path | None = None
        if disk_out is not None:
            staging = _staging(disk_out)
            of = info.device if info.device in plan.station_names() else ""
            request = msgspec.structs.replace(request, snapshot=SnapshotRequest((asked.text,), str(staging), of))
        try:
            verdict = launch(request, on_progress, on_start=on_start)
            if disk_out is not None and staging is not None:
                _publish(asked.text, staging, disk_out)
        finally:
            if staging is not None:
                shutil.rmtree(staging, ignore_errors=True)
        history = scratch / "run" / "history.jsonl"
        last, came = ([], True) if until is None else lines_before(history, asked, _SHOWN)
        signatures = tuple(each.signature for each in row_of("", request, verdict).findings)
        return Replayed(
            info,
            msgspec.structs.replace(verdict, replay=replay_line(path, terminal, trust)),
            info.signature in signatures,
            signatures,
            parting(history, prepared.bundle.marks),
            tuple(_other_versions(info)),
            asked.text if until is not None else "",
            tuple(last),
            "" if disk_out is None else str(disk_out),
            came,
        )


def _staging(disk_out: Path) -> Path:
    directory = disk_out.absolute()
    if directory.is_symlink() or (directory.exists() and not (directory.is_dir() and not any(directory.iterdir()))):
        raise UsageError(f"--disk-out {disk_out}: exists and is no empty directory; give a new one")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{directory.name[:100]}.", dir=directory.parent))
    except OSError as error:
        raise UsageError(f"--disk-out {disk_out}: cannot be made: {error.strerror}") from None


def _publish(text: str, staging: Path, disk_out: Path) -> None:
    if publish_taken((text,), staging, disk_out.absolute()):
        raise UsageError(f"--until {text}: did not come in this run, so there is no disk to write")


def _other_versions(info: BundleInfo) -> list[str]:
    now = {
        "harness": metadata.version("terminal-fault-harness"),
        "Python": platform.python_version(),
        "Faker": metadata.version("faker"),
    }
    then = {"harness": info.harness, "Python": info.python, "Faker": info.faker}
    return [f"{name} {then[name][:40]}, now {now[name]}" for name in now if then[name] != now[name]]

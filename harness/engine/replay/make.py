"""From a run that found something to the bundle that anybody can replay."""

from __future__ import annotations

import platform
import shlex
import tempfile
from importlib import metadata
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.engine.launch import launch
from harness.engine.replay.marks import marks_of
from harness.engine.request import RunRequest
from harness.engine.sweep.rows import row_of
from harness.engine.verdict import Verdict, verdict_bytes
from harness.results.bundle import FORMAT, SUFFIX, Bundle, BundleInfo, is_bundle, write_bundle
from harness.results.model import FindingRow

FINDING_NAME = "finding.zip"
_BUNDLES_TOLD = 10
_IMAGE_BYTES_MAX = 64 << 20
_IMAGE_FILES_MAX = 10_000
_DIALECT_FILES = (".yaml", ".yml", ".json")


def bundle_below(directory: Path) -> Path | None:
    """The bundle of a run's --out, or the only one that a sweep or several runs left there; None where there is none.

    UsageError that lists them where there are several.
    """
    if is_bundle(own := directory / FINDING_NAME):
        return own
    try:
        patterns = (f"*{SUFFIX}", f"*/*{SUFFIX}", f"*/*/{FINDING_NAME}")
        found = sorted({each for pattern in patterns for each in directory.glob(pattern) if is_bundle(each)})
    except OSError as error:
        raise UsageError(f"cannot look through {directory}: {error.strerror}: {error.filename}") from None
    if len(found) > 1:
        names = [str(each) if str(each).isprintable() else repr(str(each)) for each in found[:_BUNDLES_TOLD]]
        listed = "".join(f"\n  {name}" for name in names)
        more = f"\n  and {len(found) - _BUNDLES_TOLD} more" if len(found) > _BUNDLES_TOLD else ""
        raise UsageError(f"{directory} holds {len(found)} bundles; give one of them:{listed}{more}")
    return found[0] if found else None


def bundle_of(request: RunRequest, verdict: Verdict, directory: Path, signature: str | None = None) -> Bundle:
    """The bundle of a run that left its history, verdict and resolved scenario in ``directory``.

    ``signature``: which finding it is about; None: the first. UsageError when the run has no such finding.
    """
    found: dict[str, FindingRow] = {}
    for each in row_of("", request, verdict).findings:
        found.setdefault(each.signature, each)
    finding = found.get(signature) if signature is not None else next(iter(found.values()), None)
    if finding is None:
        wanted = "nothing" if signature is None else f"no finding of signature {signature}"
        raise UsageError(f"{verdict.scenario}: the run shows {wanted}, so there is nothing to bundle")
    images, files = _images(request)
    try:
        resolved = (directory / "resolved.yaml").read_text("utf-8")
        marks = marks_of(directory / "history.jsonl")
        dialect = _dialect_text(request)
    except OSError as error:
        raise HarnessError(f"cannot read {error.filename}: {error.strerror}") from None
    return Bundle(
        _info(request, verdict, finding, tuple(found), images), resolved, _said(request, verdict), marks, dialect, files
    )


def _said(request: RunRequest, verdict: Verdict) -> bytes:
    """The verdict as its file holds it, without the place of the scenario: nobody else has that directory."""
    path = Path(request.scenario)
    replay = (
        verdict.replay.replace(shlex.quote(str(path)), shlex.quote(path.name)) if path.is_absolute() else verdict.replay
    )
    return verdict_bytes(msgspec.structs.replace(verdict, replay=replay))


def keep_bundle(request: RunRequest, verdict: Verdict, directory: Path) -> Path | None:
    """``finding.zip`` beside what the run left in ``directory``; None where it found nothing."""
    if verdict.status != "fail" or not row_of("", request, verdict).findings:
        return None
    return write_bundle(directory / FINDING_NAME, bundle_of(request, verdict, directory))


def bundle_run(request: RunRequest, path: Path, signature: str | None = None) -> Path:
    """Do the run once more and write its bundle to ``path``: for findings of which only the request was kept."""
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        keeping = msgspec.structs.replace(request, out_dir=scratch, resolved_out=None, snapshot=None)
        verdict = launch(keeping)
        return write_bundle(path, bundle_of(keeping, verdict, Path(scratch), signature))


def _info(
    request: RunRequest, verdict: Verdict, finding: FindingRow, signatures: tuple[str, ...], images: dict[str, str]
) -> BundleInfo:
    return BundleInfo(
        format=FORMAT,
        harness=metadata.version("terminal-fault-harness"),
        python=platform.python_version(),
        faker=metadata.version("faker"),
        spec=verdict.terminal,
        seed=verdict.seed,
        scenario=verdict.scenario,
        signature=finding.signature,
        invariant=finding.invariant,
        name=finding.name,
        summary=finding.summary,
        device=finding.device,
        at_us=finding.at_us,
        events=verdict.events,
        history_sha256=verdict.history_sha256,
        signatures=signatures,
        dialect=request.dialect or "",
        images=images,
    )


def _dialect_text(request: RunRequest) -> str:
    """The dialect file's text; empty for none, and for a dialect that is code, which no bundle holds."""
    dialect = request.dialect
    if dialect is None or Path(dialect).suffix not in _DIALECT_FILES:
        return ""
    return Path(dialect).read_text("utf-8")


def _images(request: RunRequest) -> tuple[dict[str, str], dict[str, bytes]]:
    """By terminal its directory in the bundle; by path what is in them."""
    places: dict[str, str] = {}
    files: dict[str, bytes] = {}
    total = 0
    for each in request.images:
        device, _, directory = each.partition("=")
        places[device] = device or "all"
        root = Path(directory)
        for path in sorted(root.rglob("*")):
            name = f"{places[device]}/{path.relative_to(root).as_posix()}"
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                continue
            if path.is_dir():
                if not any(path.iterdir()):
                    files[f"{name}/"] = b""
                continue
            total += path.stat().st_size
            if total > _IMAGE_BYTES_MAX or len(files) >= _IMAGE_FILES_MAX:
                raise UsageError(
                    f"--image {directory}: too large for a bundle (at most {_IMAGE_BYTES_MAX >> 20} MiB and "
                    f"{_IMAGE_FILES_MAX:,} files)"
                )
            files[name] = path.read_bytes()
    return places, files

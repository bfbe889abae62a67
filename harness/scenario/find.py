"""Scenario names to files, and the list of what there is, without reading a file as YAML: listing must be quick."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.core.errors import NothingSelected, UsageError
from harness.core.registry import nearest

SUFFIXES = (".yaml", ".yml", ".json")
_SUMMARY = re.compile(r"^summary:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_HEAD_CHARACTERS = 4096
_CAMPAIGN = re.compile(rb"^\s*[\"']?matrices[\"']?\s*:", re.MULTILINE)
_CAMPAIGN_BYTES = 1 << 16
CAMPAIGNS = "campaigns"
_DIALECTS = Path(__file__).parent / "data" / "dialects"


@dataclass(frozen=True, slots=True)
class Listed:
    """One shipped scenario, as ``harness list`` prints it."""

    name: str
    summary: str
    path: Path


@cache
def scenarios_root() -> Path:
    """Where the shipped scenarios are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_scenarios", package.parent / "scenarios"):
        if folder.is_dir():
            return folder
    raise UsageError("the scenarios that belong to this package are missing; install it again")


def scenario_file(name_or_path: str) -> Path:
    """The file of a scenario: a path that exists, or a shipped name such as ``storage/settle_when_data_volume_full``."""
    if not name_or_path.strip() or "\0" in name_or_path:
        raise UsageError("expected the name of a scenario or a path, found nothing")
    path = Path(name_or_path)
    try:
        is_file = path.is_file()
    except OSError as error:
        raise UsageError(f"no scenario or file named {name_or_path[:80]!r}...: {error.strerror}") from None
    _refuse_software(name_or_path, path if is_file else None)
    if is_file:
        return path
    shipped = names()
    wanted = name_or_path
    for suffix in SUFFIXES:
        wanted = wanted.removesuffix(suffix)
    if wanted in shipped:
        return shipped[wanted]
    # The last part alone is enough where it is the only one of its kind.
    short = [name for name in shipped if name.rpartition("/")[2] == wanted]
    if len(short) == 1:
        return shipped[short[0]]
    if len(short) > 1:
        raise UsageError(f"{name_or_path!r} is short for several scenarios: {', '.join(short)}")
    if path.suffix in SUFFIXES and not path.exists():
        raise UsageError(f"there is no file {name_or_path}, and no scenario of that name (harness list scenarios)")
    near = nearest(wanted, list(shipped) + [name.rpartition("/")[2] for name in shipped])
    hint = f"; {near}" if near.startswith("did") else ""
    raise UsageError(f"no scenario or file named {name_or_path!r}{hint} (harness list scenarios)")


def _refuse_software(given: str, file: Path | None) -> None:
    """UsageError for terminal software, told by its name or its first bytes, where a scenario belongs."""
    spec = ""
    if given.startswith("exec:") or given.endswith(".py") or ".py:" in given:
        spec = given
    elif file is not None and file.suffix not in SUFFIXES and _is_program(file):
        # Without a directory it would be looked for on PATH.
        spec = f"exec:{shlex.quote(given if os.sep in given else f'./{given}')}"
    if spec:
        raise UsageError(
            f"{given} is terminal software, and a scenario is expected there; name the software with "
            f"--terminal {shlex.quote(spec)} (harness list scenarios says what it can be run in)"
        )


def _is_program(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(4)
    except OSError:
        return False
    return head == b"\x7fELF" or (head[:2] == b"#!" and os.access(file, os.X_OK))


def campaign_file(name_or_path: str) -> Path | None:
    """The file of a campaign: a path, or a shipped name such as ``campaigns/release``; None for anything else."""
    wanted = name_or_path
    for suffix in SUFFIXES:
        wanted = wanted.removesuffix(suffix)
    if _is_folder(path := Path(name_or_path)) or not wanted.strip():
        return None
    try:
        is_there = path.exists()
    except OSError:
        return None  # a name that no path can be; ``scenario_file`` says so
    if is_there:
        return path if is_campaign(path) else None
    return campaigns().get(wanted)


def is_campaign(path: Path) -> bool:
    """Whether it is a campaign and no scenario; without reading it as YAML, and False for what cannot be read at all."""
    try:
        with path.open("rb") as file:
            return path.is_file() and _CAMPAIGN.search(file.read(_CAMPAIGN_BYTES)) is not None
    except OSError:
        return False


def selected(arguments: tuple[str, ...], *, with_campaigns: bool = False) -> list[Path]:
    """The files that names, paths and directories on a command line stand for, each once; NothingSelected for none.

    A directory stands for its scenarios; ``with_campaigns``: also for its campaigns.
    """
    found: dict[Path, None] = {}
    for argument in arguments:
        if not argument.strip():
            raise UsageError("expected the name of a scenario or a path, found nothing")
        folder = Path(argument)
        if not _is_folder(folder) and _is_folder(scenarios_root() / argument):
            folder = scenarios_root() / argument
        if _is_folder(folder):
            paths = _files_under(folder)
            found.update((path.absolute(), None) for path in paths if with_campaigns or not is_campaign(path))
        else:
            campaign = campaign_file(argument) if with_campaigns else None
            found[(campaign or scenario_file(argument)).absolute()] = None
    if not found:
        raise NothingSelected(f"no scenario file in {', '.join(arguments)}")
    return list(found)


def _is_folder(path: Path) -> bool:
    """Also for what no path can be: a name that is too long is told where the scenario is looked for."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _files_under(folder: Path) -> list[Path]:
    """Scenario files of a folder, in order of path; what a run leaves beside resolved.yaml is none."""
    try:
        candidates = [
            each
            for each in folder.rglob("*")
            # A FIFO of that name would keep its reader for ever.
            if each.suffix in SUFFIXES and each.name != "verdict.json" and each.is_file()
        ]
    except OSError as error:
        raise UsageError(f"cannot look through {folder}: {error.strerror}: {error.filename}") from None
    hidden = ("_", ".")
    return sorted(each for each in candidates if not any(p.startswith(hidden) for p in each.relative_to(folder).parts))


@cache
def names() -> dict[str, Path]:
    """All shipped scenarios by name, in order of their names."""
    root = scenarios_root()
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        hidden = any(part.startswith(("_", ".")) for part in relative.parts)
        if path.suffix in SUFFIXES and not hidden and relative.parts[0] not in ("calendars", CAMPAIGNS):
            found[relative.with_suffix("").as_posix()] = path
    return found


@cache
def campaigns() -> dict[str, Path]:
    """All shipped campaigns by name, ``campaigns/release`` and the like."""
    folder = scenarios_root() / CAMPAIGNS
    return {f"{CAMPAIGNS}/{path.stem}": path for path in sorted(folder.glob("*")) if path.suffix in SUFFIXES}


def listed() -> Iterator[Listed]:
    """All shipped scenarios with their summaries."""
    for name, path in names().items():
        yield Listed(name, summary_of(path), path)


def shipped_dialects() -> dict[str, Path]:
    """Dialect files that come along, by name."""
    return {path.stem: path for path in sorted(_DIALECTS.glob("*.yaml"))}


def summary_of(path: Path) -> str:
    """The summary of a scenario file, from its first lines."""
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(_HEAD_CHARACTERS)
    found = _SUMMARY.search(head)
    if found is None:
        return ""
    text = " ".join(found.group(1).split())
    return text.lstrip(">|- ").strip("'\"") if text[:1] in ">|'\"" else text

"""What a sweep is to run, written down before its first run, and whether that is what is resumed.

Models: scenarios by name with a digest of their text, or the cells of a campaign; the terminal software's and the dialect's file
by a digest; more runs of the same are the same sweep, anything else is another one.
Does not model: software that is imported from elsewhere or is a program: whether it changed is not noticed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.words import several
from harness.results.model import Declared, DeclaredScenario
from harness.scenario import find
from harness.scenario.campaign import Campaign, Cell, load_campaign

DEFAULT_SCENARIO = "combined/random_faults"
DEFAULT_RUNS = 20
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for. None leaves it to what is resumed, or to the default."""

    scenarios: tuple[str, ...] = ()
    runs: int | None = None
    terminal: str | None = None
    first_seed: int | None = None
    swarm: bool | None = None
    days: int | None = None
    terminals: int | None = None
    device: str | None = None
    profile: str | None = None
    dialect: str | None = None
    shard: tuple[int, int] | None = None
    search: str | None = None


def declare(wanted: Wanted) -> Declared:
    """What a new sweep is to run."""
    campaign = _campaign(wanted.scenarios)
    terminal = wanted.terminal or "reference"
    if campaign is None:
        paths = find.selected(wanted.scenarios or (DEFAULT_SCENARIO,))
        names = {path.absolute(): name for name, path in find.names().items()}
        scenarios = tuple(DeclaredScenario(names.get(path, str(path)), _digest(path)) for path in paths)
        runs, first_seed, swarm = DEFAULT_RUNS, 1, True
    else:
        own = wanted.runs is None
        scenarios = tuple(
            DeclaredScenario(each.label, cell_digest(each), each.varied, each.runs if own else 0)
            for each in campaign.cells
        )
        runs, first_seed, swarm = 0, campaign.first_seed, campaign.swarm
    return Declared(
        scenarios,
        wanted.runs or runs,
        terminal,
        software_digest(terminal),
        first_seed if wanted.first_seed is None else wanted.first_seed,
        swarm if wanted.swarm is None else wanted.swarm,
        wanted.days,
        wanted.terminals,
        wanted.device,
        wanted.profile,
        metadata.version("terminal-fault-harness"),
        wanted.dialect,
        _dialect_digest(wanted.dialect),
        "" if campaign is None else campaign.source,
        wanted.shard,
        wanted.search or "random",
    )


def _campaign(arguments: tuple[str, ...]) -> Campaign | None:
    """The campaign that the command line names, if it is one."""
    files = {each: find.campaign_file(each) for each in arguments}
    named = {each: file for each, file in files.items() if file is not None}
    if not named:
        return None
    (name, file), *others = named.items()
    if others or len(arguments) > 1:
        raise UsageError(f"{name} is a campaign, and a sweep of its own: name it alone, or name scenarios")
    return load_campaign(file)


def cell_digest(cell: Cell) -> str:
    """Of the cell's whole text: the campaign, the scenario, or what a default means may have changed."""
    return sha256(cell.text.encode()).hexdigest()[:16]


def resumed(before: Declared, wanted: Wanted) -> Declared:
    """What goes on: what was declared, with more runs if that is asked for. UsageError for anything that is another sweep."""
    labels = tuple(each.label for each in before.scenarios)
    named = wanted.scenarios or ((before.campaign,) if before.campaign else labels)
    asked = declare(replace(wanted, scenarios=named))
    given = {
        "SCENARIO": (bool(wanted.scenarios), _Named(before), _Named(asked)),
        "--terminal": (wanted.terminal is not None, before.terminal, asked.terminal),
        "--dialect": (wanted.dialect is not None, before.dialect, asked.dialect),
        "--seed": (wanted.first_seed is not None, before.first_seed, asked.first_seed),
        "--swarm": (wanted.swarm is not None, before.swarm, asked.swarm),
        "--days": (wanted.days is not None, before.days, asked.days),
        "--terminals": (wanted.terminals is not None, before.terminals, asked.terminals),
        "--device": (wanted.device is not None, before.device, asked.device),
        "--profile": (wanted.profile is not None, before.profile, asked.profile),
        "--search": (True, before.search, asked.search),
        "--shard": (wanted.shard is not None, before.shard, asked.shard),
    }
    for what, (is_given, was, now) in given.items():
        if is_given and was != now:
            raise UsageError(
                f"{what} was {was} in the sweep that is resumed, now it is {now}; leave it out or give another --out"
            )
    if asked.harness != before.harness:
        raise UsageError(
            f"the sweep was begun by version {before.harness} of the harness, this is {asked.harness}: "
            f"runs of both are no one sample; give another --out"
        )
    texts = {each.label: each.digest for each in asked.scenarios}
    for each in before.scenarios:
        if texts.get(each.label) != each.digest:
            what = f"{each.label} of {before.campaign}" if before.campaign else each.label
            raise UsageError(f"{what} has changed since the sweep began; give another --out")
    if software_digest(before.terminal) != before.software_digest:
        raise UsageError(f"the file of {before.terminal} has changed since the sweep began; give another --out")
    if _dialect_digest(before.dialect) != before.dialect_digest:
        raise UsageError(f"the file of {before.dialect} has changed since the sweep began; give another --out")
    most = max((each.runs for each in before.scenarios), default=0) or before.runs
    if wanted.runs is None:
        return before
    if wanted.runs < most:
        raise UsageError(f"--runs was {most} in the sweep that is resumed; give as many or more")
    return replace(before, runs=wanted.runs, scenarios=tuple(replace(each, runs=0) for each in before.scenarios))


class _Named:
    """What is run, by name: equal where all of it is, and told in a few words."""

    def __init__(self, declared: Declared) -> None:
        self._labels = sorted(each.label for each in declared.scenarios)
        self._campaign = declared.campaign

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Named) and self._labels == other._labels

    def __hash__(self) -> int:
        return hash(tuple(self._labels))

    def __str__(self) -> str:
        if self._campaign:
            return f"{self._campaign} ({several(len(self._labels), 'cell')})"
        shown = ", ".join(self._labels[:_NAMED])
        return shown if len(self._labels) <= _NAMED else f"{shown} and {len(self._labels) - _NAMED:,} more"


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _dialect_digest(spec: str | None) -> str:
    file = Path((spec or "").rpartition(":")[0] or spec or "")
    return _digest(file) if file.suffix and file.is_file() else ""


def software_digest(spec: str) -> str:
    """Of the file that a SPEC names, where it names one."""
    file = Path(spec.rpartition(":")[0] or spec)
    return _digest(file) if file.suffix == ".py" and file.is_file() else ""

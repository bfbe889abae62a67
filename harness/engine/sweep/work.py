"""A sweep at work: what is left to run, handed to workers, each result kept as it comes.

Models: runs in order of seeds, so that a sweep that is ended early has seen all scenarios alike; a worker that something outside
ended is tried once more, then its run counts as inconclusive; a sweep that was killed goes on where it stood.
Does not model: several machines.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import msgspec

from harness.core.errors import ExitCode, HarnessError, UsageError
from harness.engine.campaign import run_each
from harness.engine.child import adjusted
from harness.engine.request import RunRequest
from harness.engine.sweep.rows import row_of, row_of_error
from harness.engine.sweep.swarm import profile_of, switched_off
from harness.engine.verdict import Verdict
from harness.results.model import Declared, DeclaredScenario, RunRow
from harness.results.store import Store
from harness.scenario import find
from harness.scenario.load import load_file

_TRIES_MAX = 2
EVERY_PROFILE = "all"


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


@dataclass(frozen=True, slots=True)
class Planned:
    """One scenario as it is run: all but the seed, and the families of fault that a seed may switch off."""

    label: str
    base: RunRequest
    families: tuple[str, ...]


def planned(declared: Declared, wall_limit_s: float = 600.0) -> list[Planned]:
    """Every scenario loaded, so that what is wrong with one is told before anything runs. Raises what `harness run` would."""
    found: list[Planned] = []
    for each in declared.scenarios:
        path = find.scenario_file(each.label).absolute()
        base = RunRequest(
            scenario=str(path),
            terminal=declared.terminal,
            dialect=declared.dialect,
            days=declared.days,
            terminals=declared.terminals,
            device=declared.device,
            profile=declared.profile,
            wall_limit_s=wall_limit_s,
            spin_s=min(20.0, wall_limit_s),
        )
        named = msgspec.structs.replace(base, profile=None) if base.profile == EVERY_PROFILE else base
        plan = adjusted(load_file(path), named)
        if plan.decisions is not None:
            raise UsageError(
                f"{each.label} has its decisions pinned: every seed gives the same run; use harness run {each.label}"
            )
        found.append(Planned(each.label, base, tuple(sorted({fault.fault.family for fault in plan.faults}))))
    return found


@dataclass(slots=True)
class Sweep:
    """The runs of ``declared`` that ``store`` does not hold yet. ``stop`` may be called from a signal handler."""

    declared: Declared
    scenarios: list[Planned]
    store: Store
    jobs: int
    stopped: bool = False
    on_start: Callable[[int], None] | None = None
    """Told of each worker's process id."""
    _left: deque[RunRequest] = field(default_factory=deque)
    _labels: dict[str, str] = field(default_factory=dict)
    """By file: the scenario's name in the results."""
    _tries: dict[tuple[str, int], int] = field(default_factory=dict)
    _children: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """List what is left."""
        finished = self.store.finished()
        self._labels.update((each.base.scenario, each.label) for each in self.scenarios)
        for seed in range(self.declared.first_seed, self.declared.first_seed + self.declared.runs):
            for each in self.scenarios:
                if (each.label, seed) not in finished:
                    off = switched_off(seed, each.families) if self.declared.swarm else ()
                    profile = profile_of(seed) if each.base.profile == EVERY_PROFILE else each.base.profile
                    self._left.append(msgspec.structs.replace(each.base, seed=seed, without=off, profile=profile))

    @property
    def left(self) -> int:
        """How many runs have not begun."""
        return len(self._left)

    def run(self, on_run: Callable[[RunRow], None]) -> None:
        """Run what is left; ``on_run`` is told of each run once it is kept."""
        for request, ended in run_each(_Queue(self._left), self.jobs, self._started):
            if self.stopped:
                continue  # it was ended half-way: to be run again
            try:
                row = self._row(request, ended)
                if row is not None:
                    self.store.add(row)
                    on_run(row)
            except BaseException:
                # Before the loop is left, which waits for the workers.
                self.stop()
                raise

    def stop(self) -> None:
        """No other run begins, and those under way are ended; none of them counts."""
        self.stopped = True
        self._left.clear()
        for child in tuple(self._children):
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass

    # ------------------------------------------------------------ steps

    def _started(self, child: int) -> None:
        self._children.add(child)
        if self.on_start is not None:
            self.on_start(child)
        if self.stopped:
            self.stop()

    def _row(self, request: RunRequest, ended: Verdict | HarnessError) -> RunRow | None:
        label = self._labels[request.scenario]
        if isinstance(ended, HarnessError):
            if ended.exit_code == ExitCode.USAGE:
                raise ended  # what the user can mend is wrong with every run
            return row_of_error(label, request, ended)
        if ended.status == "inconclusive" and not ended.history_sha256:
            # It was stopped before it could say anything: once may be the machine's fault.
            key = label, ended.seed
            self._tries[key] = self._tries.get(key, 0) + 1
            if self._tries[key] < _TRIES_MAX:
                self._left.append(request)
                return None
        return row_of(label, request, ended)


class _Queue(Iterator[RunRequest]):
    """Takes from a deque that may be filled again after it was empty, which a generator could not."""

    def __init__(self, left: deque[RunRequest]) -> None:
        self._left = left

    def __next__(self) -> RunRequest:
        if not self._left:
            raise StopIteration
        return self._left.popleft()


# ---------------------------------------------------------------- what is declared


DEFAULT_SCENARIO = "combined/random_faults"
DEFAULT_RUNS = 20


def declare(wanted: Wanted) -> Declared:
    """What a new sweep is to run."""
    paths = find.selected(wanted.scenarios or (DEFAULT_SCENARIO,))
    names = {path.absolute(): name for name, path in find.names().items()}
    terminal = wanted.terminal or "reference"
    return Declared(
        tuple(DeclaredScenario(names.get(path, str(path)), _digest(path)) for path in paths),
        wanted.runs or DEFAULT_RUNS,
        terminal,
        _software_digest(terminal),
        1 if wanted.first_seed is None else wanted.first_seed,
        wanted.swarm is not False,
        wanted.days,
        wanted.terminals,
        wanted.device,
        wanted.profile,
        metadata.version("terminal-fault-harness"),
        wanted.dialect,
        _dialect_digest(wanted.dialect),
    )


def resumed(before: Declared, wanted: Wanted) -> Declared:
    """What goes on: what was declared, with more runs if that is asked for. UsageError for anything that is another sweep."""
    asked = declare(replace(wanted, scenarios=wanted.scenarios or tuple(each.label for each in before.scenarios)))
    given = {
        "SCENARIO": (bool(wanted.scenarios), _labels(before), _labels(asked)),
        "--terminal": (wanted.terminal is not None, before.terminal, asked.terminal),
        "--dialect": (wanted.dialect is not None, before.dialect, asked.dialect),
        "--seed": (wanted.first_seed is not None, before.first_seed, asked.first_seed),
        "--swarm": (wanted.swarm is not None, before.swarm, asked.swarm),
        "--days": (wanted.days is not None, before.days, asked.days),
        "--terminals": (wanted.terminals is not None, before.terminals, asked.terminals),
        "--device": (wanted.device is not None, before.device, asked.device),
        "--profile": (wanted.profile is not None, before.profile, asked.profile),
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
            raise UsageError(f"{each.label} has changed since the sweep began; give another --out")
    if _software_digest(before.terminal) != before.software_digest:
        raise UsageError(f"the file of {before.terminal} has changed since the sweep began; give another --out")
    if _dialect_digest(before.dialect) != before.dialect_digest:
        raise UsageError(f"the file of {before.dialect} has changed since the sweep began; give another --out")
    if wanted.runs is not None and wanted.runs < before.runs:
        raise UsageError(f"--runs was {before.runs} in the sweep that is resumed; give as many or more")
    return replace(before, runs=wanted.runs or before.runs)


def _labels(declared: Declared) -> tuple[str, ...]:
    return tuple(sorted(each.label for each in declared.scenarios))


def _digest(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _dialect_digest(spec: str | None) -> str:
    file = Path((spec or "").rpartition(":")[0] or spec or "")
    return _digest(file) if file.suffix and file.is_file() else ""


def _software_digest(spec: str) -> str:
    file = Path(spec.rpartition(":")[0] or spec)
    return _digest(file) if file.suffix == ".py" and file.is_file() else ""

"""A sweep at work: what is left to run, handed to workers, each result kept as it comes.

Models: runs in order of seeds, so that a sweep that is ended early has seen all scenarios alike; a worker that something outside
ended is tried once more, then its run counts as inconclusive; a sweep that was killed goes on where it stood; a limit on real
time, before which every run is to end: none begins that takes longer than is left, by the longest of its scenario so far, and
what is under way then is ended, counts for nothing and is left for ``--resume``. A canary goes first.
Does not model: where runs are run; executors do that.

A limit on time favours short runs by those few that it ends under way. They are told apart (``cut_off``), as what hangs is
among them: whoever takes the bound of a sweep that was limited must look at them. Which runs do not begin hangs on runs before
them alone, and favours nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import msgspec

from harness.core.errors import ExitCode, HarnessError, UsageError
from harness.engine.campaign import run_each
from harness.engine.child import adjusted
from harness.engine.request import RunRequest
from harness.engine.sink import make_directory
from harness.engine.sweep.bundles import Bundles
from harness.engine.sweep.canary import LABEL, Canary
from harness.engine.sweep.declare import Wanted, cell_digest, declare, resumed
from harness.engine.sweep.executors import Executor, ExecutorGone, LocalExecutor
from harness.engine.sweep.rows import judged_in, row_of, row_of_error
from harness.engine.sweep.summary import CutOff
from harness.engine.sweep.swarm import profile_of, switched_off
from harness.engine.verdict import Verdict
from harness.results.model import Declared, RunRow
from harness.results.store import Chosen, Store
from harness.scenario import find
from harness.scenario.campaign import Cell, load_campaign
from harness.scenario.load import load_file

__all__ = ["CutOff", "Planned", "Sweep", "Wanted", "declare", "planned", "resumed"]

_TRIES_MAX = 2
EVERY_PROFILE = "all"


@dataclass(frozen=True, slots=True)
class Planned:
    """One scenario as it is run: all but the seed, and the families of fault that a seed may switch off."""

    label: str
    base: RunRequest
    families: tuple[str, ...]


def planned(declared: Declared, wall_limit_s: float = 600.0, out_dir: Path | None = None) -> list[Planned]:
    """Every scenario loaded, so that what is wrong with one is told before anything runs. Raises what `harness run` would.

    ``out_dir``: where the cells of a campaign are written as scenarios of their own, which replay lines name.
    """
    cells = _cells(declared)
    found: list[Planned] = []
    for number, each in enumerate(declared.scenarios, 1):
        path = find.scenario_file(each.label) if each.label not in cells else cells[each.label].path
        if each.varied:
            path = _written(cells[each.label], number, out_dir)
        path = path.absolute()
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
        plan = adjusted(cells[each.label].plan if each.varied else load_file(path), named)
        if plan.decisions is not None:
            raise UsageError(
                f"{each.label} has its decisions pinned: every seed gives the same run; use harness run {each.label}"
            )
        found.append(Planned(each.label, base, tuple(sorted({fault.fault.family for fault in plan.faults}))))
    return found


def _cells(declared: Declared) -> dict[str, Cell]:
    """By label, of a campaign."""
    if not declared.campaign:
        return {}
    file = find.campaign_file(declared.campaign)
    if file is None:
        raise UsageError(f"there is no campaign {declared.campaign} any more; give another --out")
    cells = {cell.label: cell for cell in load_campaign(file).cells}
    for each in declared.scenarios:
        if each.label not in cells or cell_digest(cells[each.label]) != each.digest:
            raise UsageError(
                f"{each.label} of {declared.campaign} has changed since the sweep began; give another --out"
            )
    return cells


def _written(cell: Cell, number: int, out_dir: Path | None) -> Path:
    """The cell as a file. The same cell has the same name in every shard."""
    if out_dir is None:
        raise UsageError(f"{cell.label} is a cell of a campaign and has to be written somewhere; give a directory")
    path = out_dir / "cells" / f"{number:04d}.yaml"
    make_directory(path.parent)
    try:
        path.write_text(cell.text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}") from None
    return path


@dataclass(slots=True)
class Sweep:
    """The runs of ``declared`` that ``store`` does not hold yet. ``stop`` may be called from a signal handler."""

    declared: Declared
    scenarios: list[Planned]
    store: Store
    jobs: int
    stopped: bool = False
    out_of_time: bool = False
    """Whether it ended, with runs left, because its time was over."""
    cut_off: list[CutOff] = field(default_factory=list)
    on_start: Callable[[int], None] | None = None
    """Told of each worker's process id."""
    on_verdict: Callable[[RunRequest, Verdict], None] | None = None
    """Told of each run that came to a verdict, before its row is kept: what was checked in it stands in no row."""
    canary: Canary = field(default_factory=Canary)
    bundles: Bundles | None = None
    """Where the first run of each signature is kept; None: nowhere."""
    executor: Executor | None = None
    """Where runs are run; None: on ``jobs`` child processes."""
    _bundler: Executor | None = None
    """Further runs are run on this machine: their files are wanted here."""
    _canary_run: RunRequest | None = None
    _left: deque[RunRequest] = field(default_factory=deque)
    _labels: dict[str, str] = field(default_factory=dict)
    """By file: the scenario's name in the results."""
    _tries: dict[tuple[str, int], int] = field(default_factory=dict)
    _under_way: dict[tuple[str, int], float] = field(default_factory=dict)
    """By scenario and seed: when it began."""
    _longest_s: dict[str, float] = field(default_factory=dict)
    """By scenario: how long the longest of its runs took by now."""
    _ends_s: float = inf
    _judged: dict[str, bool] = field(default_factory=dict)
    """By invariant, of those that any run has said something about: whether one could judge it."""

    def __post_init__(self) -> None:
        """List what is left."""
        finished = self.store.finished()
        self._judged.update((each.name, each.checked) for each in self.store.judged())
        self._labels.update((each.base.scenario, each.label) for each in self.scenarios)
        declared = {each.label: each for each in self.declared.scenarios}
        left = [
            (seed, place)
            for place, each in enumerate(self.scenarios)
            for seed in self.declared.seeds_of(declared[each.label])
            if (each.label, seed) not in finished
        ]
        # In order of seeds: a sweep that is ended early has seen all scenarios alike.
        self._left.extend(self._request(self.scenarios[place], seed) for seed, place in sorted(left))

    @property
    def left(self) -> int:
        """How many runs have not begun."""
        return len(self._left)

    @property
    def under_way(self) -> list[tuple[str, int, float]]:
        """Scenario and seed of each run that has begun, and since how many seconds; the oldest first."""
        now_s = time.monotonic()
        return [(label, seed, now_s - begun_s) for (label, seed), begun_s in tuple(self._under_way.items())]

    def has_time_for(self, label: str) -> bool:
        """Whether a run of that scenario may begin: it would end in time, if it took as long as the longest before it."""
        return time.monotonic() + self._longest_s.get(label, 0.0) < self._ends_s

    def run(self, on_run: Callable[[RunRow], None], *, max_time_s: float | None = None, grace_s: float = 0.0) -> None:
        """Run what is left; ``on_run`` is told of each run once it is kept.

        No run begins that is not expected to end within ``max_time_s`` from now. Those that still run then have ``grace_s``
        more; what goes on after that is ended and not counted: it is left to be run again.
        """
        if self.executor is None:
            self.executor = LocalExecutor(
                self.jobs, lambda child: None if self.on_start is None else self.on_start(child)
            )
        if self.stopped:
            return  # somebody asked while runs were being listed
        self._plant()
        self._bundle_what_is_known()
        with self._limited(max_time_s, grace_s):
            for request, ended in run_each(_Queue(self), self._executor.jobs, run=self._run_one):
                try:
                    if self.bundles is not None and self.bundles.is_one(request):
                        continue
                    if isinstance(ended, ExecutorGone) and not self.stopped:
                        raise ended
                    row = None if self._was_ended(ended) else self._row(request, ended)
                    if row is None:
                        continue
                    if request is self._canary_run:
                        self.store.add_canary(self.canary.judged(row))
                    else:
                        self.store.add(row)
                        on_run(row)
                        self._bundle(request, row)
                except BaseException:
                    # Before the loop is left, which waits for the workers.
                    self.stop()
                    raise

    def stop(self) -> None:
        """No other run begins, and those under way are ended; none of them counts."""
        self.stopped = True
        self._left.clear()
        for each in (self.executor, self._bundler):
            if each is not None:
                each.stop()

    def next_request(self) -> RunRequest | None:
        """The run that is to begin now, if there is one: the first for which there is time."""
        too_long: set[str] = set()
        aside: list[RunRequest] = []
        labels = max(1, len(self.scenarios))
        found: RunRequest | None = None
        while found is None and len(too_long) < labels:
            try:
                request = self._left.popleft()
            except IndexError:
                break  # also where it was emptied a moment ago
            label = self._labels[request.scenario]
            if label not in too_long and self.has_time_for(label):
                found = request
            else:
                too_long.add(label)
                aside.append(request)
        self._left.extendleft(reversed(aside))
        if self.stopped:
            self._left.clear()  # while some were set aside
            return None
        self.out_of_time = self.out_of_time or bool(aside and found is None)
        return found

    # ------------------------------------------------------------ steps

    def _request(self, planned: Planned, seed: int) -> RunRequest:
        base = planned.base
        off = switched_off(seed, planned.families) if self.declared.swarm else ()
        profile = profile_of(seed) if base.profile == EVERY_PROFILE else base.profile
        return msgspec.structs.replace(base, seed=seed, without=off, profile=profile)

    def _plant(self) -> None:
        """The canary goes first: a sweep in which it is not found need not be waited for."""
        if self._left or not self.store.canaries():
            wall_limit_s = self.scenarios[0].base.wall_limit_s if self.scenarios else 600.0
            self._canary_run = self.canary.request(wall_limit_s)
            self._labels[self._canary_run.scenario] = LABEL
            self._left.appendleft(self._canary_run)

    @contextmanager
    def _limited(self, max_time_s: float | None, grace_s: float) -> Iterator[None]:
        if max_time_s is None:
            yield
            return
        self._ends_s = time.monotonic() + max_time_s
        timer = threading.Timer(max_time_s + grace_s, self._time_is_over)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _time_is_over(self) -> None:
        now_s = time.monotonic()
        for (label, seed), begun_s in tuple(self._under_way.items()):
            self.cut_off.append(CutOff(label, seed, round(now_s - begun_s, 1)))
        self.out_of_time = True
        self.stop()

    @property
    def _executor(self) -> Executor:
        assert self.executor is not None
        return self.executor

    def _run_one(self, request: RunRequest) -> Verdict:
        """In a thread that does nothing but wait."""
        if self.bundles is not None and self.bundles.is_one(request):
            return self._run_for_bundle(self.bundles, request)
        key = self._labels[request.scenario], request.seed or 0
        self._under_way[key] = begun_s = time.monotonic()
        try:
            return self._executor.run(request)
        finally:
            self._under_way.pop(key, None)
            took_s = time.monotonic() - begun_s
            self._longest_s[key[0]] = max(took_s, self._longest_s.get(key[0], 0.0))

    def _bundle(self, request: RunRequest, row: RunRow) -> None:
        """One further run, before any other, where this one is the first to show something."""
        signatures = () if self.bundles is None or self.stopped else self.bundles.wanted(row)
        again = self.bundles.again(request, signatures) if self.bundles is not None and signatures else None
        if again is not None:
            self._left.appendleft(again)

    def _bundle_what_is_known(self) -> None:
        """Of a sweep that goes on: what was found before, and had no time to be kept."""
        if self.bundles is None or self.declared.search != "random":
            return
        scenarios = {each.label: each for each in self.scenarios}
        for row in self.store.runs(Chosen(("fail",), bare=True)):
            if row.scenario in scenarios:
                self._bundle(self._request(scenarios[row.scenario], row.seed), row)

    def _run_for_bundle(self, bundles: Bundles, request: RunRequest) -> Verdict:
        if self._bundler is None:
            self._bundler = LocalExecutor(self._executor.jobs, lambda _: None)
        try:
            verdict = self._bundler.run(request)
            if not self.stopped:
                bundles.ended(request, verdict)
        except (HarnessError, OSError) as error:
            bundles.broke(request, error)
            raise HarnessError(str(error)) from None  # nobody counts it
        return verdict

    def _was_ended(self, ended: Verdict | HarnessError) -> bool:
        """Whether we ended it half-way; what had come to its end before is a result like any other."""
        return self.stopped and (isinstance(ended, HarnessError) or not ended.history_sha256)

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
            if request is self._canary_run:
                return None  # nothing can be said of it; the next one that resumes the sweep plants another
        if request is not self._canary_run:
            self._judge(ended)
            if self.on_verdict is not None:
                self.on_verdict(request, ended)
        return row_of(label, request, ended)

    def _judge(self, verdict: Verdict) -> None:
        """Keep what it says about what can be judged, where no run before it said as much."""
        known = self._judged
        fresh = [
            each for each in judged_in(verdict) if each.name not in known or (each.checked and not known[each.name])
        ]
        if fresh:
            self.store.judge(fresh)
            self._judged.update((each.name, each.checked) for each in fresh)


class _Queue(Iterator[RunRequest]):
    """Takes from what is left, which may be filled again after it was empty: a generator could not."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    def __next__(self) -> RunRequest:
        request = self._sweep.next_request()
        if request is None:
            raise StopIteration
        return request

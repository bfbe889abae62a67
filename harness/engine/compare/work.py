"""Comparing at work: each pair is a run of the release under test from its seed, then one of the baseline on its decisions.

Models: pairs in order of seeds, so that what is ended early has seen all scenarios alike; both runs of a pair as any other run,
in child processes of their own. A decision that the baseline asks for and the other never made takes its neutral value.
Does not model: resuming.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from harness.core.errors import ExitCode, HarnessError
from harness.engine.campaign import run_each
from harness.engine.child import adjusted
from harness.engine.compare.parting import parting
from harness.engine.compare.report import CompareReport, Divergence, Pair, PairView, report_of
from harness.engine.launch import launch
from harness.engine.request import RunRequest, dialect_flag
from harness.engine.sweep.rows import row_of, row_of_error
from harness.engine.verdict import Verdict
from harness.results.model import RunRow
from harness.scenario import find
from harness.scenario.load import load_file

HISTORY = "history.jsonl"
DECISIONS = "decisions"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for."""

    scenarios: tuple[str, ...]
    terminal: str
    against: str
    runs: int = 10
    first_seed: int = 1
    days: int | None = None
    terminals: int | None = None
    device: str | None = None
    profile: str | None = None
    dialect: str | None = None
    wall_limit_s: float = 600.0


@dataclass(slots=True)
class _Started:
    """A pair that is not finished. ``directory`` holds both histories and the decisions."""

    label: str
    seed: int
    request: RunRequest
    directory: Path
    first: RunRow | None = None
    digest: str = ""

    @property
    def resolved(self) -> Path:
        return self.directory / "resolved.yaml"


@dataclass(slots=True)
class Comparison:
    """All pairs of ``wanted``. ``scratch`` takes histories while they are needed, ``kept`` decisions of pairs with findings."""

    wanted: Wanted
    scratch: Path
    jobs: int
    kept: Path | None = None
    stopped: bool = False
    pairs: list[Pair] = field(default_factory=list)
    declared: int = 0
    _left: deque[RunRequest] = field(default_factory=deque)
    _started: dict[str, _Started] = field(default_factory=dict)
    """By directory of the run under way."""
    _children: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """List the pairs; what is wrong with a scenario is told before anything runs."""
        wanted = self.wanted
        names = {path.absolute(): name for name, path in find.names().items()}
        scenarios: list[tuple[str, RunRequest, int | None]] = []
        for path in find.selected(wanted.scenarios):
            base = RunRequest(
                scenario=str(path.absolute()),
                terminal=wanted.terminal,
                dialect=wanted.dialect,
                days=wanted.days,
                terminals=wanted.terminals,
                device=wanted.device,
                profile=wanted.profile,
                wall_limit_s=wanted.wall_limit_s,
                spin_s=min(20.0, wanted.wall_limit_s),
            )
            # A resolved scenario goes one way, with the keys and the chance inside terminals that its own seed gives.
            plan = adjusted(load_file(path), base)
            own_seed = None if plan.decisions is None else 1 if plan.seed is None else plan.seed
            scenarios.append((names.get(path.absolute(), str(path)), base, own_seed))
        for place in range(wanted.runs):
            for label, base, own_seed in scenarios:
                if own_seed is None:
                    self._plan(label, base, wanted.first_seed + place)
                elif not place:
                    self._plan(label, base, own_seed)

    def _plan(self, label: str, base: RunRequest, seed: int) -> None:
        directory = self.scratch / f"pair{self.declared}"
        self.declared += 1
        own = directory / "terminal"
        request = msgspec.structs.replace(
            base, seed=seed, out_dir=str(own), resolved_out=str(directory / "resolved.yaml")
        )
        self._started[str(own)] = _Started(label, seed, request, directory)
        self._left.append(request)

    def run(self, on_pair: Callable[[Pair], None]) -> CompareReport:
        """Every pair; ``on_pair`` is told of each that is finished."""
        for request, ended in run_each(_Queue(self._left), self.jobs, run=self._launched):
            if self.stopped:
                continue  # ended half-way: the pair counts for nothing
            try:
                pair = self._ended(request, ended)
                if pair is not None:
                    self.pairs.append(pair)
                    on_pair(pair)
            except BaseException:
                self.stop()
                raise
        wanted = self.wanted
        return report_of(wanted.terminal, wanted.against, wanted.first_seed, self.declared, self.pairs)

    def stop(self) -> None:
        """No other run begins, and those under way are ended. May be called from a signal handler."""
        self.stopped = True
        self._left.clear()
        for child in tuple(self._children):
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass

    # ------------------------------------------------------------ steps

    def _launched(self, request: RunRequest) -> Verdict:
        """In a thread that does nothing but wait."""
        mine: list[int] = []

        def started(child: int) -> None:
            mine.append(child)
            self._children.add(child)
            if self.stopped:
                self.stop()

        try:
            return launch(request, on_start=started)
        finally:
            # Its number may soon be that of another process, which is none of ours to end.
            self._children.difference_update(mine)

    def _ended(self, request: RunRequest, ended: Verdict | HarnessError) -> Pair | None:
        """The pair when this was its second run; else the second run is put first in the queue."""
        started = self._started.pop(str(request.out_dir))
        if isinstance(ended, HarnessError) and ended.exit_code == ExitCode.USAGE:
            raise ended  # what the user can mend is wrong with every run
        if isinstance(ended, HarnessError):
            row = row_of_error(started.label, request, ended)
        else:
            row = row_of(started.label, request, ended)
        if started.first is not None:
            return self._finished(started, started.first, row, 0 if isinstance(ended, HarnessError) else ended.diverged)
        started.first = row
        if isinstance(ended, HarnessError):
            nothing = RunRow(started.label, started.seed, (), "inconclusive", ("there were no decisions to run it on",))
            return self._finished(started, row, nothing, 0)
        other = started.directory / "against"
        self._started[str(other)] = started
        self._left.appendleft(self._on_the_same(started, other))
        return None

    def _on_the_same(self, started: _Started, directory: Path) -> RunRequest:
        """The baseline on the decisions of the other: everything else is pinned with them."""
        return RunRequest(
            scenario=str(started.resolved),
            terminal=self.wanted.against,
            dialect=self.wanted.dialect,
            out_dir=str(directory),
            wall_limit_s=self.wanted.wall_limit_s,
            spin_s=min(20.0, self.wanted.wall_limit_s),
        )

    def _finished(self, started: _Started, mine: RunRow, theirs: RunRow, missing: int) -> Pair:
        directory = started.directory
        histories = [directory / name / HISTORY for name in ("terminal", "against")]
        same = bool(mine.history_sha256) and mine.history_sha256 == theirs.history_sha256
        divergence = None
        if not same and all(each.is_file() for each in histories):
            found = parting(*histories)
            if found is not None:
                divergence = Divergence(started.label, started.seed, found.device, found.at_us, found.one, found.other)
        because = tuple(
            f"{spec}: {why}"
            for spec, row in ((self.wanted.terminal, mine), (self.wanted.against, theirs))
            for why in (row.because if row.verdict not in ("pass", "fail") else ())
        )
        if mine.findings or theirs.findings:
            self._keep(started)
        shutil.rmtree(directory, ignore_errors=True)
        view = PairView(
            started.label, started.seed, mine.verdict, theirs.verdict, missing, same, because, divergence,
            self._again(started),
        )  # fmt: skip
        return Pair(view, mine, theirs)

    def _keep(self, started: _Started) -> None:
        """The decisions, on which either release goes the same way again."""
        if self.kept is None or not started.resolved.is_file():
            return
        name = f"{Path(started.label).with_suffix('').as_posix().strip('/').replace('/', '-')}-{started.seed}.yaml"
        try:
            self.kept.mkdir(exist_ok=True)
            shutil.copyfile(started.resolved, self.kept / name)
        except OSError as error:
            raise HarnessError(f"cannot write {self.kept / name}: {error.strerror}") from None

    def _again(self, started: _Started) -> str:
        wanted = self.wanted
        parts = [
            "harness compare", shlex.quote(started.label), f"--terminal {shlex.quote(wanted.terminal)}",
            f"--against {shlex.quote(wanted.against)}",
            *dialect_flag(wanted.dialect), f"--seed {started.seed}", "--runs 1",
        ]  # fmt: skip
        for flag, value in (
            ("--days", wanted.days),
            ("--terminals", wanted.terminals),
            ("--device", wanted.device),
            ("--profile", wanted.profile),
        ):
            if value is not None:
                parts.append(f"{flag} {value}")
        return " ".join(parts)


class _Queue(Iterator[RunRequest]):
    """Takes from a deque that may be filled again after it was empty, which a generator could not."""

    def __init__(self, left: deque[RunRequest]) -> None:
        self._left = left

    def __next__(self) -> RunRequest:
        if not self._left:
            raise StopIteration
        return self._left.popleft()

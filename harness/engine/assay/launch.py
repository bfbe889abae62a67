"""Launching an assay: one child process a mutant, several at a time, within a budget of real time.

Models: as ``engine.launch`` for runs. A mutant that hangs in C or takes the interpreter down ends its child: that is a finding
of invariant 24 in the run under way, if the reference passes the same run, and its other runs go on in a new child.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.engine.assay.plan import again, mutant_names
from harness.engine.assay.report import AssayReport, Kill, MutantReport, State
from harness.engine.assay.request import REFERENCE, AssayMessage, Begun, Done, Hit, Task, Tried
from harness.engine.launch import from_outside
from harness.engine.sink import make_directory
from harness.faults.base import families as all_families
from harness.invariants.catalogue import INVARIANTS
from harness.sut.landlock import landlock_available
from harness.sut.limits import Ended, Limits, run_limited
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.unseen import UNSEEN

_ENTRY = "harness.engine.assay.child:execute"
_RETURNS_TO_SERVICE = 24
_MEMORY_BYTES = 4 << 30
_MUTANT_WALL_S = 1_800.0
_OVER_BUDGET = "the budget was over"
_INTERRUPTED = "interrupted"


@dataclass(slots=True)
class _Course:
    """How far one mutant has come."""

    task: Task
    tried: list[Tried] = field(default_factory=list)
    ended: bool = False
    why: str = ""
    broken: bool = False


class Assayer:
    """All mutants of an assay. ``stop`` may be called from a signal handler; what is known until then is reported."""

    def __init__(
        self, tasks: Sequence[Task], jobs: int, budget_s: float, out_dir: Path | None = None, spin_s: float = 20.0
    ) -> None:
        self._courses = [_Course(task) for task in tasks]
        self._jobs = jobs
        self._budget_s = budget_s
        self._spin_s = spin_s
        self._deadline_s = time.monotonic() + budget_s
        self._out_dir = out_dir
        self._children: set[int] = set()
        self._lock = Lock()
        self.stopped = ""
        """Why it ends before everything was tried."""

    def run(self, on_mutant: Callable[[int], None] = lambda _: None) -> AssayReport:
        """Try everything; ``on_mutant`` is told how many are done. Raises UsageError for software that cannot be loaded."""
        if self._out_dir is not None:
            make_directory(self._out_dir)
        done = 0
        with ThreadPoolExecutor(self._jobs) as pool:
            # The threads only wait for child processes; nothing of a run happens in this one.
            try:
                for _ in pool.map(self._one, self._courses):
                    done += 1
                    on_mutant(done)
            except BaseException:
                self.stop()
                raise
        known = mutant_names()
        asked = [course.task.terminal for course in self._courses]
        return AssayReport(
            tuple(self._report(course) for course in self._courses),
            tuple(sorted((each.number, name) for name, each in INVARIANTS.items())),
            all_families() if any(course.task.families for course in self._courses) else (),
            self.stopped,
            set(known) <= set(asked) and not self.stopped,
        )

    def stop(self, why: str = _INTERRUPTED) -> None:
        """No other run begins, and those under way end at once."""
        self.stopped = self.stopped or why
        for child in tuple(self._children):
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass

    # ------------------------------------------------------------ one mutant

    def _one(self, course: _Course) -> None:
        task, begun, begun_s = course.task, -1, 0.0
        while not course.ended and not self._over():
            first = begun + 1

            def heard(message: Any, first: int = first) -> None:
                nonlocal begun, begun_s
                told: AssayMessage = msgspec.convert(message, AssayMessage)
                if isinstance(told, Begun):
                    begun, begun_s = first + told.place, time.monotonic()
                else:
                    course.tried.append(msgspec.structs.replace(told, place=first + told.place))

            left = _left(task, course.tried, first)
            ended = self._in_child(left, heard)
            if ended.reason == "finished":
                done = msgspec.convert(ended.result, Done)
                if done.error:
                    raise UsageError(done.error) if done.exit_code == UsageError.exit_code else HarnessError(done.error)
                course.ended = True
            elif not self._over():
                self._died(course, ended, begun, time.monotonic() - begun_s)
        course.why = course.why or ("" if course.ended else self.stopped)

    def _died(self, course: _Course, ended: Ended, place: int, wall_s: float) -> None:
        """The child is gone: by its software, which is a finding if the reference survives the run, or by something else."""
        if ended.reason == "crashed" and from_outside(ended):
            course.ended, course.why = True, f"something outside ended it ({ended.detail})"
            return
        if ended.station is None or place < 0:
            course.ended = course.broken = True
            course.why = f"the assay broke inside the harness: {ended.reason}, {ended.detail[-400:]}"
            return
        passed: list[Tried] = []
        check = Task(REFERENCE, (course.task.tries[place],))
        alone = self._in_child(check, lambda message: _keep_tried(passed, message))
        if alone.reason == "finished" and passed and not (passed[0].hits or passed[0].why or passed[0].skipped):
            course.tried.append(Tried(place, wall_s, (Hit(_RETURNS_TO_SERVICE, "returns_to_service", 1),)))
        else:
            course.tried.append(Tried(place, wall_s, why="neither the mutant nor the reference came through this run"))
        complete = _complete(course.task, course.tried) and not course.task.thorough
        course.ended = place + 1 == len(course.task.tries) or complete

    def _in_child(self, task: Task, heard: Callable[[Any], None]) -> Ended:
        mine: list[int] = []

        def started(child: int) -> None:
            mine.append(child)
            self._children.add(child)
            if self.stopped:
                self.stop()

        file = task.terminal.rpartition(":")[0]
        left_s = max(1.0, self._deadline_s - time.monotonic())
        with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
            try:
                return run_limited(
                    _ENTRY,
                    msgspec.to_builtins(task),
                    limits=Limits(min(left_s, _MUTANT_WALL_S), memory_bytes=_MEMORY_BYTES, spin_s=self._spin_s),
                    on_message=heard,
                    environ={"TMPDIR": scratch},
                    on_start=started,
                    search_path=[str(Path.cwd())],
                    fence=landlock_available()[0],
                    read=[str(Path(file).parent)] if file.endswith(".py") else [],
                    write=[scratch],
                )
            finally:
                self._children.difference_update(mine)

    def _over(self) -> bool:
        if not self.stopped and time.monotonic() >= self._deadline_s:
            self.stopped = f"{_OVER_BUDGET} ({self._budget_s:g} s)"
        return bool(self.stopped)

    # ------------------------------------------------------------ what it came to

    def _report(self, course: _Course) -> MutantReport:
        task, tried = course.task, sorted(course.tried, key=lambda each: each.place)
        shipped = CATALOGUE.get(task.terminal) or UNSEEN.get(task.terminal)
        counts: dict[tuple[int, str], int] = {}
        for each in tried:
            for hit in each.hits:
                counts[hit.invariant, hit.name] = counts.get((hit.invariant, hit.name), 0) + hit.findings
        missed = tuple(number for number in task.caught_by if number not in {number for number, _ in counts})
        state, why = _state(course, bool(counts), missed)
        return MutantReport(
            task.terminal,
            shipped.summary if shipped else "",
            shipped.caught_by if shipped else (),
            state,
            tuple(Hit(*each, count) for each, count in sorted(counts.items())),
            missed if state == "killed" else (),
            self._kill(task, tried),
            len(tried),
            why,
            course.broken,
        )

    def _kill(self, task: Task, tried: list[Tried]) -> Kill | None:
        killing = [each for each in tried if each.hits]
        if not killing:
            return None
        promised = set(task.caught_by)
        # What finds most of what was promised; of equals the first, or, when all were tried, the cheapest.
        best = max(
            killing,
            key=lambda each: (
                len(promised & {hit.invariant for hit in each.hits}), -each.wall_s if task.thorough else -each.place,
            ),
        )  # fmt: skip
        one = task.tries[best.place]
        kept_in = None
        if one.text and self._out_dir is not None:
            kept_in = self._out_dir / f"{task.terminal.rpartition('/')[2].replace(':', '_')}.yaml"
            try:
                kept_in.write_text(one.text.lstrip("\n") + "\n", encoding="utf-8")
            except OSError as error:
                raise HarnessError(f"cannot write {kept_in}: {error.strerror}") from None
        seed = None if one.flow else one.seed
        not_its_own = not one.wanted and any(each.wanted for each in task.tries)
        return Kill(one.label, seed, round(best.wall_s, 2), again(task, one, kept_in), best.needs, not_its_own)


def _left(task: Task, tried: Sequence[Tried], first: int) -> Task:
    """The task without the runs that have been tried and what they have found."""
    found = {hit.invariant for each in tried for hit in each.hits}
    promised = tuple(number for number in task.caught_by if number not in found)
    return msgspec.structs.replace(task, tries=task.tries[first:], caught_by=promised)


def _complete(task: Task, tried: Sequence[Tried]) -> bool:
    found = {hit.invariant for each in tried for hit in each.hits}
    return bool(found) and set(task.caught_by) <= found


def _keep_tried(kept: list[Tried], message: Any) -> None:
    told: AssayMessage = msgspec.convert(message, AssayMessage)
    if isinstance(told, Tried):
        kept.append(told)


def _state(course: _Course, found: bool, missed: tuple[int, ...]) -> tuple[State, str]:
    if found and (course.ended or not missed):
        return "killed", course.why
    if not course.ended:
        partly = f"after {len(course.tried)} of {len(course.task.tries)} runs: " if course.tried else ""
        return "not_tried", f"{partly}{course.why}"
    unsure = [each.why for each in course.tried if each.why]
    if course.why or unsure:
        return "inconclusive", course.why or unsure[0]
    if all(each.skipped for each in course.tried):
        return "inconclusive", course.tried[0].skipped if course.tried else "no run is known for it"
    return "survived", ""

"""Trying candidates: each is written as the file that it would be kept as, run in a child of its own, asked for the finding.

What is asked for is a signature and, where the finding names a fault to look at first, that kind of fault: two defects may be
told in the same words, and what struck before them is all that tells them apart.

Models: several at a time, and of those that show the finding the first in order, so that the result does not hang on which child
was quicker; a text that was run before is not run again; an end to it all at a deadline or when somebody asks, whereupon children
that still run are ended. Does not model: runs whose outcome differs from time to time: there are none.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.sweep.rows import row_of
from harness.engine.verdict import Verdict
from harness.history.symptoms.model import Reached
from harness.invariants.kinds import kind_of, signature
from harness.results.model import FindingRow
from harness.scenario.brief import brief_text
from harness.scenario.plan import Plan
from harness.scenario.problems import ScenarioErrors


class Stopped(Exception):
    """No more is tried: the budget is over, or somebody asked."""


SYMPTOM = "symptom"
"""The signature of a symptom that was looked for (``RunRequest.symptom``) and seen."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which of a run's findings is meant: the first one that all of this is true of.

    ``fault``: the kind that was blamed. ``device`` with ``at_us``: the very one, as a bundle names it, or else one there, or else
    any; without ``at_us`` it must be one there.
    """

    signature: str = ""
    fault: str = ""
    device: str = ""
    at_us: int | None = None

    def of(self, request: RunRequest, verdict: Verdict) -> FindingRow | None:
        """That finding, as the first of its row; None where there is none."""
        rows = [
            each
            for each in rows_of(request, verdict)
            if self.signature in ("", each.signature) and self.fault in ("", each.fault)
        ]
        if not self.device:
            return next(iter(rows), None)
        known = {(each.signature, each.fault, each.place): each for each in rows}
        there = [
            (view, row)
            for view in verdict.findings
            if view.device == self.device
            and (row := known.get((signature(view.invariant, kind_of(view.summary)), view.fault, view.place)))
        ]
        very = [each for each in there if each[0].at_us == self.at_us]
        for view, row in (*very, *there):
            return replace(row, device=view.device, at_us=view.at_us, summary=view.summary)
        return None if self.at_us is None else next(iter(rows), None)


THE_FIRST = Which()


def rows_of(request: RunRequest, verdict: Verdict) -> tuple[FindingRow, ...]:
    """What a run found, by signature, fault and place, in the order in which it found it; a symptom that it shows comes last."""
    found = row_of("", request, verdict).findings
    reached = verdict.symptom
    if isinstance(reached, Reached) and reached.shown:
        summary = f"Symptom: {request.symptom}. {'; '.join(reached.told)}"
        row = FindingRow(SYMPTOM, 0, SYMPTOM, request.symptom or "", 1, 0, reached.device, 0, summary)
        return (*found, row)
    return found


def findings_of(request: RunRequest, verdict: Verdict) -> dict[str, FindingRow]:
    """By signature the first finding of a run."""
    found: dict[str, FindingRow] = {}
    for each in rows_of(request, verdict):
        found.setdefault(each.signature, each)
    return found


@dataclass(slots=True)
class Trials:
    """All runs of one shrinking. ``base`` is the run to be made small, but for its scenario."""

    base: RunRequest
    which: Which
    scratch: Path
    jobs: int
    deadline_s: float
    on_run: Callable[[int], None] = lambda _: None
    runs: int = 0
    stopped: str = ""
    """Why no more is tried; empty while there is no reason."""
    _known: dict[str, Future[bool]] = field(default_factory=dict)
    _took_s: dict[str, float] = field(default_factory=dict)
    _children: set[int] = field(default_factory=set)
    _names: count[int] = field(default_factory=lambda: count(1))
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        # The threads only wait for child processes; nothing of a run happens in this one.
        self._pool = ThreadPoolExecutor(self.jobs)

    def first(self, candidates: Iterable[Plan]) -> Plan | None:
        """The first candidate that still shows the finding; None when none does. Raises Stopped."""
        waiting: deque[tuple[Plan, Future[bool]]] = deque()
        left = iter(candidates)
        while True:
            while len(waiting) < self.jobs and (plan := next(left, None)) is not None:
                future = self._submit(plan)
                if future is not None:
                    waiting.append((plan, future))
            if not waiting:
                return None
            plan, future = waiting.popleft()
            if self._holds(future):
                return plan

    def seconds_of(self, plan: Plan) -> float:
        """How long the run of a candidate took."""
        return self._took_s.get(brief_text(plan), 0.0)

    @contextmanager
    def ended_in_time(self) -> Iterator[None]:
        """What runs within this is ended at the deadline. Raises Stopped when it was."""
        timer = threading.Timer(max(0.0, self.deadline_s - time.monotonic()), self.stop, ("the budget was over",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
        if self.stopped:
            raise Stopped(self.stopped)

    def stop(self, why: str) -> None:
        """No other run begins, and those under way end at once."""
        self.stopped = self.stopped or why
        for child in tuple(self._children):
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def close(self) -> None:
        """Wait for what still runs."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    # ------------------------------------------------------------ one run

    def _holds(self, future: Future[bool]) -> bool:
        wait((future,), timeout=max(0.0, self.deadline_s - time.monotonic()))
        if not self.stopped and not future.done():
            self.stop("the budget was over")
        if self.stopped:
            raise Stopped(self.stopped)
        return future.result()

    def _submit(self, plan: Plan) -> Future[bool] | None:
        try:
            text = brief_text(plan)
        except ScenarioErrors:
            return None
        if self.stopped or time.monotonic() >= self.deadline_s:
            self.stop("the budget was over")
            raise Stopped(self.stopped)
        if text not in self._known:
            self.runs += 1
            self.on_run(self.runs)
            self._known[text] = self._pool.submit(self._run, text)
        return self._known[text]

    def _run(self, text: str) -> bool:
        file = self.scratch / f"{next(self._names)}.yaml"
        file.write_text(text, encoding="utf-8")
        request = msgspec.structs.replace(self.base, scenario=str(file))
        began_s = time.monotonic()
        try:
            return self.which.of(request, self.verdict(request)) is not None
        except HarnessError:
            return False  # a candidate that cannot be run is no smaller case of anything
        finally:
            self._took_s[text] = time.monotonic() - began_s
            file.unlink(missing_ok=True)

    def verdict(self, request: RunRequest) -> Verdict:
        """One run in a child that ``stop`` ends."""
        mine: list[int] = []

        def started(child: int) -> None:
            mine.append(child)
            self._children.add(child)
            if self.stopped:
                self.stop(self.stopped)

        try:
            return launch(request, on_start=started)
        finally:
            self._children.difference_update(mine)


def seeded(plan: Plan, seed: int) -> Plan:
    """The same under another seed."""
    return replace(plan, seed=seed)

"""Where the runs of a sweep are run: on child processes of this one, or wherever an executor sends them.

Models: an executor takes one run at a time from each of several threads, and can be told to end all that are under way.
Does not model: which run goes where.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Protocol

from harness.core.errors import HarnessError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict


class ExecutorGone(HarnessError):
    """What runs were sent to is not there any more: no run is to blame, and none is lost that was finished."""


class Executor(Protocol):
    """``jobs``: how many runs it takes at a time."""

    @property
    def jobs(self) -> int: ...

    def run(self, request: RunRequest) -> Verdict:
        """One run, from a thread that waits for it. Raises what ``launch`` does, or ExecutorGone."""
        ...

    def stop(self) -> None:
        """End what is under way, also what begins after this; may be called from a signal handler."""
        ...


class LocalExecutor:
    """Child processes of this one. ``on_start`` is given the process id of each."""

    def __init__(self, jobs: int, on_start: Callable[[int], None]) -> None:
        self._jobs = jobs
        self._on_start = on_start
        self._children: set[int] = set()
        self._stopped = False

    @property
    def jobs(self) -> int:
        return self._jobs

    def run(self, request: RunRequest) -> Verdict:
        mine: list[int] = []

        def started(child: int) -> None:
            mine.append(child)
            self._children.add(child)
            self._on_start(child)
            if self._stopped:
                self.stop()

        try:
            return launch(request, on_start=started)
        finally:
            # Its number may soon be that of another process, which is none of ours to end.
            self._children.difference_update(mine)

    def stop(self) -> None:
        self._stopped = True
        for child in tuple(self._children):
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass

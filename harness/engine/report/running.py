"""Runs that are done again for a page: each in a child of its own, ended when its time is over or somebody has seen enough.

Models: real time that may be spent; an end to all children at once. Does not model: what a run does; its own limits stay what
they are, as a run that ends its trading early for want of time is another run.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict

T = TypeVar("T")
PLAIN = "harness.engine.child:execute"


@dataclass(slots=True)
class Deadline:
    """Real time that may still be spent."""

    until_s: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So long from now."""
        return cls(time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        """What is left of it."""
        return self.until_s - time.monotonic()


@dataclass(slots=True)
class Children:
    """All that runs. After ``stop`` nothing begins any more."""

    stopped: bool = False
    _alive: set[int] = field(default_factory=set)

    def run(self, request: RunRequest, deadline: Deadline, inside: str = PLAIN) -> Verdict | None:
        """The verdict of a run; None when it was ended, or did not begin."""
        return self.call(lambda started: launch(request, on_start=started, inside=inside), deadline)

    def call(self, begin: Callable[[Callable[[int], None]], T], deadline: Deadline) -> T | None:
        """What ``begin`` gives, which starts a child and tells its process id; None as above."""
        left_s = deadline.left_s
        if left_s <= 0 or self.stopped:
            return None
        over = threading.Event()
        mine: list[int] = []

        def end() -> None:
            over.set()
            for child in mine:
                _kill(child)

        timer = threading.Timer(left_s, end)
        timer.daemon = True

        def started(child: int) -> None:
            mine.append(child)
            self._alive.add(child)
            timer.start()
            if self.stopped:
                _kill(child)

        try:
            ended = begin(started)
        finally:
            timer.cancel()
            self._alive.difference_update(mine)
        return None if over.is_set() or self.stopped else ended

    def stop(self) -> None:
        """End them all."""
        self.stopped = True
        for child in tuple(self._alive):
            _kill(child)


def _kill(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass

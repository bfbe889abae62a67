"""The parent's side of a stepped run: each step is an order sent to the child and an answer waited for.

The run is in a child process with the limits and fences of every run: what terminal software does to its interpreter, memory or
files stays there, software that spins is stopped and named, and nothing of one session is left for the next.
"""

from __future__ import annotations

import os
import queue
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.stepped.orders import ORDERS, Answer, End, NotStruck, Opened, Order, Stepped
from harness.engine.verdict import Verdict

_INSIDE = "harness.engine.stepped.child:execute"


class Over(Exception):
    """The run ended by itself, before it was told to: its software had to be stopped. ``verdict`` says what was found."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Session:
    """A stepped run of ``scenario`` (its text) as ``request`` asks. Use it as a context, or call ``close``."""

    def __init__(self, scenario: str, request: RunRequest) -> None:
        self._answers: queue.SimpleQueue[Answer | Verdict | BaseException] = queue.SimpleQueue()
        self._child = 0
        self._place = tempfile.TemporaryDirectory(prefix="harness-")
        place = Path(self._place.name)
        (place / "scenario.yaml").write_text(scenario, encoding="utf-8")
        os.mkfifo(place / ORDERS)
        # Held for both directions: neither opening it nor writing to it waits for a child that may never come.
        self._orders = os.open(place / ORDERS, os.O_RDWR | os.O_CLOEXEC)
        request = msgspec.structs.replace(request, scenario=str(place / "scenario.yaml"))
        self._thread = threading.Thread(target=self._run, args=(request,), daemon=True)
        self._thread.start()
        self._closed = False
        try:
            opened = self._answer()
        except BaseException:
            self.close()
            raise
        assert isinstance(opened, Opened), opened
        self.actions = opened.actions
        """What the terminal can do."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def step(self, order: Order) -> Stepped:
        """Take one step. Raises Over when the run ended by it, UsageError for a fault that is none."""
        self._send(order)
        answer = self._answer()
        if isinstance(answer, NotStruck):
            raise UsageError(answer.why)
        assert isinstance(answer, Stepped), answer
        return answer

    def end(self) -> Verdict:
        """No further step: what the run comes to."""
        self._send(End())
        try:
            answer = self._answer()
        except Over as over:
            return over.verdict
        raise HarnessError(f"the run went on after its end: {answer}")

    def close(self) -> None:
        """Nothing is wanted of it any more; a child that still runs is ended."""
        if self._closed:
            return
        self._closed = True
        if self._thread.is_alive() and self._child:
            try:
                os.kill(self._child, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._thread.join()
        os.close(self._orders)
        self._place.cleanup()

    def _run(self, request: RunRequest) -> None:
        try:
            verdict = launch(request, on_start=self._started, inside=_INSIDE, on_message=self._hear)
        except BaseException as error:
            self._answers.put(error)
        else:
            self._answers.put(verdict)

    def _started(self, child: int) -> None:
        self._child = child

    def _hear(self, message: Any) -> None:
        if message.get("type") != "progress":
            self._answers.put(msgspec.convert(message, Answer))

    def _send(self, order: Order) -> None:
        line = msgspec.json.encode(order) + b"\n"
        while line:
            line = line[os.write(self._orders, line) :]

    def _answer(self) -> Answer:
        answer = self._answers.get()
        if isinstance(answer, Verdict):
            raise Over(answer)
        if isinstance(answer, BaseException):
            raise answer
        return answer

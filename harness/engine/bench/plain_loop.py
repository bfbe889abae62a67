"""The yardstick: the reference terminal's own code in a plain loop, as if there were no harness.

Models: the same actions in the same order as a recorded run, on a real directory in memory (tmpfs), with the real PIN pad sums,
ISO 8583 bytes and MACs; the host is a list of reply bytes that an earlier pass through the real host model left behind.
Does not model: virtual time, faults, a history, invariants, customers, latency. That is what the harness adds, and what the
ratio prices.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn, cast

from harness.contract import (
    Action,
    ActionKind,
    ActionRequested,
    CardData,
    Device,
    Event,
    Outcome,
    Receipt,
    Screen,
)
from harness.core.streams import Streams
from harness.device.pin_pad import PinPad
from harness.history.codec import read_history
from harness.history.events import ActionStarted, Presented
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.terminals.reference import link as reference_link
from harness.terminals.reference.terminal import ReferenceTerminal
from harness.workload.cards import presentation

_TID, _MID = "10000001", "104110000000001"
_MASTER_KEY = bytes(range(16))
_REPLIES_US = 1_000_000
"""How far apart the host sees requests when it is asked for its replies."""


class _DayIsOver(BaseException):
    """The script has no more actions; nothing in the terminal may catch it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing an operator asks for, and the card that is shown for it."""

    kind: ActionKind
    amount_fen: int
    card: CardData | None


def steps_of(history: Path, device: str = "T01") -> list[Step]:
    """What was asked of one device of a recorded run, in order."""
    steps: list[Step] = []
    by_action: dict[int, int] = {}
    for _, event in read_history(history):
        if isinstance(event, ActionStarted) and event.device == device:
            by_action[event.action] = len(steps)
            kind = cast(ActionKind, event.kind)
            steps.append(Step(kind, event.amount_fen or 0, None))
        elif isinstance(event, Presented) and event.device == device:
            place = by_action[event.action]
            choice = event.intent % 97 / 97
            steps[place] = replace(steps[place], card=presentation(choice, False, event.token))
    return [step for step in steps if step.kind not in ("reboot", "clear_cache")]


class _Card:
    def __init__(self) -> None:
        self.present: CardData | None = None

    def read(self, timeout_s: float = 60.0) -> CardData:
        assert self.present is not None
        return self.present


class _Printer:
    def print(self, receipt: Receipt) -> None:
        self.last = receipt

    def has_paper(self) -> bool:
        return True


class _Display:
    current: Screen | None = None

    def show(self, screen: Screen) -> None:
        self.current = screen


class _Nvram:
    def __init__(self) -> None:
        self._content = bytearray(256)

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self._content[offset : offset + size])

    def write(self, offset: int, data: bytes) -> None:
        self._content[offset : offset + len(data)] = data


class ScriptedDevice:
    """``contract.Device`` with nothing behind it but a directory: it hands out the steps and counts the outcomes."""

    def __init__(self, directory: str, steps: list[Step]) -> None:
        self.tid, self.mid = _TID, _MID
        self.host_address = ("127.0.0.1", 5500)
        self.volumes: Mapping[str, str] = {"data": directory}
        self.card = _Card()
        self.pin_pad = PinPad("T01", _MASTER_KEY, Streams(1))
        self.printer = _Printer()
        self.display = _Display()
        self.nvram = _Nvram()
        self.outcomes: list[str] = []
        self._steps = steps
        self._next = 0
        self._last_stan = ""

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        if self._next == len(self._steps):
            raise _DayIsOver
        step = self._steps[self._next]
        self._next += 1
        self.card.present = step.card
        needs_original = step.kind in ("void", "refund")
        return ActionRequested(
            Action(self._next, step.kind, step.amount_fen, self._last_stan if needs_original else "")
        )

    def finish(self, action: Action, outcome: Outcome) -> None:
        self.outcomes.append(f"{action.kind} {outcome.kind}")
        if action.kind == "sale" and outcome.kind == "approved":
            self._last_stan = outcome.stan

    def probe(self, name: str) -> None:
        pass

    def reboot(self) -> NoReturn:
        raise _DayIsOver


class _Socket:
    """A connection whose replies are there as soon as the request is."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._reply = b""

    def settimeout(self, value: float | None) -> None:
        pass

    def sendall(self, data: bytes) -> None:
        self._reply = self._answer(data)

    def recv(self, size: int) -> bytes:
        reply, self._reply = self._reply, b""
        return reply

    def close(self) -> None:
        pass


@contextmanager
def _connected_to(answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """While this lasts, the terminal's ``socket`` leads to ``answer`` and nowhere else."""
    names = vars(reference_link)
    real = names["socket"]
    scripted = SimpleNamespace(create_connection=lambda address, timeout=None: _Socket(answer), socket=real.socket)
    names["socket"] = scripted
    try:
        yield
    finally:
        names["socket"] = real


@contextmanager
def _directory() -> Iterator[str]:
    """A fresh directory on a file system in memory."""
    root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    made = tempfile.mkdtemp(prefix="harness-bench-", dir=root)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _trade(steps: list[Step], answer: Callable[[bytes], bytes]) -> list[str]:
    with _directory() as directory, _connected_to(answer):
        device = ScriptedDevice(directory, steps)
        terminal = ReferenceTerminal(cast(Device, device))
        try:
            terminal.run()
        except _DayIsOver:
            pass
        return device.outcomes


@dataclass(frozen=True, slots=True)
class PlainLoop:
    """The recorded day: its steps, the host's replies to them, and how each step ended."""

    steps: tuple[Step, ...]
    replies: tuple[bytes, ...]
    outcomes: tuple[str, ...]

    @classmethod
    def record(cls, steps: list[Step]) -> PlainLoop:
        """First pass: the host model answers, and its bytes are kept."""
        acquirer = Acquirer("unionpay", Recorder(), bytes(16))
        acquirer.register_terminal(_TID, _MID, "T01", _MASTER_KEY)
        replies: list[bytes] = []

        def answer(frame: bytes) -> bytes:
            reply = acquirer.handle(frame, len(replies) * _REPLIES_US).frame or b""
            replies.append(reply)
            return reply

        outcomes = _trade(steps, answer)
        return cls(tuple(steps), tuple(replies), tuple(outcomes))

    def play(self) -> None:
        """The day once more from the recorded bytes. The terminal must end every step as it did the first time."""
        replies = iter(self.replies)
        outcomes = _trade(list(self.steps), lambda _: next(replies, b""))
        if tuple(outcomes) != self.outcomes:
            raise AssertionError("the plain loop did not end as it was recorded")

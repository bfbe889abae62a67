"""A station whose software is a few lines of SimPy: enough terminal for customers and operators to meet.

It follows the contract's order of things (action started, card asked for, screen, action ended, idle) and emits the same
events as the real station, so that what the people see is what they would see there.
"""

from __future__ import annotations

import datetime
import io
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import simpy

from harness.contract import Approved, CardData, Manifest, Outcome
from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.device.chip import Chip
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    PowerLost,
    ScreenShown,
    SoftwareReady,
)
from harness.history.recorder import Recorder

Script = Callable[["ScriptedStation", "Asked"], Generator[simpy.Event, object, Outcome | None]]

ACTIONS = frozenset({"sale", "void", "refund", "settle", "sign_on", "sign_off", "clear_cache"})


@dataclass
class World:
    env: simpy.Environment
    decisions: Decisions
    recorder: Recorder
    sink: io.BytesIO
    start: datetime.date = datetime.date(2026, 3, 2)

    @classmethod
    def make(cls, seed: int = 1, pinned: dict[str, int | float | str | bool] | None = None) -> World:
        sink = io.BytesIO()
        return cls(simpy.Environment(), Decisions(Streams(seed), pinned=pinned), Recorder(sink), sink)

    @property
    def now_us(self) -> int:
        return int(self.env.now)

    def undo_by_hand(self, device: str, batch: str, stan: str) -> bool:
        return True


@dataclass
class Asked:
    number: int
    kind: str
    amount_fen: int
    intent: int | None
    original_stan: str
    original_batch: str
    original_date: str
    done: simpy.Event
    at_us: int


@dataclass
class Reader:
    env: simpy.Environment
    requested: simpy.Event
    cards: deque[CardData] = field(default_factory=deque)
    shown: simpy.Event | None = None

    def read(self) -> Generator[simpy.Event, object, CardData]:
        if not self.cards:
            self.shown = self.env.event()
            self.requested.succeed()
            self.requested = self.env.event()
            yield self.shown
        card = self.cards.popleft()
        self.cards.clear()
        return card


@dataclass
class Printer:
    paper: bool = True
    loaded: int = 0

    def has_paper(self) -> bool:
        return self.paper

    def load_paper(self) -> None:
        self.paper = True
        self.loaded += 1


@dataclass
class Hardware:
    card_reader: Reader
    printer: Printer


class ScriptedStation:
    def __init__(self, world: World, script: Script, index: int = 1, actions: frozenset[str] = ACTIONS) -> None:
        self.world = world
        self.script = script
        self.index = index
        self.name = f"T{index:02d}"
        self.manifest = Manifest(name="scripted", actions=actions)
        self.hardware = Hardware(Reader(world.env, world.env.event()), Printer())
        self.powered = True
        self.busy = False
        self.asked: list[Asked] = []
        self.keys: list[str] = []
        self.cuts: list[tuple[int, str]] = []
        self.restarts: list[tuple[int, str]] = []
        self._current: tuple[Asked, simpy.Process] | None = None

    @property
    def ready(self) -> bool:
        return self.powered and not self.busy

    def request(
        self,
        kind: str,
        amount_fen: int = 0,
        intent: int | None = None,
        original_stan: str = "",
        original_batch: str = "",
        original_rrn: str = "",
        original_date: str = "",
        original_amount_fen: int = 0,
    ) -> Asked:
        asked = Asked(
            len(self.asked) + 1, kind, amount_fen, intent, original_stan, original_batch, original_date,
            self.world.env.event(), self.world.now_us,
        )  # fmt: skip
        self.asked.append(asked)
        if not self.powered:
            asked.done.succeed(None)
            return asked
        self.world.recorder.emit(ActionStarted(self.world.now_us, self.name, asked.number, kind, amount_fen, intent))
        self._current = (asked, self.world.env.process(self._run(asked)))
        return asked

    def _run(self, asked: Asked) -> Generator[simpy.Event, object, None]:
        assert not self.busy or asked.kind == "clear_cache", "two actions at once"
        self.busy = True
        outcome = yield from self.script(self, asked)
        self.busy = False
        if asked.done.triggered:
            return
        self.world.recorder.emit(
            ActionEnded(self.world.now_us, self.name, asked.number, outcome.kind if outcome else "interrupted")
        )
        asked.done.succeed(outcome)
        self.show(None, "idle")

    def show(
        self, action: int | None, kind: str, text: str = "", stan: str = "", amount_fen: int | None = None
    ) -> None:
        if self.powered:
            self.world.recorder.emit(
                ScreenShown(self.world.now_us, self.name, action, kind, text, amount_fen, stan or None, "000001")
            )

    def press_key(self, key: str) -> None:
        self.keys.append(key)

    def present_card(self, card: CardData, chip: Chip | None = None) -> None:
        reader = self.hardware.card_reader
        reader.cards.append(card)
        if reader.shown is not None and not reader.shown.triggered:
            reader.shown.succeed()

    def power_cut(self, cause: str, seed: int, fates: str = "") -> None:
        assert self.powered
        self.powered = False
        self.busy = False
        self.cuts.append((self.world.now_us, cause))
        self.world.recorder.emit(PowerLost(self.world.now_us, self.name, cause))
        self._interrupt()

    def _interrupt(self) -> None:
        if self._current is not None and not self._current[0].done.triggered:
            asked, process = self._current
            process.defused = True
            asked.done.succeed(None)
            if process.is_alive:
                process._target.callbacks.remove(process._resume)  # never resumed, as software that lost power

    def power_on(self) -> None:
        self.powered = True
        self.world.recorder.emit(SoftwareReady(self.world.now_us, self.name, 2))

    def restart(self, cause: str) -> None:
        self.restarts.append((self.world.now_us, cause))
        self.busy = False
        self._interrupt()
        self.world.recorder.emit(SoftwareReady(self.world.now_us, self.name, 2))


def good(station: ScriptedStation, asked: Asked) -> Generator[simpy.Event, object, Outcome | None]:
    """Reads a card for a sale or hold, takes half a second, approves everything."""
    if asked.kind not in ("settle", "sign_on", "sign_off", "clear_cache"):
        if asked.kind in ("sale", "preauth", "completion"):
            yield from station.hardware.card_reader.read()
        yield station.world.env.timeout(500_000)
        stan = f"{asked.number:06d}"
        station.show(asked.number, "approved", stan=stan, amount_fen=asked.amount_fen)
        return Approved(stan, "000001", "RRN")
    yield station.world.env.timeout(1_000_000)
    if asked.kind == "settle":
        station.show(asked.number, "settled")
    return Outcome("done")

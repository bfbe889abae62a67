"""What the people need of the world: one station to press keys on, one recorder, one clock.

Models: the outside of a terminal as an operator and a customer meet it. Does not model: anything inside; the people never
look at storage, messages or the ledger. Structural types, so that the station that runs software and a scripted one in a
test serve alike.
"""

from __future__ import annotations

import datetime
from typing import Protocol

import simpy

from harness.contract import ActionKind, CardData, Manifest
from harness.core.decisions import Decisions
from harness.device.chip import Chip
from harness.history.recorder import Recorder


class PendingPort(Protocol):
    """An action that was asked for. ``done`` succeeds with the Outcome, or None when power or the software died under it."""

    @property
    def number(self) -> int: ...
    @property
    def done(self) -> simpy.Event: ...


class CardReaderPort(Protocol):
    """``requested`` fires when the terminal asks for a card; a new event stands there once a card has been read."""

    @property
    def requested(self) -> simpy.Event: ...


class PrinterPort(Protocol):
    def has_paper(self) -> bool: ...
    def load_paper(self) -> None: ...


class HardwarePort(Protocol):
    @property
    def card_reader(self) -> CardReaderPort: ...
    @property
    def printer(self) -> PrinterPort: ...


class StationPort(Protocol):
    """One terminal as it stands on the counter."""

    @property
    def name(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def powered(self) -> bool: ...
    @property
    def ready(self) -> bool: ...
    @property
    def manifest(self) -> Manifest: ...
    @property
    def hardware(self) -> HardwarePort: ...

    def request(
        self,
        kind: ActionKind,
        amount_fen: int = 0,
        intent: int | None = None,
        original_stan: str = "",
        original_batch: str = "",
        original_rrn: str = "",
        original_date: str = "",
        original_amount_fen: int = 0,
        account: str = "",
        cycle: str = "",
        trace_number: str = "",
    ) -> PendingPort: ...
    def press_key(self, key: str) -> None: ...
    def present_card(self, card: CardData, chip: Chip | None = None) -> None: ...
    def power_cut(self, cause: str, seed: int, fates: str = "") -> None: ...
    def power_on(self) -> None: ...
    def restart(self, cause: str) -> None: ...


class WorldPort(Protocol):
    """What all people share."""

    @property
    def env(self) -> simpy.Environment: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def recorder(self) -> Recorder: ...
    @property
    def start(self) -> datetime.date: ...
    @property
    def now_us(self) -> int: ...
    def undo_by_hand(self, device: str, batch: str, stan: str) -> bool: ...

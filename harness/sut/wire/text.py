"""Programs that only print text: each line is a screen, read by the manifest's patterns; events are lines, by its templates.

Models: a terminal ported by its ``printf`` and its keyboard. The manifest's ``text:`` says how it is spoken to::

    text:
      slip_prefix: "PRN "                    # a line that begins so is a slip of paper, without those words
      events:
        boot: "BOOT {tid} {mid} {host} {port}"
        sale: "SALE {amount_fen}"            # any kind of action; {amount} is in yuan
        void: "VOID {original_stan}"
        key: "KEY {key}"
        card: "CARD {track2}"                # once a card was read; also {pan} {expiry} {code}
        no_card: "NO CARD"                   # nobody showed one, or it could not be read
        out_of_paper: "PAPER OUT"
        paper_loaded: "PAPER IN"
        cable_in: "LINE UP"
        cable_out: "LINE DOWN"

An action without a template is answered ``unsupported``; of any other event without one the program is not told. The program is
ready at its first ``idle`` screen. While an action is under way, a ``prompt`` screen asks for a card. The action ends at the
next ``idle`` screen that follows another screen, with what the last verdict between them said: ``approved``, ``declined``,
``refused``, ``unknown``, ``storage_full`` (refused), ``settled`` and ``paid_out`` (done), ``settle_failed`` and ``error``
(failed). Without any, housekeeping is done and everything else has failed.

A line that begins with ``{"`` is a request as for any program (a MAC, a key, NVRAM); events, cards and outcomes are not asked
for so. Does not model: screens of several lines.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import get_args

from harness.contract import (
    Action,
    ActionKind,
    ActionRequested,
    CableChanged,
    CardData,
    Device,
    DeviceError,
    Event,
    KeyPressed,
    Outcome,
    OutcomeKind,
    PaperChanged,
    PaperOut,
    Screen,
    ScreenKind,
    Unsupported,
)
from harness.core.registry import nearest
from harness.device.session import ContractViolation

LINES_WAITING_MAX = 1_000
CARD_TIMEOUT_S = 60.0
TEMPLATE_CHARACTERS_MAX = 200

_ACTION_WORDS = frozenset({"amount", *(each.name for each in fields(Action))})
_WORDS: Mapping[str, frozenset[str]] = {
    "boot": frozenset({"tid", "mid", "host", "port"}),
    "key": frozenset({"key"}),
    "card": frozenset({"pan", "expiry", "track2", "code"}),
    **dict.fromkeys(("no_card", "out_of_paper", "paper_loaded", "cable_in", "cable_out"), frozenset()),
    **dict.fromkeys(get_args(ActionKind), _ACTION_WORDS),
}
_BLANK = re.compile(r"\{([^{}]*)\}")
_VERDICTS: Mapping[ScreenKind, tuple[OutcomeKind, str]] = {
    "approved": ("approved", ""),
    "declined": ("declined", "declined"),
    "refused": ("refused", "refused"),
    "unknown": ("unknown", "unknown"),
    "storage_full": ("refused", "storage_full"),
    "settled": ("done", ""),
    "paid_out": ("done", ""),
    "settle_failed": ("failed", "settle_failed"),
    "error": ("failed", "error"),
}
_HOUSEKEEPING: frozenset[ActionKind] = frozenset({"sign_on", "reprint", "clear_cache", "totals", "read_log"})


@dataclass(frozen=True, slots=True)
class TextLines:
    """How a program that only prints text hears of the world; made by ``manifest_file``, which checks it."""

    events: Mapping[str, str]
    slip_prefix: str = ""
    encoding: str = "utf-8"


def template_problem(event: str, template: str) -> str:
    """What is wrong with the template of an event; nothing when it is sound."""
    if event not in _WORDS:
        return f"no event is called {event[:40]!r}; {nearest(event[:40], list(_WORDS))}"
    if len(template) > TEMPLATE_CHARACTERS_MAX or not template.isprintable() or not template:
        return f"expected a line of 1 to {TEMPLATE_CHARACTERS_MAX} characters"
    known = _WORDS[event]
    for name in _BLANK.findall(template):
        if name not in known:
            hint = nearest(name, sorted(known)) if known else "there are none"
            return f"{event} has no {{{name}}}; {hint}"
    return ""


class TextPort:
    """The text half of one boot's wire. ``start`` runs a body in a fiber."""

    def __init__(
        self,
        device: Device,
        lines: TextLines,
        send: Callable[[bytes], None],
        start: Callable[[Callable[[], None]], None],
        settle: Callable[[], None],
    ) -> None:
        self._device = device
        self._lines = lines
        self._send = send
        self._start = start
        self._settle = settle
        self._slip_prefix = lines.slip_prefix.encode(lines.encoding, "replace")
        self._waiting: deque[bytes] = deque()
        self._is_showing = False
        self._is_ready = False
        self._is_reading_card = False
        self._open: deque[Action] = deque()
        self._verdict: Screen | None = None
        self._has_answered = False
        """Whether a screen has come since the action was handed over that was not ``idle``."""

    def start(self) -> None:
        """The boot begins."""
        host, port = self._device.host_address
        self._tell("boot", {"tid": self._device.tid, "mid": self._device.mid, "host": host, "port": str(port)})

    def line(self, line: bytes) -> None:
        """A line of text: shown or printed in its turn."""
        if len(self._waiting) >= LINES_WAITING_MAX:
            raise ContractViolation(f"stdout: more than {LINES_WAITING_MAX} lines of text at once")
        self._waiting.append(line)
        if not self._is_showing:
            self._is_showing = True
            self._start(self._show)

    # ------------------------------------------------------------ from the program

    def _show(self) -> None:
        while self._waiting:
            line = self._waiting.popleft()
            if self._slip_prefix and line.startswith(self._slip_prefix):
                self._print(line[len(self._slip_prefix) :])
                continue
            display = self._device.display
            display.write(line)
            self._settle()
            if display.current is not None:
                self._shown(display.current)
        self._is_showing = False

    def _print(self, slip: bytes) -> None:
        try:
            self._device.printer.write(slip)
        except PaperOut:
            self._tell("out_of_paper", {})

    def _shown(self, screen: Screen) -> None:
        if screen.kind == "idle":
            if not self._is_ready:
                self._is_ready = True
                self._start(self._listen)
            elif self._open and self._has_answered:
                self._finish(self._open.popleft())
            return
        self._has_answered = True
        if screen.kind in _VERDICTS:
            self._verdict = screen
        elif screen.kind == "prompt" and self._open and "card" in self._lines.events and not self._is_reading_card:
            self._is_reading_card = True
            self._start(self._read_card)

    def _finish(self, action: Action) -> None:
        said, self._verdict = self._verdict, None
        self._has_answered = False
        if said is not None:
            kind, reason = _VERDICTS[said.kind]
            outcome = Outcome(kind, reason, said.text, said.stan or "", said.batch or "", said.rrn or "")
        elif action.kind in _HOUSEKEEPING:
            outcome = Outcome("done")
        else:
            outcome = Outcome("failed", "no_verdict")
        self._device.finish(action, outcome)

    def _read_card(self) -> None:
        try:
            card: CardData | None = self._device.card.read(CARD_TIMEOUT_S)
        except DeviceError:
            card = None
        self._is_reading_card = False
        if not self._open:
            return
        if card is None:
            self._tell("no_card", {})
        else:
            self._tell("card", {"pan": card.pan, "expiry": card.expiry, "track2": card.track2, "code": card.code})

    # ------------------------------------------------------------ to the program

    def _listen(self) -> None:
        while True:
            event = self._device.next_event()
            if isinstance(event, ActionRequested):
                self._ask(event.action)
            elif event is not None:
                self._tell(*_other(event))

    def _ask(self, action: Action) -> None:
        if action.kind not in self._lines.events:
            self._device.finish(action, Unsupported())
            return
        if not self._open:
            self._verdict, self._has_answered = None, False
        self._open.append(action)
        amount = f"{action.amount_fen // 100}.{action.amount_fen % 100:02d}"
        words = {each.name: str(getattr(action, each.name)) for each in fields(Action)}
        self._tell(action.kind, {"amount": amount, **words})

    def _tell(self, event: str, words: Mapping[str, str]) -> None:
        template = self._lines.events.get(event)
        if template is not None:
            line = _BLANK.sub(lambda blank: words[blank.group(1)], template)
            self._send(line.encode(self._lines.encoding, "replace") + b"\n")


def _other(event: Event) -> tuple[str, Mapping[str, str]]:
    match event:
        case KeyPressed(key):
            return "key", {"key": key}
        case PaperChanged(loaded):
            return "paper_loaded" if loaded else "out_of_paper", {}
        case CableChanged(connected):
            return "cable_in" if connected else "cable_out", {}
    return "", {}

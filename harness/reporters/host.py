"""What happens at the acquirer's wire, as lines to follow and as a table that rewrites itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.units import clock_text
from harness.history.events import (
    BatchSettled,
    Event,
    FaultBit,
    FaultLifted,
    FaultStruck,
    LedgerChanged,
    MessageDropped,
    MessageSent,
    RequestUnanswered,
)
from harness.reporters.watching import one_line

if TYPE_CHECKING:
    from rich.console import RenderableType

_LAST_LINES = 12
_SHOWN = 20
"""Terminals in the table: those that were heard of last."""


def line_of(event: Event) -> str:
    """One event in words; empty for what nobody follows."""
    text = _text(event)
    return f"{clock_text(event.at_us)}  {text}" if text else ""


def _text(event: Event) -> str:
    if isinstance(event, MessageSent):
        return _message(event)
    if isinstance(event, MessageDropped):
        return f"{event.device:5} x   message {event.message} lost: {event.reason}"
    if isinstance(event, RequestUnanswered):
        return f"{event.device:5} x   message {event.message} is not answered: {event.reason.replace('_', ' ')}"
    if isinstance(event, LedgerChanged):
        return f"{event.device:5} =   {event.kind} {event.stan} is {event.state}"
    if isinstance(event, BatchSettled):
        ends = "is closed" if event.closed else "stays open"
        return f"{event.device:5} =   batch {event.batch} {ends}, {'' if event.balanced else 'not '}balanced"
    if isinstance(event, FaultStruck):
        return (
            f"{' '.join(event.devices):5} !   fault {event.fault} struck{f': {event.detail}' if event.detail else ''}"
        )
    if isinstance(event, FaultBit):
        return f"{event.device:5} !   fault {event.fault} bit: {event.evidence}"
    if isinstance(event, FaultLifted):
        return f"{' '.join(event.devices):5} !   fault {event.fault} is over"
    return ""


def _message(event: MessageSent) -> str:
    arrow = "->" if event.direction == "up" else "<-"
    if event.error:
        return f"{event.device:5} {arrow}  {event.size_bytes} bytes that are no message: {event.error}"
    parts = [event.mti, event.processing_code, event.function and f"({event.function})"]
    parts += [event.stan and f"stan {event.stan}", event.batch and f"batch {event.batch}"]
    parts += ["" if event.amount_fen is None else f"{event.amount_fen / 100:,.2f}"]
    parts += [event.response_code and f"answer {event.response_code}", event.altered and f"made wrong: {event.altered}"]
    return f"{event.device:5} {arrow}  message {event.message}: " + " ".join(part for part in parts if part)


@dataclass(slots=True)
class View:
    """What the table shows, counted as events come."""

    messages: int = 0
    lost: int = 0
    unreadable: int = 0
    by_device: dict[str, str] = field(default_factory=dict)
    """What each terminal said or was told last."""
    ledger: dict[str, int] = field(default_factory=dict)
    faults: dict[str, None] = field(default_factory=dict)
    """What is wrong at present."""
    last: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))

    def saw(self, event: Event) -> None:
        """One more event."""
        if isinstance(event, MessageSent):
            self.messages += 1
            self.unreadable += bool(event.error)
            self.by_device.pop(event.device, None)  # the last one is the latest
            self.by_device[event.device] = _message(event)[len(event.device) :].strip()
        elif isinstance(event, MessageDropped):
            self.lost += 1
        elif isinstance(event, LedgerChanged):
            if event.previous_state:
                self.ledger[event.previous_state] = self.ledger.get(event.previous_state, 0) - 1
            self.ledger[event.state] = self.ledger.get(event.state, 0) + 1
        elif isinstance(event, FaultStruck):
            self.faults[event.fault] = None
        elif isinstance(event, FaultLifted):
            self.faults.pop(event.fault, None)
        told = line_of(event)
        if told:
            self.last.append(told)

    def cut_off(self, peer: str, why: str) -> None:
        """A caller whose line was cut by the host."""
        self.last.append(f"{peer} was cut off: {why}")

    def table(self, head: str, callers: Mapping[str, int], peers: Mapping[str, str]) -> RenderableType:
        """All of it, for ``rich``. Texts from the wire are shown as they are and never as markup."""
        from rich.console import Group

        counts = [f"{name} {count:,}" for name, count in callers.items()]
        counts += [f"messages {self.messages:,}", f"lost {self.lost:,}", f"unreadable {self.unreadable:,}"]
        books = "  ".join(f"{state.lower()} {count:,}" for state, count in sorted(self.ledger.items()) if count)
        calling = "  ".join(f"{tid} from {peer}" for tid, peer in sorted(list(peers.items())[-_SHOWN:]))
        latest = sorted(list(self.by_device)[-_SHOWN:])
        width = max((len(each) for each in latest), default=0)
        return Group(
            one_line(head, "bold"),
            one_line("  ".join(counts)),
            one_line(f"ledger: {books or 'empty'}"),
            one_line(f"wrong at present: {', '.join(self.faults) or 'nothing'}", "red" if self.faults else ""),
            one_line(f"callers: {calling or 'none yet'}"),
            *(one_line(f"{each:<{width}}  {self.by_device[each]}") for each in latest),
            *(one_line(each, "dim") for each in self.last),
        )


def greeting(address: str, port: int, dialect: str, known: Sequence[tuple[str, str, str]]) -> str:
    """What somebody needs who points a terminal here: address, numbers, test keys."""
    shown = f"[{address}]" if ":" in address else address
    lines = [f"acquirer ({dialect}) listens at {shown}:{port}; Ctrl-C ends it"]
    lines += [f"  terminal {tid}  merchant {mid}  master key {key} (a test key)" for tid, mid, key in known]
    return "\n".join(lines) + "\n"

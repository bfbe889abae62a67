"""Reading a history for people: what belongs to a device, an action or a message, and the story of a finding.

Models: a story is the guilty events, everything that shares their action, card presentation, ledger entry, trace number or
message on the same device, and the faults, power cuts and restarts around them. A history is read in passes and never
held whole, so that a story can be told of millions of events.
Does not model: which events are guilty; the finding says.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from harness.core.units import US_PER_MINUTE
from harness.history.codec import decode_line, read_history
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    BatchSettled,
    Booted,
    Event,
    FaultBit,
    FaultLifted,
    FaultStruck,
    LedgerChanged,
    MessageSent,
    OperatorDid,
    PhaseStarted,
    PowerLost,
    Presented,
    SoftwareDied,
    SoftwareReady,
    StorageAfterPowerLoss,
)

Numbered: TypeAlias = tuple[int, AnyEvent]

AROUND_US = 10 * US_PER_MINUTE
"""How far before and after the guilty events a fault still belongs to the story."""
STORY_EVENTS_MAX = 200

_FAULTS = (FaultStruck, FaultBit, FaultLifted)
_SURROUNDINGS = (PowerLost, StorageAfterPowerLoss, Booted, SoftwareReady, SoftwareDied, OperatorDid)


class Guilt(Protocol):
    """What a story needs of a finding."""

    @property
    def device(self) -> str: ...
    @property
    def events(self) -> tuple[int, ...]: ...
    @property
    def evident_us(self) -> int: ...


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """A history file that can be read as often as needed."""

    path: Path

    def __iter__(self) -> Iterator[Numbered]:
        return read_history(self.path)


def times_of(path: Path, numbers: Collection[int]) -> dict[int, int]:
    """By number, when these events of a history file happened; of a long history only they are decoded."""
    last = max(numbers, default=-1)
    with path.open("rb") as lines:
        wanted = ((number, line) for number, line in zip(range(last + 1), lines, strict=False) if number in numbers)
        return {number: decode_line(line).at_us for number, line in wanted}


def of_device(history: Iterable[Numbered], device: str) -> Iterator[Numbered]:
    """Events of one device, and faults that struck it."""
    for number, event in history:
        if getattr(event, "device", None) == device or device in getattr(event, "devices", ()):
            yield number, event


def of_kind(history: Iterable[Numbered], *kinds: type[Event]) -> Iterator[Numbered]:
    """Events of these types."""
    for number, event in history:
        if isinstance(event, kinds):
            yield number, event


@dataclass(slots=True)
class Index:
    """Where things are in a history that is held in memory: event numbers by device, action and message."""

    events: dict[int, AnyEvent] = field(default_factory=dict)
    by_device: dict[str, list[int]] = field(default_factory=dict)
    by_action: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    by_message: dict[int, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, history: Iterable[Numbered]) -> "Index":
        """The index of a whole history, or of the part that is given."""
        index = cls()
        for number, event in history:
            index.events[number] = event
            device = getattr(event, "device", None)
            if device is not None:
                index.by_device.setdefault(device, []).append(number)
                action = getattr(event, "action", None)
                if action is not None:
                    index.by_action.setdefault((device, action), []).append(number)
            message = getattr(event, "message", None)
            if message is not None:
                index.by_message.setdefault(message, []).append(number)
        return index


@dataclass(slots=True)
class _Threads:
    """What ties events to a finding. STANs are kept with their batch; either may be missing in an event."""

    device: str
    actions: set[int] = field(default_factory=set)
    intents: set[int] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    entries: set[int] = field(default_factory=set)
    messages: set[int] = field(default_factory=set)
    stans: set[tuple[str, str]] = field(default_factory=set)
    first_us: int = -1
    last_us: int = -1

    def take(self, event: AnyEvent) -> None:
        """Learn from an event of the story."""
        for name, known in (
            ("action", self.actions), ("intent", self.intents), ("entry", self.entries), ("message", self.messages),
        ):  # fmt: skip
            value = getattr(event, name, None)
            if value is not None:
                known.add(value)
        if token := getattr(event, "token", ""):
            self.tokens.add(token)
        if key := _stan_key(event):
            self.stans.add(key)
        original = getattr(event, "original_entry", None)
        if original is not None:
            self.entries.add(original)

    def ties(self, event: AnyEvent) -> bool:
        """Whether an event of the device belongs to the story."""
        if getattr(event, "message", None) in self.messages or getattr(event, "entry", None) in self.entries:
            return True
        if getattr(event, "action", None) in self.actions or getattr(event, "intent", None) in self.intents:
            return True
        if getattr(event, "token", "") in self.tokens:
            return True
        key = _stan_key(event)
        if key is not None and key in self.stans:
            return True
        return isinstance(event, BatchSettled) and any(
            each in self.entries for each in (*event.settled, *event.host_only)
        )


def _stan_key(event: AnyEvent) -> tuple[str, str] | None:
    stan = getattr(event, "stan", None)
    batch = getattr(event, "batch", None)
    return (batch.lstrip("0"), stan.lstrip("0")) if stan and batch else None


def story(history: Iterable[Numbered], finding: Guilt, limit: int = STORY_EVENTS_MAX) -> list[Numbered]:
    """The events that tell ``finding``, in order. ``history`` is read several times: a list or a ``HistoryFile``.

    With more than ``limit`` events the guilty ones stay, then the nearest to them.
    """
    threads = _follow(history, finding)
    guilty = frozenset(finding.events)
    chosen: list[Numbered] = []
    for number, event in history:
        if number in guilty or _belongs(threads, event):
            chosen.append((number, event))
    if len(chosen) <= limit:
        return chosen
    return _nearest(chosen, guilty, limit)


def _follow(history: Iterable[Numbered], finding: Guilt) -> _Threads:
    """Two passes: the guilty events' own threads, then those of what they touch (a token's action, an action's messages)."""
    threads = _Threads(finding.device)
    guilty = frozenset(finding.events)
    for number, event in history:
        if number in guilty:
            threads.take(event)
            if threads.first_us < 0:
                threads.first_us = event.at_us
            threads.last_us = event.at_us
    # What was shown in the morning may be lost in the evening: the story lasts until the loss is evident.
    threads.last_us = max(threads.last_us, finding.evident_us)
    # Threads found on the way are followed at once: what they lead to comes later in the history.
    for _, event in of_kind(history, Presented, ActionStarted, ActionEnded, LedgerChanged, MessageSent):
        if getattr(event, "device", None) == finding.device and threads.ties(event):
            threads.take(event)
    return threads


def _belongs(threads: _Threads, event: AnyEvent) -> bool:
    near = threads.first_us - AROUND_US <= event.at_us <= threads.last_us + AROUND_US
    if isinstance(event, _FAULTS):
        devices = (event.device,) if isinstance(event, FaultBit) else event.devices
        return near and threads.device in devices
    if isinstance(event, PhaseStarted):
        return threads.first_us <= event.at_us <= threads.last_us
    if getattr(event, "device", None) != threads.device:
        return False
    return (near and isinstance(event, _SURROUNDINGS)) or threads.ties(event)


def _nearest(chosen: list[Numbered], guilty: frozenset[int], limit: int) -> list[Numbered]:
    """The guilty events, and of the others those nearest to one of them."""
    anchors = sorted(guilty) or [chosen[0][0]]

    def distance(numbered: Numbered) -> tuple[bool, bool, int, int]:
        number, event = numbered
        cause = isinstance(event, PowerLost | StorageAfterPowerLoss | FaultStruck | SoftwareDied)
        return number not in guilty, not cause, min(abs(number - each) for each in anchors), number

    return sorted(sorted(chosen, key=distance)[:limit])

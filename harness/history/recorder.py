"""The recorder: gives each event its number, streams it to disk as JSON lines, and shows it to whoever watches its type.

Nothing is kept in memory but what watchers keep, so a run's memory does not grow with its length.
"""

import hashlib
from collections.abc import Callable
from typing import Any, BinaryIO, TypeAlias, TypeVar

import msgspec

from harness.history.events import Event

E = TypeVar("E", bound=Event)
# Watchers of one event type take that type; the table of watchers cannot say so, hence Any.
Watcher: TypeAlias = Callable[[int, Any], None]

_FLUSH_BYTES = 1 << 16


class Recorder:
    """One total order of events. ``sink`` is a binary file, or None to keep only the digest."""

    def __init__(self, sink: BinaryIO | None = None) -> None:
        self.count = 0
        self._sink = sink
        self._buffer = bytearray()
        self._digest = hashlib.sha256()
        self._watchers: dict[type[Event], list[Watcher]] = {}
        self._encoder = msgspec.json.Encoder()
        self.tap: Callable[[int, Event], None] | None = None
        """Called for every event, after whoever watches its type; for who waits for an instant of a replay."""

    def watch(self, kind: type[E], watcher: Callable[[int, E], None], *, first: bool = False) -> None:
        """Call ``watcher(number, event)`` for every later event of exactly this type, in order of registration.

        A watcher may emit events of its own (a fault that strikes at a message): those behind it then hear of these before they
        hear of that one. Whoever must hear all in the order of the history asks to be ``first``, and emits nothing.
        """
        watchers = self._watchers.setdefault(kind, [])
        watchers.insert(0 if first else len(watchers), watcher)

    def unwatch(self, kind: type[E], watcher: Callable[[int, E], None]) -> None:
        """Stop calling ``watcher``; safe while events are being shown."""
        self._watchers[kind] = [each for each in self._watchers[kind] if each != watcher]

    def emit(self, event: Event) -> int:
        """Record ``event`` and return its number."""
        number = self.count
        self.count = number + 1
        buffer = self._buffer
        self._encoder.encode_into(event, buffer, len(buffer))
        buffer += b"\n"
        if len(buffer) > _FLUSH_BYTES:
            self._drain()
        for watcher in self._watchers.get(type(event), ()):
            watcher(number, event)
        if self.tap is not None:
            self.tap(number, event)
        return number

    def _drain(self) -> None:
        self._digest.update(self._buffer)
        if self._sink is not None:
            self._sink.write(self._buffer)
        self._buffer.clear()

    def flush(self) -> None:
        """Give the sink all that was recorded, for who reads the file while it grows or may be killed."""
        if self._buffer:
            self._drain()
        if self._sink is not None:
            self._sink.flush()

    def close(self) -> str:
        """Write what is left and return the SHA-256 of the whole history, the determinism check."""
        self._drain()
        if self._sink is not None:
            self._sink.flush()
        return self._digest.hexdigest()

"""A history kept in memory: for worlds that live a few virtual minutes and are judged at once."""

from __future__ import annotations

from collections.abc import Callable

from harness.history.events import Event
from harness.history.recorder import Recorder


class Tape(Recorder):
    """Events as they are, in order; no bytes are made of them. ``after`` is called once each is known to all watchers."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.after: Callable[[], None] | None = None

    def emit(self, event: Event) -> int:
        """Keep ``event`` and return its number on this tape."""
        number = self.count
        self.count = number + 1
        self.events.append(event)
        for watcher in self._watchers.get(type(event), ()):
            watcher(number, event)
        if self.tap is not None:
            self.tap(number, event)
        if self.after is not None:
            self.after()
        return number

"""What an event means on its terminal: which action ended, which request stays without an answer, whether a boot failed.

Models: the few things that a term needs and one event does not say. State is kept per terminal and dropped as batches close.
Does not model: the ledger: what is proven at rest is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.history import events as e

_REQUESTS = frozenset({"0100", "0200"})
_MESSAGES_KEPT = 64
"""Messages under way whose type is remembered; a terminal has one or two."""


class Facts:
    """One terminal. ``take`` each event of it, then read what it meant."""

    __slots__ = (
        "_booting", "_mtis", "_outstanding", "_running", "_traces", "died_booting", "ended_kind", "least_bytes", "mti", "took_us",
        "trace_reused", "unanswered",
    )  # fmt: skip

    def __init__(self) -> None:
        self.ended_kind = ""
        self.took_us = 0
        self.mti = ""
        """Of the message that the event is about."""
        self.unanswered: str | None = None
        """The type of a request that has just turned out to have had no answer."""
        self.died_booting = False
        self.trace_reused = False
        self.least_bytes = 0
        self._booting = False
        self._outstanding: tuple[str, str] | None = None
        """The last request: its type and trace number."""
        self._running: dict[int, tuple[str, int]] = {}
        self._mtis: dict[int, tuple[str, str, str]] = {}
        """By message: its type, direction and trace number."""
        self._traces: dict[tuple[str, str], str] = {}
        """Of open batches: batch and trace number to the token of the card."""

    def take(self, event: e.Event) -> None:
        """Note what one event of this terminal means."""
        self.unanswered = None
        self.trace_reused = False
        take = _TAKERS.get(type(event))
        if take is not None:
            take(self, event)

    # ------------------------------------------------------------ actions

    def _started(self, event: e.ActionStarted) -> None:
        self._running[event.action] = (event.kind, event.at_us)

    def _ended(self, event: e.ActionEnded) -> None:
        self.ended_kind, started_us = self._running.pop(event.action, ("", event.at_us))
        self.took_us = event.at_us - started_us
        if event.outcome == "interrupted":
            self._outstanding = None  # nobody is left to wait for it
        self._give_up_waiting()

    # ------------------------------------------------------------ messages

    def _sent(self, event: e.MessageSent) -> None:
        self.mti = event.mti
        self._mtis[event.message] = (event.mti, event.direction, event.stan)
        if len(self._mtis) > _MESSAGES_KEPT:
            del self._mtis[next(iter(self._mtis))]
        if event.direction != "up":
            return
        self._give_up_waiting()
        self._outstanding = (event.mti, event.stan)
        if event.mti in _REQUESTS and event.token and event.stan:
            before = self._traces.setdefault((event.batch, event.stan), event.token)
            self.trace_reused = before != event.token

    def _delivered(self, event: e.MessageDelivered) -> None:
        self.mti, direction, stan = self._mtis.pop(event.message, ("", "", ""))
        if direction == "down" and self._outstanding is not None and stan == self._outstanding[1]:
            self._outstanding = None

    def _dropped(self, event: e.MessageDropped) -> None:
        self.mti = self._mtis.pop(event.message, ("", "", ""))[0]

    def _give_up_waiting(self) -> None:
        if self._outstanding is not None:
            self.unanswered = self._outstanding[0]
            self._outstanding = None

    # ------------------------------------------------------------ the software

    def _booted(self, event: e.Booted) -> None:
        self._booting = True
        self.least_bytes = 0
        self._outstanding = None
        self._running.clear()

    def _ready(self, event: e.SoftwareReady) -> None:
        self._booting = False

    def _died(self, event: e.SoftwareDied) -> None:
        self.died_booting = self._booting
        self._booting = False

    def _sampled(self, event: e.MemorySampled) -> None:
        self.least_bytes = min(self.least_bytes or event.software_bytes, event.software_bytes)

    def _settled(self, event: e.BatchSettled) -> None:
        if event.closed:
            for key in [each for each in self._traces if each[0] == event.batch]:
                del self._traces[key]


_TAKERS: dict[type[e.Event], Callable[[Facts, Any], None]] = {
    e.ActionStarted: Facts._started,
    e.ActionEnded: Facts._ended,
    e.MessageSent: Facts._sent,
    e.MessageDelivered: Facts._delivered,
    e.MessageDropped: Facts._dropped,
    e.Booted: Facts._booted,
    e.SoftwareReady: Facts._ready,
    e.SoftwareDied: Facts._died,
    e.MemorySampled: Facts._sampled,
    e.BatchSettled: Facts._settled,
}

HEARD = tuple(_TAKERS)
"""Event types that mean something."""

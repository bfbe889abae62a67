"""Waiting for the first of several events, or a deadline, without leaving a timer behind for each wait.

SimPy's timeouts cannot be cancelled: a patience of 75 s on each of a million sales would keep a million dead timers in the
queue. An ``Alarm`` keeps one timer per till and re-arms it only when it fires too early.
"""

from __future__ import annotations

from collections.abc import Callable

import simpy
from simpy.events import Event

from harness.core.environment import Call, Signal

TOO_LATE = -1
"""What a wait gives when the deadline came first."""


class Alarm:
    """One till's timer. One wait at a time: a person waits for one thing."""

    __slots__ = ("_deadline_us", "_env", "_first", "_listening", "_timer", "_timer_at_us")

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self._deadline_us = 0
        self._first: Event | None = None
        self._listening: list[tuple[Event, Callable[[Event], None]]] = []
        self._timer: Event | None = None
        self._timer_at_us = 0

    def first_of(self, events: tuple[Event, ...], deadline_us: int) -> Event:
        """An event whose value is the place in ``events`` of the first that happened, or TOO_LATE."""
        first = Signal(self._env)
        self._first = first
        for place, event in enumerate(events):
            if event.processed:
                self._answer(first, place)
                return first
        for place, event in enumerate(events):
            self._listen(first, event, place)
        self._deadline_us = deadline_us
        if self._timer is None or self._timer_at_us > deadline_us:
            self._arm(deadline_us)
        return first

    def _listen(self, first: Event, event: Event, place: int) -> None:
        def happened(_: Event) -> None:
            if self._first is first:
                self._answer(first, place)

        event.callbacks.append(happened)
        self._listening.append((event, happened))

    def _answer(self, first: Event, value: int) -> None:
        self._first = None
        # Stop listening: an event that is still to come may be waited for again, thousands of times.
        for event, callback in self._listening:
            callbacks = event.callbacks
            if callbacks is not None and callback in callbacks:
                callbacks.remove(callback)
        self._listening.clear()
        first.succeed(value)

    def _arm(self, at_us: int) -> None:
        self._timer = Call(self._env, max(0, at_us - int(self._env._now)), self._fired)
        self._timer_at_us = at_us

    def _fired(self, timer: Event) -> None:
        if timer is not self._timer:
            return  # a later deadline that an earlier one has overtaken
        self._timer = None
        first = self._first
        if first is None:
            return
        if self._deadline_us > int(self._env.now):
            self._arm(self._deadline_us)
        else:
            self._answer(first, TOO_LATE)

"""Virtual time: SimPy's environment with its inner loop written out, and calls at a later time as one small event.

Models: what ``simpy.Environment`` does, in the same order; a run steps through some twenty events for each operator action, so
that a call less for each event shows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from typing import Any

import simpy
from simpy.core import StopSimulation
from simpy.events import NORMAL, PENDING, URGENT, Event, EventPriority


class Call(Event):
    """``callback`` is called after ``delay_us``: a timeout whose one callback is known from the start."""

    def __init__(self, env: simpy.Environment, delay_us: int, callback: Callable[[Event], None]) -> None:
        if delay_us < 0:
            raise ValueError(f"negative delay {delay_us}")
        self.env = env
        self.callbacks = [callback]
        self._value = None
        self._ok = True
        heappush(env._queue, (env._now + delay_us, NORMAL, next(env._eid), self))


class Signal(Event):
    """An event that somebody brings about, as ``Environment.event`` makes it."""

    def succeed(self, value: Any = None) -> Signal:
        """It has happened, with ``value``."""
        if self._value is not PENDING:
            raise RuntimeError(f"{self} has happened already")
        self._ok = True
        self._value = value
        env = self.env
        heappush(env._queue, (env._now, NORMAL, next(env._eid), self))
        return self


class Environment(simpy.Environment):
    """``simpy.Environment``, faster."""

    def __init__(self, initial_time: int = 0) -> None:
        super().__init__(initial_time)
        # SimPy binds these early too, but only for its own class.
        for name in ("process", "timeout", "all_of", "any_of"):
            setattr(self, name, getattr(self, name))
        self.event = partial(Signal, self)  # type: ignore[method-assign]

    def run(self, until: Any = None) -> Any:
        """Let time pass until ``until``, a time or an event, or until nothing is left to happen."""
        if until is not None:
            if not isinstance(until, Event):
                if until <= self._now:
                    raise ValueError(f"until ({until}) must be greater than the current simulation time")
                end = Event(self)
                end._ok = True
                end._value = None
                self.schedule(end, URGENT, until - self._now)
                until = end
            elif until.processed:
                return until.value
            until.callbacks.append(StopSimulation.callback)
        try:
            self._step_through()
        except StopSimulation as stop:
            return stop.args[0]
        if until is not None:
            raise RuntimeError(f"no events are left, and what was waited for has not happened: {until}")
        return None

    def _step_through(self) -> None:
        queue = self._queue
        while queue:
            self._now, _, _, event = heappop(queue)
            callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # as SimPy marks what is over
            try:
                for callback in callbacks:
                    callback(event)
            except StopSimulation:
                # The other callbacks come first when time goes on.
                event.callbacks = callbacks[callbacks.index(callback) + 1 :]
                self.schedule(event, EventPriority(-1))
                raise
            if not event._ok and not hasattr(event, "_defused"):
                error = type(event._value)(*event._value.args)
                raise error from event._value

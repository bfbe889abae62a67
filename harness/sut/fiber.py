"""A fiber: one thread of control of terminal software, blocking in virtual time.

Models: a POSIX thread that runs alone on its device until it blocks. Built on a greenlet, so that any Python code can block
anywhere; the hub is the greenlet that runs the SimPy environment.
Does not model: preemption, CPU time, priorities.

Death means never resumed: a fiber whose process is dead is unwound by an exception for tidiness, and parked if it will not
end. A parked greenlet is kept for ever, because dropping the last reference to one resumes it with GreenletExit.

Time passes without a round through the hub where that makes no difference: a pause that ends before anything else is due,
in a fiber whose wake-up nobody else still has to hear of, is a jump of the clock.

A wait leaves little behind: one callback, removed when the wait times out, and at most one live timer a fiber. A timer that
comes too early for the present wait arms itself again, so 60-second reply timeouts that never fire do not pile up.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, Protocol

import greenlet
import simpy
from simpy.events import URGENT

from harness.core.environment import Call
from harness.sut import current, modules, watchdog

if TYPE_CHECKING:
    from harness.sut.process import Process


class Releasable(Protocol):
    """A lock that somebody else lets go."""

    def locked(self) -> bool: ...
    def release(self) -> None: ...


UNWIND_TRIES = 20
_NO_DEADLINE = -1


class Fiber:
    """``body`` runs from ``start`` until it returns, raises, or its process dies."""

    __slots__ = (
        "_awaited",
        "_body",
        "_callbacks",
        "_deadline_us",
        "_hub",
        "_is_last_to_hear",
        "_timed_out",
        "_timer",
        "_timer_at_us",
        "_timer_is_older",
        "_timer_method",
        "_wake_method",
        "env",
        "finished",
        "greenlet",
        "ident",
        "parked",
        "process",
        "sentinel",
    )

    def __init__(self, process: Process, ident: int, body: Callable[[], None]) -> None:
        self.process = process
        self.env = process.env
        self.ident = ident
        self.finished = False
        self.parked = False
        self.greenlet: greenlet.greenlet | None = None
        self.sentinel: Releasable | None = None
        """The lock that ``threading.Thread.join`` waits for; let go when the fiber ends."""
        self._body = body
        self._hub: greenlet.greenlet | None = None
        self._awaited: simpy.Event | None = None
        self._callbacks: list[Callable[[simpy.Event], None]] = []
        self._is_last_to_hear = True
        """Whether the event that woke it has no callbacks left that must run before time goes on."""
        self._deadline_us = _NO_DEADLINE
        self._timed_out = False
        self._timer: simpy.Event | None = None
        self._timer_at_us = 0
        self._timer_is_older = False
        self._wake_method = self._wake
        self._timer_method = self._on_timer

    # ------------------------------------------------------------ running

    def start(self, *, at_once: bool = False) -> None:
        """Run ``body`` at the present instant, as soon as the hub is free; ``at_once``: before all else that is due."""
        begin = self.env.event()
        assert begin.callbacks is not None
        begin.callbacks.append(self._begin)
        if at_once:
            begin._ok, begin._value = True, None
            self.env.schedule(begin, URGENT)
        else:
            begin.succeed()

    def _begin(self, _event: simpy.Event) -> None:
        if self.process.dead:
            self.finished = True
            return
        # Made in the hub, so that the hub is its parent: that is where it goes when it ends.
        self._hub = greenlet.getcurrent()
        self.greenlet = greenlet.greenlet(self._main)
        self._switch_in()

    def _main(self) -> None:
        try:
            self._body()
        finally:
            self.finished = True
            self.process.fiber_finished(self)
            if self.sentinel is not None and not self.process.dead and self.sentinel.locked():
                self.sentinel.release()

    def _switch_in(self) -> None:
        process = self.process
        process.fiber = self
        process.switches += 1
        current.process = process
        if watchdog.noting:
            watchdog.note_station(process.number)
        table = process.table
        if table is not None and table is not modules._active:
            modules.activate(table)
        assert self.greenlet is not None
        try:
            self.greenlet.switch()
        finally:
            current.process = None
            if watchdog.noting:
                watchdog.note_station(watchdog.HARNESS)

    # ------------------------------------------------------------ Cpu

    def spend(self, duration_us: int) -> None:
        """Add to what the software owes; paid before it next waits or looks at a clock."""
        self.process.owed_us += duration_us

    def sleep(self, duration_us: int) -> None:
        """Block for ``duration_us`` of virtual time, on top of what is owed."""
        process = self.process
        if process.dead:
            process.refuse()
        self.pause((duration_us if duration_us > 0 else 0) + process.take_owed())

    def wait(self, event: simpy.Event, timeout_us: int | None = None) -> bool:
        """Block until ``event`` has happened; False when ``timeout_us`` passed first. A failed event raises."""
        process = self.process
        if process.dead:
            process.refuse()
        disk = process.disk
        owed_us = process.owed_us + disk.accrued_us
        if owed_us:
            process.owed_us = disk.accrued_us = 0
            self.pause(owed_us)
        callbacks = event.callbacks
        if callbacks is not None:
            if timeout_us is not None and timeout_us <= 0:
                # What is due at this very instant may still happen; polling in a loop costs time, or it would never end.
                self.pause(process.poll_cost_us())
                if event.callbacks is not None:
                    return False
            else:
                callbacks.append(self._wake_method)
                self._callbacks = callbacks
                self._awaited = event
                if timeout_us is not None:
                    self._arm(timeout_us)
                self._block()
                if self._timed_out:
                    self._timed_out = False
                    return False
        if not event._ok:
            event.defused = True
            error: BaseException = event._value
            raise error
        return True

    def pause(self, duration_us: int) -> None:
        """Let exactly ``duration_us`` pass, debts left aside."""
        env = self.env
        if self._is_last_to_hear:
            end_us = env._now + duration_us
            queue = env._queue
            if queue and queue[0][0] > end_us:
                env._now = end_us
                process = self.process
                process.switches += 1
                if watchdog.noting:
                    watchdog.note_station(process.number)
                return
        self._awaited = timer = Call(env, duration_us, self._wake_method)
        self._callbacks = timer.callbacks
        self._block()

    def step_aside(self) -> None:
        """Let what was to begin at once go first. No time passes, no debt is paid, and nothing else happens meanwhile."""
        turn = self.env.event()
        turn._ok, turn._value = True, None
        assert turn.callbacks is not None
        turn.callbacks.append(self._wake_method)
        self._awaited, self._callbacks = turn, turn.callbacks
        self.env.schedule(turn, URGENT)
        self._block()

    def _block(self) -> None:
        assert self._hub is not None
        self._hub.switch()

    def _arm(self, timeout_us: int) -> None:
        deadline_us = int(self.env._now) + timeout_us
        self._deadline_us = deadline_us
        self._timer_is_older = self._timer is not None and self._timer_at_us <= deadline_us
        if not self._timer_is_older:
            self._set_timer(deadline_us)

    def _set_timer(self, at_us: int) -> None:
        self._timer = Call(self.env, at_us - int(self.env._now), self._timer_method)
        self._timer_at_us = at_us

    def _on_timer(self, timer: simpy.Event) -> None:
        if timer is not self._timer:
            return
        self._timer = None
        if self._deadline_us == _NO_DEADLINE or self.process.dead:
            return
        if self._timer_is_older or self.env._now < self._deadline_us:
            # Armed for an earlier wait: at a tie it must not come before what this wait's own timer would have come after.
            self._timer_is_older = False
            self._set_timer(self._deadline_us)
            return
        event = self._awaited
        assert event is not None and event.callbacks is not None
        event.callbacks.remove(self._wake_method)
        self._awaited = None
        self._deadline_us = _NO_DEADLINE
        self._timed_out = True
        self._is_last_to_hear = True
        self._switch_in()

    def _wake(self, event: simpy.Event) -> None:
        if event is not self._awaited:
            return
        self._awaited = None
        self._deadline_us = _NO_DEADLINE
        if self.process.dead:
            return
        if not event._ok:
            event.defused = True
        self._is_last_to_hear = self._callbacks[-1] is self._wake_method
        self._switch_in()

    # ------------------------------------------------------------ dying

    def unwind(self, error: BaseException) -> None:
        """Throw ``error`` through a fiber of a dead process. Called from the hub, after all ports have died."""
        self._detach()
        body = self.greenlet
        if body is None or self.parked or body.dead:
            self.finished = True
            return
        process = self.process
        process.fiber = self
        for _ in range(UNWIND_TRIES):
            current.process = process
            if process.table is not None:
                modules.activate(process.table)
            try:
                body.throw(error)
            except BaseException:
                pass  # whatever dying software raises says nothing: it is dead
            finally:
                current.process = None
            if body.dead or self.parked:
                break
        if not body.dead:
            self._keep_for_ever()
        self.finished = True

    def park(self) -> NoReturn:
        """Leave this fiber and never come back. Called by its own software, through a dead port."""
        self.parked = True
        assert self._hub is not None
        while True:
            self._hub.switch()

    def _detach(self) -> None:
        event, self._awaited = self._awaited, None
        self._timer = None
        self._deadline_us = _NO_DEADLINE
        if event is not None and event.callbacks is not None and self._wake_method in event.callbacks:
            event.callbacks.remove(self._wake_method)

    def _keep_for_ever(self) -> None:
        self.parked = True
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.greenlet))

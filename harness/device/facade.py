"""The device as one boot's software holds it: ``contract.Device``.

Models: a queue of what the world does, peripherals, and the rules of the contract: each action that was handed over is
ended exactly once, and what is handed back has the right types. Does not model: the software itself or how it waits.

A breach raises ContractViolation into the software and is told to the station, for the software may swallow it.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import simpy

from harness.contract import Action, ActionRequested, Event, Outcome
from harness.core.decisions import Decisions
from harness.device.card_reader import CardReader, CardReaderPort
from harness.device.checks import NAME_CHARACTERS_MAX, check_action, check_outcome, clean_text, timeout_us
from harness.device.display import DisplayPort
from harness.device.memory import Memory
from harness.device.nvram import Nvram, NvramPort
from harness.device.pin_pad import PinPad, PinPadPort
from harness.device.printer import Printer, PrinterPort
from harness.device.scope import Scope
from harness.device.session import Session
from harness.history.events import ProbeReached

PROBES_MAX = 1_000
QUEUE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class StationCallbacks:
    """What the station wants to know of the software; all are called while the software runs."""

    ready: Callable[[], None]
    """It asks for the next event with no action under way."""
    finished: Callable[[Action, Outcome], None]
    """It ended an action; the outcome's texts are safe to record."""
    reboot: Callable[[], None]
    """It asks for a restart. The station ends this boot."""
    violated: Callable[[str], None]
    """It broke the contract, in one line."""


@dataclass(frozen=True, slots=True)
class Peripherals:
    """The hardware that a facade gives access to."""

    card_reader: CardReader
    pin_pad: PinPad
    printer: Printer
    nvram: Nvram
    memory: Memory
    scope: Scope


class DeviceFacade:
    """``contract.Device`` for one boot. Dead for good after ``kill``; then every call raises ``dead_error``."""

    def __init__(
        self,
        session: Session,
        parts: Peripherals,
        callbacks: StationCallbacks,
        decisions: Decisions,
        *,
        tid: str,
        mid: str,
        host_address: tuple[str, int],
        volumes: Mapping[str, str],
    ) -> None:
        self._session = session
        self._parts = parts
        self._callbacks = callbacks
        session.violated = callbacks.violated
        self._queue: deque[Event] = deque()
        self._arrival: simpy.Event | None = None
        self._probes: set[str] = set()
        self.tid = tid
        self.mid = mid
        self.host_address = host_address
        self.volumes = MappingProxyType(dict(volumes))
        self.display = DisplayPort(session)
        self.printer = PrinterPort(session, parts.printer)
        self.card = CardReaderPort(session, parts.card_reader, parts.scope, decisions)
        self.pin_pad = PinPadPort(session, parts.pin_pad)
        self.nvram = NvramPort(session, parts.nvram)

    # ------------------------------------------------------------ the station's side

    @property
    def dead_error(self) -> type[BaseException]:
        """What calls of a dead boot raise; the runner sets it."""
        return self._session.dead_error

    @dead_error.setter
    def dead_error(self, error: type[BaseException]) -> None:
        self._session.dead_error = error

    @property
    def dead(self) -> bool:
        """Whether this boot is over."""
        return self._session.dead

    @property
    def waiting(self) -> bool:
        """Whether the software is blocked in ``next_event``."""
        return self._arrival is not None and not self._arrival.triggered

    @property
    def action(self) -> int | None:
        """The number of the action under way."""
        return self._session.action

    @property
    def open_actions(self) -> tuple[Action, ...]:
        """Actions handed over and not ended, oldest first."""
        return tuple(self._session.open_actions.values())

    def post(self, event: Event) -> bool:
        """Something happened: put it into the queue. False when nobody is there, or the queue is full of unread events."""
        if self._session.dead or len(self._queue) >= QUEUE_MAX:
            return False
        self._queue.append(event)
        if self._arrival is not None and not self._arrival.triggered:
            self._arrival.succeed()
        return True

    def kill(self) -> None:
        """This boot is over: from now on nothing that the software does has an effect."""
        session = self._session
        if session.dead:
            return
        session.dead = True
        self._queue.clear()
        self._arrival = None
        session.open_actions.clear()
        self._parts.scope.changed(None, session.last_action)

    # ------------------------------------------------------------ the software's side

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        """Wait for what the world does next; None after ``timeout_s`` seconds without anything."""
        session = self._session
        if session.dead:
            session.check()
        patience_us = timeout_us(timeout_s, "device.next_event")
        if not session.open_actions:
            self._callbacks.ready()
            if session.dead:
                session.check()
        if not self._queue:
            arrival = self._arrival = session.cpu.env.event()
            session.cpu.wait(arrival, patience_us)
            if session.dead:
                session.check()
            self._arrival = None
            if not self._queue:
                return None
        event = self._queue.popleft()
        if isinstance(event, ActionRequested):
            self._begin(event.action)
        return event

    def _begin(self, action: Action) -> None:
        session = self._session
        session.open_actions[action.number] = action
        session.last_action = action.number
        self._parts.scope.changed(action.number, action.number)
        self._parts.memory.action_started()

    def finish(self, action: Action, outcome: Outcome) -> None:
        """End an action. Each action is ended exactly once."""
        session = self._session
        session.check()
        number = session.accept(check_action, action).number
        known = session.open_actions.get(number)
        if known is None:
            # Numbers only grow, so one that is not open and not above the last was ended, in this boot or by the last's end.
            again = session.last_action is not None and number <= session.last_action
            session.breach(f"action {number} had ended already" if again else f"action {number} was never handed over")
        safe = session.accept(check_outcome, outcome)
        del session.open_actions[number]
        self._parts.scope.changed(session.action, session.last_action)
        self._callbacks.finished(known, safe)

    def probe(self, name: str) -> None:
        """Mark a rare path as reached, so that a test can require that it was."""
        session = self._session
        session.check()
        safe = clean_text(name, "device.probe", NAME_CHARACTERS_MAX)
        if safe not in self._probes and len(self._probes) < PROBES_MAX:
            self._probes.add(safe)
            session.emit(ProbeReached(session.now_us, session.device, safe))

    def reboot(self) -> None:
        """Restart the software as a clean shutdown would; does not return."""
        session = self._session
        session.check()
        self._callbacks.reboot()
        session.check()
        session.breach("the station did not end a boot that asked for its restart")

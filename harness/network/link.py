"""A link: one device's path to the acquirer, in virtual time.

Models: handshakes, latency and bandwidth of the medium (``kinds``), connections (``connection``), conditions
(``conditions``) and a device that loses power. Each message gives one MessageSent and then exactly one MessageDelivered
or MessageDropped. Does not model: other traffic of the shop on the same line (a congestion condition does).

Every draw has a causal key within the device's scope, and is made even for a message that a condition drops: so a
condition more or less never shifts what later messages draw.
"""

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import simpy

from harness.core.decisions import Decisions
from harness.core.environment import Call, Signal
from harness.history.events import MessageDelivered, MessageDropped, MessageSent, RequestUnanswered
from harness.history.recorder import Recorder
from harness.network.conditions import Conditions, Failure, Passage
from harness.network.connection import Connection
from harness.network.kinds import GIVEN_UP, LinkKind
from harness.network.lane import Flight, Keys, Lane
from harness.network.ports import Describe, HostEndpoint, MessageHeader, Scope, Split

# Linux sends a SYN at once and again after 1, 2, 4, 8, 16 and 32 s; it gives up 64 s after the last: 127 s (tcp(7)).
_SYN_INTERVALS_US = tuple(1_000_000 << attempt for attempt in range(7))
_HEADERS_BYTES = 40  # IPv4 and TCP without options


@dataclass(frozen=True, slots=True)
class Addresses:
    """The names and numbers at both ends; the defaults are reserved for documentation (RFC 2606, RFC 5737)."""

    host_name: str = "acquirer.example"
    host_ip: str = "192.0.2.10"
    host_port: int = 5500
    own_ip: str = "10.0.0.2"


class Link:
    """``endpoint`` is the acquirer; ``next_message`` numbers messages over all links of the run."""

    def __init__(
        self,
        env: simpy.Environment,
        device: str,
        kind: LinkKind,
        decisions: Decisions,
        recorder: Recorder,
        endpoint: HostEndpoint,
        split: Split,
        describe: Describe,
        scope: Scope,
        next_message: Callable[[], int],
        addresses: Addresses | None = None,
    ) -> None:
        addresses = addresses if addresses is not None else Addresses()
        self.host_name = addresses.host_name
        self.host_ip = addresses.host_ip
        self.host_port = addresses.host_port
        self.own_ip = addresses.own_ip
        self.env = env
        self.device = device
        self.kind = kind
        self.decisions = decisions
        self.endpoint = endpoint
        self.split = split
        self.conditions = Conditions(self)
        self.dead = False
        self.dead_error: type[BaseException] = ConnectionAbortedError
        """What calls of a device without power raise."""
        self.on_cable: Callable[[bool], None] | None = None
        self._recorder = recorder
        self._describe = describe
        self.read, self.unread, self.unread_why = 0, 0, ""
        """How many messages of the terminal the host could read, how many not, and what was wrong with the first of those."""
        self._scope = scope
        self._next_message = next_message
        self._connections: dict[int, Connection] = {}
        self._connection_count = 0
        self._generation = 0
        self._keys = Keys("")
        self._line_free_us = {"up": 0, "down": 0}
        self._bits_per_second = {"up": kind.up_bits_per_second, "down": kind.down_bits_per_second}

    @property
    def now_us(self) -> int:
        """Virtual time; SimPy types it as a number of any kind."""
        return int(self.env._now)

    def overhear(self, listener: Callable[[bytes], None]) -> None:
        """Call ``listener`` with every whole message from now on, just before the history is told of it."""
        describe = self._describe

        def told(frame: bytes) -> MessageHeader:
            listener(frame)
            return describe(frame)

        self._describe = told

    def call_after(self, delay_us: int, then: Callable[[simpy.Event], None]) -> None:
        """Call ``then`` later; there is nothing to cancel, so ``then`` looks whether it is still wanted."""
        Call(self.env, delay_us, then)

    # ------------------------------------------------------------ the device's side

    def connect(self, port: int = 0, *, by_name: bool = True) -> "ConnectAttempt":
        """A handshake: an event that succeeds with a Connection or fails with the OSError that Linux would give.

        ``port`` is another one of the host's, where nobody listens. Without ``by_name`` the caller has resolved the host's name.
        """
        if self.dead:
            raise self.dead_error(f"{self.device} has no power")
        return ConnectAttempt(self, self.current_keys(), port in (0, self.host_port), by_name)

    @property
    def names_fail(self) -> bool:
        """Whether the host's name cannot be resolved."""
        return any(condition.of_names for condition in self.conditions)

    def lookup_us(self) -> int | None:
        """How long a question to the name service and its answer take; None when either is lost."""
        return self._there_and_back_us("link.lookup", self.conditions.lookup)

    def round_trip_us(self) -> int | None:
        """How long something to the host that is no message and its answer take; None when either is lost."""
        return self._there_and_back_us("link.round_trip", self.conditions.round_trip)

    def _there_and_back_us(self, key_kind: str, lost: Callable[[], bool]) -> int | None:
        kind = self.kind
        delay_us = self.decisions.integer(self.current_keys().next(key_kind), kind.rtt_us_median, kind.handshake_us)
        if self.conditions.active:
            if lost():
                return None
            delay_us += sum([condition.handshake_us(self) for condition in self.conditions])
        return delay_us

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Connections that are open or still have messages under way, oldest first."""
        return tuple(self._connections.values())

    def in_flight(self, direction: str) -> tuple[int, ...]:
        """Numbers of the messages under way, by connection and in order of sending."""
        lanes = [each.up if direction == "up" else each.down for each in self.connections]
        return tuple(flight.message for lane in lanes for flight in lane.flights)

    def process_died(self) -> None:
        """The software is gone, the device is not: its kernel closes the sockets, and handshakes are forgotten."""
        self._generation += 1
        for connection in self.connections:
            connection.close()

    def power_lost(self, arrives: Callable[[int], bool] | None = None) -> None:
        """The device is without power: connections are dead, calls raise ``dead_error``.

        ``arrives`` says of each message under way to the host whether it still arrives, for whoever tries all
        possibilities; without it, what has left the device arrives.
        """
        self._generation += 1
        self.dead = True
        for connection in self.connections:
            connection.power_lost(arrives)

    def power_on(self) -> None:
        """The device has power again; its old connections stay dead."""
        self.dead = False

    def current_keys(self) -> Keys:
        """Keys of the device's present scope."""
        scope = self._scope()
        if scope is not self._keys.scope and scope != self._keys.scope:
            self._keys = Keys(scope)
        return self._keys

    # ------------------------------------------------------------ messages

    def transmit(self, connection: Connection, lane: Lane, frame: bytes) -> None:
        """Send one whole message along a lane; its fate is decided here, but for what strikes while it is under way."""
        kind, direction = self.kind, lane.direction
        now_us = int(self.env._now)
        message = self._next_message()
        size_bytes = len(frame)
        self._emit_sent(now_us, message, direction, frame)
        keys = connection.keys
        delay_us = self.decisions.integer(keys.next(lane.key_kind), kind.neutral_one_way_us, kind.one_way_us)
        if connection.state == "reset":
            self._emit_dropped(message, "reset")
            return
        if direction == "up" and connection.state == "dead":
            # Power went at the very instant of sending: what has not left the device is lost with it.
            self._emit_dropped(message, "power")
            return
        line_bytes = size_bytes + connection.overhead_bytes + _HEADERS_BYTES
        serialisation_us = -(-line_bytes * 8_000_000 // self._bits_per_second[direction])
        breaks_after_us = -1
        if self.conditions.active and (connection.state == "open" or direction == "up"):
            passage = Passage(self.device, direction, size_bytes, serialisation_us, kind, keys, self.decisions)
            self.conditions.message(passage)
            if passage.drop:
                lane.lost = True
                self._emit_dropped(message, passage.drop)
                return
            serialisation_us += passage.extra_us
            if passage.late_us and delay_us != GIVEN_UP:
                delay_us += passage.late_us
            if passage.breaks_off:
                breaks_after_us = serialisation_us // 2
            elif passage.gives_up:
                delay_us = GIVEN_UP
        if lane.lost and connection.state == "open":
            # What came before never arrived, and the path has forgotten the connection: it answers with a reset.
            self._emit_dropped(message, "reset")
            self.break_later(connection, kind.rtt_us_median)
            return
        departure_us = max(now_us, self._line_free_us[direction]) + serialisation_us
        self._line_free_us[direction] = departure_us
        if delay_us == GIVEN_UP and breaks_after_us < 0:
            breaks_after_us = kind.give_up_us
        if breaks_after_us >= 0:
            lane.flights.append(Flight(message, frame, departure_us))
            # Nothing behind it may arrive before the reset does.
            lane.last_arrival_us = max(lane.last_arrival_us, now_us + breaks_after_us + 1)
            self.break_later(connection, breaks_after_us)
            return
        # A delay as long as a retransmission timeout was spent in the sender: waiting to retransmit, or in the modem.
        waiting_us = delay_us - kind.neutral_one_way_us if delay_us >= kind.retransmission_us else 0
        lane.last_arrival_us = max(lane.last_arrival_us, departure_us + delay_us)
        flight = Flight(message, frame, departure_us + waiting_us)
        lane.flights.append(flight)
        arrived = connection.arrived_up if direction == "up" else connection.arrived_down
        Call(self.env, lane.last_arrival_us - now_us, partial(arrived, flight))

    def delivered(self, flight: Flight) -> None:
        """Record that a message arrived."""
        self._recorder.emit(MessageDelivered(self.now_us, self.device, flight.message))

    def unanswered(self, message: int, reason: str) -> None:
        """Record that the host sends nothing back to a request."""
        self._recorder.emit(RequestUnanswered(self.now_us, self.device, message, reason))

    def drop_all(self, flights: Iterable[Flight], reason: str) -> None:
        """Record that settled messages were lost."""
        for flight in flights:
            self._emit_dropped(flight.message, reason)

    def lose_in_flight(self, direction: str, reason: str) -> list[int]:
        """Lose everything under way in ``direction``; the numbers of the messages lost."""
        lost: list[int] = []
        for connection in self.connections:
            if direction == "down" and connection.state != "open":
                continue  # nobody waits for these: they are dropped when they arrive, whatever the path does
            flights = (connection.up if direction == "up" else connection.down).take()
            self.drop_all(flights, reason)
            lost.extend(flight.message for flight in flights)
            self.retire(connection)
        return lost

    def _emit_sent(self, now_us: int, message: int, direction: str, frame: bytes) -> None:
        header = self._describe(frame)
        if direction == "up":
            self.read += not header.error
            self.unread += bool(header.error)
            self.unread_why = self.unread_why or header.error
        self._recorder.emit(
            MessageSent(
                now_us,
                self.device,
                message,
                direction,
                header.mti,
                header.processing_code,
                header.stan,
                header.batch,
                header.amount_fen,
                header.token,
                header.response_code,
                header.original_stan,
                header.function,
                len(frame),
                header.error,
                header.altered,
                header.items,
                header.order,
            )
        )

    def _emit_dropped(self, message: int, reason: str) -> None:
        self._recorder.emit(MessageDropped(self.now_us, self.device, message, reason))

    # ------------------------------------------------------------ connections

    def opened(self, keys: Keys) -> Connection:
        """A handshake is complete."""
        connection = Connection(self, self._connection_count, keys)
        self._connection_count += 1
        self._connections[connection.number] = connection
        return connection

    def retire(self, connection: Connection) -> None:
        """Forget a connection that nobody uses and nothing travels on."""
        if connection.drained:
            self._connections.pop(connection.number, None)

    def break_later(self, connection: Connection, after_us: int) -> None:
        """Reset a connection after a while."""
        self.call_after(after_us, connection.broken)

    def announce_end(self, connection: Connection) -> None:
        """Carry the host's orderly close to the device, behind its replies."""
        arrival_us = max(connection.down.last_arrival_us, self.now_us + self.kind.neutral_one_way_us)
        self.call_after(arrival_us - self.now_us, connection.arrived_end)

    def cable_changed(self, connected: bool) -> bool:
        """Tell the device that its cable came or went; False when the medium does not know or nobody listens."""
        if not self.kind.senses_cable or self.on_cable is None or self.dead:
            return False
        self.on_cable(connected)
        return True

    @property
    def generation(self) -> int:
        """Changes when the software that started a handshake is gone."""
        return self._generation


class ConnectAttempt(Signal):
    """A handshake under way. ``abandon()`` when the caller has lost patience."""

    def __init__(self, link: Link, keys: Keys, right_port: bool = True, by_name: bool = True) -> None:
        super().__init__(link.env)
        # The software may have died or lost patience: a failure that nobody waits for is no error of the simulation.
        self.defused = True
        self._link = link
        self._keys = keys
        self._right_port = right_port
        self._by_name = by_name
        self._generation = link.generation
        self._syns = 0
        self._abandoned = False
        self._handshake_us = link.decisions.integer(
            keys.next("link.connect"), link.kind.rtt_us_median, link.kind.handshake_us
        )
        self._send_syn()

    def abandon(self) -> None:
        """Forget it; the event never happens."""
        self._abandoned = True

    @property
    def _over(self) -> bool:
        return self._abandoned or self.triggered or self._generation != self._link._generation

    def _send_syn(self, _event: simpy.Event | None = None) -> None:
        if self._over:
            return
        if self._syns == len(_SYN_INTERVALS_US):
            self.fail(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
            return
        interval_us = _SYN_INTERVALS_US[self._syns]
        self._syns += 1
        link = self._link
        verdict = link.conditions.connect(self._by_name) if link.conditions.active else None
        if verdict is None:
            extra_us = (
                sum([condition.handshake_us(link) for condition in link.conditions]) if link.conditions.active else 0
            )
            Call(link.env, self._handshake_us + extra_us, partial(self._answered, interval_us))
        elif isinstance(verdict, Failure):
            link.call_after(verdict.after_us, partial(self._failed, verdict.error))
        else:
            link.call_after(interval_us, self._send_syn)

    def _answered(self, retry_us: int, _event: simpy.Event) -> None:
        if self._over:
            return
        link = self._link
        if link.conditions.active and link.conditions.block("down"):
            verdict = link.conditions.connect(self._by_name)
            if verdict is not None:
                link.call_after(retry_us, self._send_syn)
                return
        if not (link.endpoint.listening and self._right_port):
            self.fail(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
            return
        self.succeed(link.opened(self._keys))

    def _failed(self, error: OSError, _event: simpy.Event) -> None:
        if not self._over:
            self.fail(error)

"""A link with a real recorder, real decisions and a small host that answers what it is told to."""

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest
import simpy

from harness.core.decisions import Decisions, Value
from harness.core.streams import Streams
from harness.history.codec import decode_line
from harness.history.events import Event, MessageDelivered, MessageDropped, MessageSent
from harness.history.recorder import Recorder
from harness.network import LINK_KINDS, Connection, Link


class Header(msgspec.Struct, frozen=True):
    mti: str = ""
    processing_code: str = ""
    stan: str = ""
    batch: str = ""
    amount_fen: int | None = None
    token: str = ""
    response_code: str = ""
    original_stan: str = ""
    function: str = ""
    error: str = ""
    altered: str = ""
    order: str = ""
    items: tuple[str, ...] = ()


def framed(text: str) -> bytes:
    """A message of the test's own protocol: two bytes of length, then text."""
    body = text.encode()
    return len(body).to_bytes(2, "big") + body


def split(stream: bytes) -> tuple[list[bytes], bytes]:
    frames = []
    while len(stream) >= 2:
        size = 2 + int.from_bytes(stream[:2], "big")
        if size > 5000:
            raise ValueError("framing is lost")
        if len(stream) < size:
            break
        frames.append(stream[:size])
        stream = stream[size:]
    return frames, stream


class Host:
    """Answers each message with ``answer``'s result after ``service_us``; remembers whole messages."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.listening = True
        self.received: list[bytes] = []
        self.connections: list[Connection] = []
        self.service_us = 0
        self.answer: Callable[[bytes], bytes | None] = lambda frame: frame

    def receive(self, connection: Connection, frame: bytes, message: int) -> None:
        self.received.append(frame)
        self.connections.append(connection)
        reply = self.answer(frame)
        if reply is None:
            return
        if self.service_us:
            self.env.timeout(self.service_us).callbacks.append(lambda _: connection.reply(reply))
        else:
            connection.reply(reply)


class Bench:
    """One device, its link and a host."""

    def __init__(self, kind: str = "ethernet", seed: int = 7, pinned: dict[str, Value] | None = None) -> None:
        self.env = simpy.Environment(0)
        self.sink = io.BytesIO()
        self.recorder = Recorder(self.sink)
        self.spill = io.StringIO()
        self.decisions = Decisions(Streams(seed), pinned=pinned, spill=self.spill)
        self.host = Host(self.env)
        self.scope = "T01/a1"
        self.link = Link(
            self.env, "T01", LINK_KINDS.get(kind), self.decisions, self.recorder, self.host, split,
            lambda frame: Header(mti=frame[2:6].decode("latin-1")), lambda: self.scope, itertools.count().__next__,
        )  # fmt: skip

    def connect(self) -> Connection:
        attempt = self.link.connect()
        return self.env.run(until=attempt)

    def run(self, duration_us: int) -> None:
        self.env.run(until=self.env.now + duration_us)

    def exchange(self, connection: Connection, text: str = "0200") -> bytes | None:
        """Send, wait for what comes back; None when the connection ends or nothing comes for a minute."""
        connection.send(framed(text))
        self.env.run(until=self.env.any_of([connection.readable, self.env.timeout(60_000_000)]))
        return connection.receive(4096)

    def history(self) -> bytes:
        self.env.run()
        self.recorder.close()
        return self.sink.getvalue()

    def events(self) -> list[Event]:
        return [decode_line(line) for line in self.history().splitlines()]

    def fates(self) -> "Fates":
        events = self.events()
        return Fates(
            [event.message for event in events if isinstance(event, MessageSent)],
            [event.message for event in events if isinstance(event, MessageDelivered)],
            [(event.message, event.reason) for event in events if isinstance(event, MessageDropped)],
        )


@dataclass
class Fates:
    sent: list[int]
    delivered: list[int]
    dropped: list[tuple[int, str]]

    @property
    def reasons(self) -> list[str]:
        return [reason for _, reason in self.dropped]


@pytest.fixture(scope="session")
def bench() -> type[Bench]:
    return Bench


@pytest.fixture(scope="session")
def frame_of() -> Callable[[str], bytes]:
    return framed

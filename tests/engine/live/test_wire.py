"""The acquirer on a real socket, spoken to by a client that is none of ours: pyiso8583 writes and reads every message."""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.engine.live.line import HELD_BYTES_MAX
from harness.engine.live.server import Server
from harness.engine.live.site import open_site
from harness.history.events import Event, FaultBit, LedgerChanged, MessageDropped
from harness.history.recorder import Recorder
from harness.iso8583 import international
from harness.scenario.load import load_text
from tests.engine.live.callers import PROMPT, Client


class Acquirer:
    """A server in a thread, and all that its history says."""

    def __init__(self, text: str = PROMPT, **bounds: float) -> None:
        recorder = Recorder()
        self.events: list[Event] = []
        recorder.tap = lambda _, event: self.events.append(event)
        self.site = open_site(
            load_text(text), recorder, seed=1, dialect="international", others=[], today=datetime.date(2026, 3, 2),
            at_us=14 * 3_600_000_000,
        )  # fmt: skip
        self.server = Server(self.site, "127.0.0.1", 0, **bounds)  # type: ignore[arg-type]
        self.cut: list[str] = []
        self.server.on_cut = lambda line: self.cut.append(line.why)

    def client(self) -> Client:
        return Client(self.server.port, self.site.known[0].key)

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=10)

    @property
    def booked(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, LedgerChanged)]


@contextmanager
def serving(text: str = PROMPT, **bounds: float) -> Iterator[Acquirer]:
    acquirer = Acquirer(text, **bounds)
    thread = threading.Thread(target=acquirer.server.run)
    thread.start()
    try:
        yield acquirer
    finally:
        acquirer.server.stop()
        thread.join(10)
        assert not thread.is_alive()


def test_a_day_in_short_log_on_sale_settlement() -> None:
    with serving() as acquirer:
        client = acquirer.client()
        client.log_on()
        sold = client.sale(1250)
        assert sold["t"] == "0210" and sold["39"] == "00" and len(sold["37"]) == 12
        totals = str(international.Totals63(1, 1250))
        settled = client.ask({"t": "0500", "3": "920000", "60": client.batch, "63": totals})
        assert (settled["t"], settled["39"]) == ("0510", "00")
        assert acquirer.booked == ["APPROVED", "SETTLED"]
        assert client.ask({"t": "0200", "3": "000000"})["39"] == "30"


def test_a_terminal_that_it_does_not_know_is_told_so() -> None:
    with serving() as acquirer:
        stranger = Client(acquirer.server.port, bytes(16), tid="99999999")
        assert stranger.ask({"t": "0800", "3": "920000", "60": "000001"})["39"] not in ("00", "30")


def test_a_reply_that_the_link_loses_never_comes_and_the_sale_is_booked() -> None:
    fault = "faults:\n  - {type: half_open, at: {message: {direction: up, mti: '0200', moment: sent}}}\n"
    with serving(PROMPT + fault) as acquirer:
        client = acquirer.client()
        client.log_on()
        client.socket.settimeout(1.0)
        with pytest.raises(TimeoutError):
            client.sale(1250)
        assert acquirer.booked == ["APPROVED"]
        assert [event.reason for event in acquirer.events if isinstance(event, MessageDropped)] == ["half_open"]


def test_a_host_that_falls_silent_bites() -> None:
    fault = "faults:\n  - {type: host_silent, at: {message: {direction: up, mti: '0200', moment: sent}}}\n"
    with serving(PROMPT + fault) as acquirer:
        client = acquirer.client()
        client.log_on()
        client.socket.settimeout(1.0)
        with pytest.raises(TimeoutError):
            client.sale(1250)
        client.socket.settimeout(10)
        assert client.sale(990)["39"] == "00"
    assert [event.kind for event in acquirer.events if isinstance(event, FaultBit)] == ["host_silent"]


def test_a_connection_that_the_link_resets_is_reset() -> None:
    fault = "faults:\n  - {type: link_reset, at: {message: {direction: up, mti: '0200', moment: sent}}}\n"
    with serving(PROMPT + fault) as acquirer:
        client = acquirer.client()
        client.log_on()
        client.sale(1250, ask=False)
        with pytest.raises(ConnectionResetError):
            client.socket.recv(1)
        assert acquirer.cut == ["the link reset it"]
        again = acquirer.client()
        again.stan = 10
        again.log_on()
        assert again.sale(1250)["39"] == "00"


def test_what_is_no_message_ends_the_line_or_is_answered_and_the_host_stays_up() -> None:
    with serving(idle_s=1.0) as acquirer:
        garbage = acquirer.raw()
        garbage.sendall(b"\xff" * 100_000)
        assert _hung_up(garbage)
        text = acquirer.raw()
        text.sendall(b"\x00\x10GET / HTTP/1.1\r\n")  # framed, and no message: nobody can be answered
        half = acquirer.raw()
        half.sendall(b"\x00\x40\x60")
        assert _hung_up(half)  # it said nothing for too long
        assert _hung_up(text)
        client = acquirer.client()
        client.log_on()
        assert client.sale(100)["39"] == "00"
    assert acquirer.cut


def test_more_callers_than_there_may_be_are_turned_away() -> None:
    with serving(callers_max=50) as acquirer:
        callers = [acquirer.raw() for _ in range(300)]
        turned_away = sum(_hung_up(each, 0.02) for each in callers)
        assert turned_away == acquirer.server.counts.turned_away == 250
        for each in callers:
            each.close()
        client = _served_once_there_is_room(acquirer)
        assert client.sale(100)["39"] == "00"


def test_a_caller_that_never_reads_is_cut_off_with_little_held_for_it() -> None:
    with serving() as acquirer:
        client = acquirer.client()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        frame = client.frame({"t": "0800", "3": "990000", "60": "000001"})
        until_s = time.monotonic() + 90
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(300):
                client.socket.sendall(frame * 100)
        while not acquirer.cut and time.monotonic() < until_s:
            time.sleep(0.01)
        assert acquirer.cut == ["it does not read its answers"]
    assert HELD_BYTES_MAX <= 1 << 20


def _served_once_there_is_room(acquirer: Acquirer) -> Client:
    """The host hears of the others' end a moment later."""
    until_s = time.monotonic() + 30
    while True:
        client = acquirer.client()
        try:
            client.log_on()
        except (OSError, EOFError):
            assert time.monotonic() < until_s, "nobody is served any more"
            time.sleep(0.05)
        else:
            return client


def _hung_up(end: socket.socket, wait_s: float = 10.0) -> bool:
    end.settimeout(wait_s)
    try:
        return end.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_a_host_that_nobody_calls_costs_no_time() -> None:
    with serving():
        time.sleep(0.2)
        began_s = time.process_time()
        time.sleep(1.0)
        assert time.process_time() - began_s < 0.3


def test_a_caller_that_dribbles_costs_no_more_for_each_piece() -> None:
    with serving() as acquirer:
        client = acquirer.client()
        client.log_on()
        frame = client.frame({"t": "0800", "3": "990000", "60": "000001"})
        for byte in frame[:-1]:
            client.socket.sendall(bytes([byte]))
            time.sleep(0.002)
        (connection,) = acquirer.site.built.world.stations[0].hardware.link.connections
        assert len(connection.readable.callbacks) == 1
        client.socket.sendall(frame[-1:])
        assert client.answer()["39"] == "00"


def test_a_caller_that_leaves_while_the_link_is_down_costs_no_time() -> None:
    fault = "faults:\n  - {type: partition, at: {message: {direction: up, mti: '0800', moment: sent}}}\n"
    with serving(PROMPT + fault) as acquirer:
        acquirer.client().send({"t": "0800", "3": "920000", "60": "000001"})
        time.sleep(0.2)
        leaving = acquirer.client()
        leaving.send({"t": "0800", "3": "920000", "60": "000001"})
        time.sleep(0.2)
        leaving.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        began_s = time.process_time()
        time.sleep(1.0)
        assert time.process_time() - began_s < 0.5


def test_the_command_prints_address_numbers_and_what_happens() -> None:
    words = [
        sys.executable,
        "-m",
        "harness.cli.main",
        "host",
        "--port",
        "0",
        "--dialect",
        "international",
        "--for",
        "20s",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        port = int(command.stdout.readline().split(";")[0].rpartition(":")[2])
        key = command.stdout.readline().split("master key ")[1].split()[0]
        client = Client(port, bytes.fromhex(key))
        client.log_on()
        assert client.sale(1250)["39"] == "00"
        command.terminate()
        told = command.stdout.read()
        assert command.wait(10) == 0
    assert "->  message 0: 0800 920000" in told and "answer 00" in told and "sale 000002 is APPROVED" in told
    assert "6222020000000000008" not in told


def test_the_command_as_json_and_with_a_terminal_of_ones_own() -> None:
    words = [sys.executable, "-m", "harness.cli.main", "host", "--json", "--port", "0", "--for", "1s"]
    told = subprocess.run(
        [*words, "--terminal-id", "ABCD1234"], stdout=subprocess.PIPE, text=True, timeout=60, check=True
    ).stdout
    events = [json.loads(line) for line in told.splitlines()]
    assert events[-1] == {"type": "Books", "terminals": []}
    assert events[0]["type"] == "Listening" and events[0]["address"] == "127.0.0.1"
    assert [each["tid"] for each in events[0]["terminals"]] == ["10000001", "ABCD1234"]
    refused = subprocess.run([*words, "--terminal-id", "x"], capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 4 and "expected 8 characters" in refused.stderr
    everywhere = subprocess.run([*words, "--bind", ""], capture_output=True, text=True, timeout=60, check=False)
    assert everywhere.returncode == 4 and "--bind is empty" in everywhere.stderr

"""Programs on the network: the same program on this machine's loopback against a small server, and under the supervisor against a
host that does the same at the far end of a real link. The protocol is lines: ``echo TEXT``, ``eof``, ``reset``, ``quiet``.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
import simpy

from harness.core.decisions import Decisions
from harness.core.environment import Environment
from harness.core.streams import Streams
from harness.device.rtc import Rtc
from harness.history.recorder import Recorder
from harness.network import LINK_KINDS, Connection, Link
from harness.storage.disk import Disk
from harness.storage.volume import Volume
from harness.sut.console import Console
from harness.sut.deaths import ProcessEnded
from harness.sut.process import Process
from harness.sut.supervisor.ending import ProgramEnded
from harness.sut.supervisor.program import ProgramRun
from harness.sut.supervisor.spawn import Command
from tests.sut.supervisor.program_bench import need

PROGRAMS = Path(__file__).parent / "programs"
START_US = 1_772_380_800_000_000


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


def lines(stream: bytes) -> tuple[list[bytes], bytes]:
    """Whole lines, and what is left."""
    parts = stream.split(b"\n")
    return [each + b"\n" for each in parts[:-1]], parts[-1]


class Host:
    """The acquirer of the link."""

    def __init__(self) -> None:
        self.listening = True
        self.received: list[bytes] = []

    def receive(self, connection: Connection, frame: bytes, message: int) -> None:
        self.received.append(frame)
        if frame.startswith(b"echo "):
            connection.reply(frame[5:-1])
        elif frame == b"eof\n":
            connection.host_close()
        elif frame == b"reset\n":
            connection.host_reset()


class Supervised:
    """One run of a program on a device of its own."""

    def __init__(
        self, path: str, arguments: Sequence[str] = (), *, kind: str = "ethernet", environ: dict[str, str] | None = None,
        seed: int = 1, start_us: int = START_US,
    ) -> None:  # fmt: skip
        self.env = Environment()
        self.recorder = Recorder()
        self.host = Host()
        self.link = Link(
            self.env, "T01", LINK_KINDS.get(kind), Decisions(Streams(seed)), self.recorder, self.host, lines,
            lambda frame: Header(mti=frame[:4].decode("latin-1")), lambda: "T01/a1", itertools.count().__next__,
        )  # fmt: skip
        self.disk = Disk([Volume("root", "/", 1 << 24)], now_us=lambda: int(self.env.now))
        self.said: list[str] = []
        self.refused: list[str] = []
        self.output = bytearray()
        self.jump_us = 0
        self.rtc = Rtc("T01", start_us)
        self.process = Process(
            self.env, name="T01", pid=301, disk=self.disk, network=self.link,
            wall_clock=lambda now_us: self.rtc.wall_us(now_us) + self.jump_us,
            shown_clock=lambda now_us: self.rtc.shown_us(now_us) + self.jump_us, entropy=random.Random(seed),
            console=Console(self.said.append), environ={},
        )  # fmt: skip
        code = [os.path.dirname(each) for each in (path, *arguments) if each.startswith("/")]
        command = Command(path, (path, *arguments), {"PATH": "/usr/bin", **(environ or {})}, code, file_bytes=1 << 20)
        self.run_ = ProgramRun(self.process, command, self.output.extend)
        self.run_.scheduler.on_refused = self.refused.append
        self.ended = ""

    def _body(self) -> None:
        try:
            self.run_.run()
        except ProgramEnded as end:
            self.ended = str(end)

    def start(self) -> Supervised:
        self.process.spawn(self._body)
        return self

    def finish(self, within_s: float = 1000.0) -> Supervised:
        """Run to the program's end; an error when it does not come."""
        patience: simpy.Event = self.env.timeout(round(within_s * 1e6))
        while not self.ended and not patience.processed:
            self.env.step()
        self.stop()
        return self

    def stop(self) -> None:
        if not self.ended:
            self.process.die(lambda: ProcessEnded("the test has run out of patience"), power=False)
            self.process.reap()

    @property
    def text(self) -> str:
        return self.output.decode()


def run(path: Path | str, *arguments: str, **options: object) -> Supervised:
    """Run a program to its end under the supervisor."""
    return Supervised(str(path), arguments, **options).start().finish()  # type: ignore[arg-type]


class Native:
    """The same program on this machine, begun at once: most of it sleeps. On a busy machine it may come too late for something,
    and is asked again; what is really different never agrees."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self._command = [str(path), *arguments]
        self._running = self._begin()

    def _begin(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)

    def agrees_with(self, supervised: str) -> None:
        for left in reversed(range(5)):
            truth, _ = self._running.communicate(timeout=60)
            if truth == supervised or not left:
                assert supervised == truth
                return
            self._running = self._begin()


class Server:
    """The same host on loopback."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(end,), daemon=True).start()

    def _serve(self, end: socket.socket) -> None:
        rest = b""
        with end:
            while True:
                try:
                    got = end.recv(4096)
                except OSError:
                    return
                frames, rest = lines(rest + got)
                if not got:
                    return
                for frame in frames:
                    if frame.startswith(b"echo "):
                        end.sendall(frame[5:-1])
                    elif frame == b"eof\n":
                        end.shutdown(socket.SHUT_WR)
                    elif frame == b"reset\n":
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return

    def close(self) -> None:
        self._listener.close()


def compiler(tmp_path: Path) -> Callable[..., Path]:
    """Compiles a C program of ``programs``."""

    def build(name: str, *options: str) -> Path:
        need("gcc")
        path = tmp_path / name
        source = str(PROGRAMS / f"{name}.c")
        subprocess.run(["gcc", "-O1", "-pthread", "-w", "-o", str(path), source, *options], check=True)
        return path

    return build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    return compiler(tmp_path_factory.mktemp("programs"))

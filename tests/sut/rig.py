"""A small world for terminal software written in a test: real device, disk and link, and an acquirer that echoes frames."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path

import simpy

from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.core.units import US_PER_SECOND
from harness.device.hardware import Hardware, Surroundings
from harness.device.spec import DeviceSpec
from harness.history.events import Event, SoftwareDied, SoftwareLogged
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.iso8583 import unionpay
from harness.network.connection import Connection
from harness.sut import interpreter, modules
from harness.sut.software import Software, load
from harness.sut.station import InitPolicy, Pending, Station
from harness.sut.world import World

HEADER = """
from harness.contract import *
from harness.contract import Approved, Done, Manifest, Screen, Terminal
"""
# 2026-03-02 00:00 in China.
START_US = 1_772_380_800_000_000


def split(stream: bytes) -> tuple[list[bytes], bytes]:
    """Frames of a two-byte length and that many bytes."""
    frames = []
    while len(stream) >= 2 and len(stream) >= 2 + int.from_bytes(stream[:2], "big"):
        size = 2 + int.from_bytes(stream[:2], "big")
        frames.append(stream[:size])
        stream = stream[size:]
    return frames, stream


class Echo:
    """An acquirer that sends every frame back, or nothing when ``silent``."""

    def __init__(self) -> None:
        self.listening = True
        self.silent = False
        self.frames: list[bytes] = []

    def receive(self, connection: Connection, frame: bytes, message: int) -> None:
        self.frames.append(frame)
        if not self.silent:
            connection.reply(frame)


class Rig:
    """``terminals`` stations, all running the software in ``source`` (class ``App``)."""

    def __init__(
        self,
        tmp_path: Path,
        source: str,
        *,
        terminals: int = 1,
        seed: int = 1,
        init: InitPolicy | None = None,
        memory_budget_bytes: int = 32 << 20,
        share_modules: bool = False,
    ) -> None:
        self.file = tmp_path / "app.py"
        self.file.write_text(HEADER + textwrap.dedent(source), encoding="utf-8")
        modules.forget_code()
        self.software: Software = load(f"{self.file}:App", share_modules=share_modules)
        self.env = simpy.Environment()
        self.events: list[Event] = []
        self.recorder = Recorder()
        emit = self.recorder.emit

        def keep(event: Event) -> int:
            self.events.append(event)
            return emit(event)

        self.recorder.emit = keep  # type: ignore[method-assign]
        decisions = Decisions(Streams(seed))
        self.host = Echo()
        acquirer = Acquirer("unionpay", self.recorder, seed.to_bytes(16, "big"))
        surroundings = Surroundings(
            self.env, decisions, self.recorder, self.host, split, acquirer.describe, count().__next__, START_US
        )
        self.world = World(
            env=self.env,
            decisions=decisions,
            recorder=self.recorder,
            stations=[],
            acquirer=acquirer,
            start=datetime.date(2026, 3, 2),
        )
        for place in range(terminals):
            spec = DeviceSpec(
                f"T{place + 1:02d}", f"{place + 1:08d}", f"{1:015d}", memory_budget_bytes=memory_budget_bytes
            )
            hardware = Hardware.build(spec, surroundings, bytes(range(16)))
            self.world.stations.append(Station(self.world, place, hardware, self.software, init or InitPolicy()))
        self.station = self.world.stations[0]

    def start(self, seconds: float = 1.0) -> Rig:
        """Power on everything and let some time pass."""
        for station in self.world.stations:
            station.power_on()
        return self.run(seconds)

    def run(self, seconds: float = 60.0) -> Rig:
        """Let virtual time pass."""
        with interpreter.installed():
            self.env.run(until=self.env.now + round(seconds * US_PER_SECOND))
        return self

    def at(self, seconds: float, call: Callable[[], object]) -> None:
        """Call from the hub, some time from now."""
        timer = self.env.timeout(round(seconds * US_PER_SECOND))
        timer.callbacks.append(lambda _: call())

    def act(
        self, kind: str = "sale", seconds: float = 120.0, station: Station | None = None, amount_fen: int = 100
    ) -> Pending:
        """Request an action and let time pass."""
        pending = (station or self.station).request(kind, amount_fen)  # type: ignore[arg-type]
        self.run(seconds)
        return pending

    # ------------------------------------------------------------ looking

    def printed(self, device: str = "T01") -> list[str]:
        """Lines the software printed."""
        return [each.text for each in self.events if isinstance(each, SoftwareLogged) and each.device == device]

    def deaths(self, device: str = "T01") -> list[SoftwareDied]:
        """Deaths of the software."""
        return [each for each in self.events if isinstance(each, SoftwareDied) and each.device == device]

    def of(self, kind: type[Event]) -> list[Event]:
        """Events of one type."""
        return [each for each in self.events if type(each) is kind]

    def files(self, station: Station | None = None) -> dict[str, bytes]:
        """What a reader would find on the disk."""
        from harness.sut.inspection import volatile_image

        return dict(volatile_image((station or self.station).hardware.disk))

    def digest(self) -> str:
        """The history's hash."""
        return self.recorder.close()


__all__ = ["START_US", "Echo", "Rig", "split", "unionpay"]

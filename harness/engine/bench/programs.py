"""Programs of their own: a day under the supervisor against the same program bare, cuts while it runs, states of a recorded run.

The day: 14 hours of 840 times sleep, append, fsync, exchange; on a device with its op log, its link and a history of all that
happens, against the program alone on tmpfs with a loopback exchange and without the sleeps. CPU time of the program, of whoever
answers it, and of the supervisor, all on one processor. What this machine lacks an interpreter for is left out, and said.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median

from harness.core.decisions import Decisions
from harness.core.environment import Environment
from harness.core.streams import Streams
from harness.device.hardware import Hardware, Surroundings
from harness.device.spec import DeviceSpec, VolumeSpec
from harness.engine.bench.figures import Figure
from harness.engine.crashpoints.tape import Tape
from harness.iso8583.frame import split_frames
from harness.network.connection import Connection
from harness.storage.calls import StorageCall
from harness.storage.disk import Disk
from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.powerloss import crash_points, cut_power
from harness.storage.profiles import registry
from harness.sut import deaths, interpreter
from harness.sut.console import Console
from harness.sut.durability import Durability
from harness.sut.process import Process
from harness.sut.supervisor.ending import ProgramEnded
from harness.sut.supervisor.program import ProgramRun
from harness.sut.supervisor.spawn import Command

RATIO_MAX, RATIO_AIM = 15.0, 8.0
POINT_MS_MAX, POINT_MS_AIM = 15.0, 4.5
LIGHT_MIN = 4_000.0
ROUNDS = 840
_SLEEP_S = 60
_FILE = "/data/journal"
_RECORD = 128
_CUT_ROUNDS = 50
_SOURCES = Path(__file__).parent
_IP, _PORT = "192.0.2.10", 5500
_PROFILE = "ext4-ordered"
_ENVIRON = {"PATH": "/usr/bin:/bin"}
_LIMIT = 4_000


@dataclass(frozen=True, slots=True)
class _Header:
    """What the history says of a message here: nothing of its inside."""

    mti: str = "0800"
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
    items: tuple[str, ...] = ()
    order: str = ""


class _Echo:
    """A host that gives back what it gets."""

    listening = True

    def receive(self, connection: Connection, frame: bytes, message: int) -> None:
        connection.reply(frame)


class Bench:
    """One device with a program on it."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.env = Environment()
        self.tape = Tape()
        self.lines: list[str] = []
        surroundings = Surroundings(
            self.env, Decisions(Streams(1), {}), self.tape, _Echo(), split_frames, lambda _: _Header(), count().__next__
        )
        spec = DeviceSpec("T01", "10000001", "123456789012345", volumes=(VolumeSpec("data", "/data", 1 << 22),))
        self.hardware = Hardware.build(spec, surroundings, bytes(16))
        self.hardware.power_on()
        self.disk = self.hardware.disk if disk is None else disk

    def run(self, command: Command) -> str:
        """Until the program ends, or the power does: how it ended."""
        ended: list[str] = []
        process = Process(
            self.env,
            name="T01",
            pid=300,
            disk=self.disk,
            network=self.hardware.link,
            wall_clock=self.hardware.rtc.wall_us,
            entropy=random.Random(1),
            console=Console(self.lines.append),
            environ=_ENVIRON,
        )
        self.hardware.link.dead_error = deaths.ProcessEnded
        program = ProgramRun(process, command, lambda data: None)
        self.process = process

        def body() -> None:
            try:
                program.run()
            except ProgramEnded as end:
                ended.append("" if end.status == 0 else str(end))
            except deaths.ProcessEnded:
                ended.append("cut")

        process.spawn(body)
        while not ended and self.env.peek() != float("inf"):
            self.env.step()
        return (ended or ["it waits for ever"])[0]


def measure(repetitions: int) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """All figures, and what could not be measured here."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with tempfile.TemporaryDirectory(prefix="harness-bench-", dir=_memory()) as name, interpreter.installed():
            return _measure(Path(name), repetitions)
    finally:
        os.sched_setaffinity(0, before)


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _measure(place: Path, repetitions: int) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    compiler = shutil.which("cc")
    if compiler is None:
        return (), ("Programs of their own were not measured: there is no C compiler (cc).",)
    day = str(place / "day")
    subprocess.run([compiler, "-O2", "-o", day, str(_SOURCES / "day.c")], check=True, capture_output=True)
    figures: list[Figure] = []
    notes: list[str] = []
    for name, words in (
        ("C", (day,)),
        ("CPython", (sys.executable, "-I", _source("day.py"))),
        ("node", ("node", _source("day.js"))),
    ):
        found = shutil.which(words[0])
        if found is None:
            notes.append(f"A day in {name} was not measured: there is no {words[0]}.")
            continue
        figures += _days(name, (found, *words[1:]), day, place, repetitions)
    command = _command((day, str(_CUT_ROUNDS), "0", _FILE), place)
    figures.append(_cuts(command, _command((day, "check", _FILE), place), repetitions))
    figures.append(_light(command, repetitions))
    return tuple(figures), tuple(notes)


def _source(name: str) -> str:
    return str(_SOURCES / name)


def _command(words: tuple[str, ...], place: Path) -> Command:
    return Command(
        words[0], words, _ENVIRON, (str(place), str(_SOURCES), sys.prefix, sys.base_prefix), file_bytes=1 << 30
    )


# ---------------------------------------------------------------- a day


def _days(name: str, words: tuple[str, ...], server: str, place: Path, repetitions: int) -> Iterator[Figure]:
    bare: list[float] = []
    ours: list[float] = []
    command = _command((*words, str(ROUNDS), str(_SLEEP_S), _FILE, _IP, str(_PORT)), place)
    for _ in range(repetitions):
        bare.append(_bare_s(words, server, place))
        begun_s = _spent_s()
        ended = Bench().run(command)
        if ended:
            raise AssertionError(f"a day in {name}: {ended}")
        ours.append(_spent_s() - begun_s)
    ratios = [mine / alone for mine, alone in zip(ours, bare, strict=True)]
    is_c = name == "C"
    yield Figure(
        f"a day in {name} against the program bare, by CPU time", median(ratios), "x", RATIO_MAX if is_c else None,
        aim=RATIO_AIM if is_c else None, spread=(min(ratios), max(ratios)),
    )  # fmt: skip
    yield Figure(f"a 14-hour day in {name}, {ROUNDS} exchanges", 1000 * median(ours), "ms")


def _bare_s(words: tuple[str, ...], server: str, place: Path) -> float:
    journal = place / "journal"
    journal.unlink(missing_ok=True)
    begun_s = _spent_s()
    with subprocess.Popen([server, "serve", str(ROUNDS)], stdout=subprocess.PIPE, text=True, env=_ENVIRON) as host:
        assert host.stdout is not None
        port = host.stdout.readline().strip()
        before_s = time.process_time()
        subprocess.run([*words, str(ROUNDS), "0", str(journal), "127.0.0.1", port], check=True, env=_ENVIRON)
        # What this process did meanwhile is waiting.
        waited_s = time.process_time() - before_s
    return _spent_s() - begun_s - waited_s


def _spent_s() -> float:
    """CPU time of this process and of all children that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


# ---------------------------------------------------------------- cuts while it runs


def _cuts(day: Command, check: Command, repetitions: int) -> Figure:
    """Power goes at the n-th operation; the program starts anew on what is left."""
    points: list[float] = []
    operations = 2 * _CUT_ROUNDS
    places = range(1, operations, max(1, operations // (10 * repetitions)))
    for place in places:
        begun_s = _spent_s()
        bench = Bench()
        bench.disk.before_operation = _cutting(bench, place)
        if bench.run(day) != "cut":
            raise AssertionError(f"operation {place} was not reached")
        durability = Durability({volume.name: registry.get(_PROFILE) for volume in bench.disk.volumes})
        loss = cut_power(durability.at_cut(bench.disk), place, in_flight=None)
        again = Bench(bench.disk.load(dict(loss.images)))
        ended = again.run(check)
        if ended:
            raise AssertionError(f"after a cut at operation {place}: {ended}")
        points.append(1000 * (_spent_s() - begun_s))
    return Figure(
        "power loss at the n-th operation, with restart", median(points), "ms", POINT_MS_MAX, aim=POINT_MS_AIM,
        spread=(min(points), max(points)),
    )  # fmt: skip


def _cutting(bench: Bench, place: int) -> Callable[[StorageCall], None]:
    def before(call: StorageCall) -> None:
        if call.ordinal == place:
            bench.process.die(lambda: deaths.PowerLost("no power"), power=True)
            raise deaths.PowerLost("no power")

    return before


# ---------------------------------------------------------------- states of a recorded run


def _light(day: Command, repetitions: int) -> Figure:
    bench = Bench()
    bench.run(day)
    volume = next(each for each in bench.disk.volumes if each.name == "data")
    program = Image(), tuple(volume.log)
    rates: list[float] = []
    for _ in range(repetitions):
        begun_s = time.process_time()
        checked = sum(_checked(*program))
        rates.append(checked / (time.process_time() - begun_s))
    return Figure(
        "crash states of a program's recorded run, light check, a second", median(rates), "", LIGHT_MIN, False,
        spread=(min(rates), max(rates)),
    )  # fmt: skip


def _checked(base: Image, log: tuple[Op, ...]) -> Iterator[int]:
    """One for each legal state; AssertionError when a record that was synced is not there."""
    profile = registry.get(_PROFILE)
    name = "/" + os.path.basename(_FILE)
    pending: list[Op] = []
    done = 0
    for point in crash_points(log):
        base, pending = profile.durable_prefix(base, [*pending, *log[done:point]])
        done = point
        synced = base.read(name) if base.exists(name) else b""
        for state in profile.legal_images(base, pending, _LIMIT, random.Random(1)):
            content = state.image.read(name) if state.image.exists(name) else b""
            if content[: len(synced)] != synced or (len(content) % _RECORD and content[-1:] == b"\n"):
                raise AssertionError("a synced record is gone")
            yield 1

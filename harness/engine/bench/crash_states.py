"""Crash states: how many a core boots, trades on, settles and judges in a second, and how many a light check gets through.

Full: the reference terminal after a cut into a sale and into a settlement: recovery, the customer in doubt, three sales, rest,
settlement, all invariants. Light: every legal image of a small log with checksums, listed, and read back by its own loader.
"""

from __future__ import annotations

import random
import time
from binascii import crc32
from collections.abc import Iterator, Sequence
from statistics import median

from harness.engine.bench.figures import Figure
from harness.engine.bench.workbench import load_reference
from harness.engine.crashpoints.child import media_of
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.scene import Setting
from harness.scenario.plan import Plan
from harness.storage.disk import Disk
from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.powerloss import crash_points
from harness.storage.profiles import registry
from harness.storage.volume import Volume
from harness.sut import interpreter

FULL_MIN, FULL_AIM = 250.0, 800.0
LIGHT_MIN = 10_000.0
SALE_SECONDS_MAX = 60.0
_FLOWS = ("sale", "settle")
_MEDIUM = "raw-slots"
_RECORDS = 24
_FRAME = 128
_LIMIT = 4_000


def measure(repetitions: int) -> tuple[Figure, ...]:
    """Full states, light states, and a sale's crash points over all profiles."""
    setting = Setting(Plan("bench"), load_reference(), 1)
    _explored(setting, "sale", (_MEDIUM,))  # warms up
    full: list[float] = []
    light: list[float] = []
    program = _record()
    for _ in range(repetitions):
        begun_s, judged = time.process_time(), 0
        for flow in _FLOWS:
            judged += _explored(setting, flow, (_MEDIUM,))
        full.append(judged / (time.process_time() - begun_s))
        begun_s = time.process_time()
        checked = sum(_check(program))
        light.append(checked / (time.process_time() - begun_s))
    begun_s = time.process_time()
    _explored(setting, "sale", ("all",))
    whole_s = time.process_time() - begun_s
    return (
        Figure(
            "full crash states a second on one core", median(full), "", FULL_MIN, False, FULL_AIM, (min(full), max(full))
        ),
        Figure("light crash states a second on one core", median(light), "", LIGHT_MIN, False, None, (min(light), max(light))),
        Figure("crash points of a sale, all profiles, one core", whole_s, "s", SALE_SECONDS_MAX),
    )  # fmt: skip


def _explored(setting: Setting, flow: str, profiles: tuple[str, ...]) -> int:
    with interpreter.installed():
        report = Exploration(
            setting, FLOWS.get(flow), media_of(setting.plan, profiles), Extent(), lambda: "", lambda *_: None
        ).explore()
    if report.found:
        raise AssertionError(f"the reference terminal fails at crash points: {report.found[0].example.summary}")
    return report.judged


# ---------------------------------------------------------------- the light check


def _record() -> tuple[Image, Sequence[Op]]:
    """A log of checksummed records, synced after every third: several are under way at a cut."""
    volume = Volume("data", "/", 1 << 20)
    disk = Disk([volume])
    with disk.fopen("/log", "wb") as log:
        for number in range(_RECORDS):
            log.write(_frame(number))
            log.flush()
            if number % 3 == 2:
                disk.fsync(log.fileno())
    return Image(), tuple(volume.log)


def _frame(number: int) -> bytes:
    body = number.to_bytes(4, "big").ljust(_FRAME - 4, b".")
    return crc32(body).to_bytes(4, "big") + body


def _check(program: tuple[Image, Sequence[Op]]) -> Iterator[int]:
    """One for each state; AssertionError when a synced record is not there."""
    base, log = program
    profile = registry.get("ext4-ordered")
    pending: list[Op] = []
    done = synced = 0
    for point in crash_points(log):
        base, pending = profile.durable_prefix(base, [*pending, *log[done:point]])
        synced = len(base.read("/log")) // _FRAME if base.exists("/log") else 0
        done = point
        for state in profile.legal_images(base, pending, _LIMIT, random.Random(1)):
            content = state.image.read("/log") if state.image.exists("/log") else b""
            if _readable(content) < synced:
                raise AssertionError("a synced record is gone")
            yield 1


def _readable(content: bytes) -> int:
    """How many records from the start are whole."""
    count = 0
    while content[count * _FRAME : (count + 1) * _FRAME] == _frame(count):
        count += 1
    return count

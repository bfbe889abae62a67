"""A scratch process: a short-lived virtual machine without a device, for code of the software that runs outside any boot.

Models: importing the software to read its manifest, and ``inspect``. Both are foreign code, so both run under the guard, with
an empty disk, no network and a clock that stands at the start of 2026. Does not model: a device; waiting for ever is an error.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Generic, TypeVar

from harness.core.environment import Environment
from harness.storage.disk import Disk
from harness.storage.volume import Volume
from harness.sut import watchdog
from harness.sut.console import Console
from harness.sut.deaths import ProcessEnded
from harness.sut.modules import ModuleTable, active_table, put_back
from harness.sut.process import Process

T = TypeVar("T")

_START_US = 1_767_196_800_000_000  # 2026-01-01 00:00 UTC+8
_VIRTUAL_LIMIT_US = 60_000_000
_DISK_BYTES = 1 << 20


class Unfinished(Exception):
    """Code in a scratch process waited for something that never happens there."""


class LeftEarly(Exception):
    """Code in a scratch process left through SystemExit, KeyboardInterrupt or the like."""


class _Job(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.result: T | None = None
        self.error: BaseException | None = None
        self.finished = False

    def run(self) -> None:
        try:
            self.result = self._work()
        except ProcessEnded:
            raise
        except BaseException as error:
            self.error = error
        self.finished = True


def run_in_scratch(table: ModuleTable, work: Callable[[], T], printed: Callable[[str], None] | None = None) -> T:
    """``work`` in a process of its own; raises what it raises, or Unfinished."""
    standing = active_table()
    env = Environment()
    disk = Disk([Volume("scratch", "/", _DISK_BYTES)], now_us=lambda: int(env.now))
    console = Console(printed if printed is not None else lambda _line: None)
    process = Process(
        env,
        name="scratch",
        pid=2,
        disk=disk,
        network=None,
        wall_clock=lambda now_us: _START_US + now_us,
        entropy=random.Random(0),
        console=console,
        environ={},
    )
    process.table = table
    process.number = watchdog.SCRATCH
    job = _Job(work)
    process.spawn(job.run)
    try:
        env.run(until=_VIRTUAL_LIMIT_US)
    finally:
        process.die(lambda: ProcessEnded("over"), power=True)
        process.reap()
        put_back(standing)
    if isinstance(job.error, Exception):
        raise job.error
    if job.error is not None:
        # SystemExit and the like end the software's own process, never the harness's.
        raise LeftEarly(f"it ended with {type(job.error).__name__}: {job.error}") from job.error
    if not job.finished:
        raise Unfinished("it was still waiting after a virtual minute")
    return job.result  # type: ignore[return-value]

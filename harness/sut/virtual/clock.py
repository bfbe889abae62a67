"""``time``, and the clock behind ``datetime``: the device's battery clock and its uptime, in virtual time.

``datetime.now`` and its kin are C methods that read the machine's clock, and software may have bound them before anyone could
replace them. time-machine exchanges the C code itself; the traveller below answers with the clock of the device whose software
runs, and with the real time when none does. What time-machine does not cover (monotonic clocks, sleep) is replaced here.
Wall clocks tell China Standard Time, UTC+8 without summer time, whatever the machine is set to.
"""

from __future__ import annotations

import os
import time
from types import ModuleType
from typing import Any, NoReturn

from harness.sut import current
from harness.sut.virtual.clockwork import time_machine
from harness.sut.virtual.posix import refused

ZONE = "CST-8"  # POSIX notation: east is negative; needs no zone files
ZONE_OFFSET_US = 8 * 3600 * 1_000_000


def _time() -> float:
    return current.running().wall_us() / 1_000_000


def _time_ns() -> int:
    return current.running().wall_us() * 1_000


def _monotonic() -> float:
    return current.running().uptime_us() / 1_000_000


def _monotonic_ns() -> int:
    return current.running().uptime_us() * 1_000


def _sleep(seconds: float, /) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    current.running().sleep(round(seconds * 1_000_000))


def _clock_gettime_ns(clock: int, /) -> int:
    if clock in (time.CLOCK_REALTIME, getattr(time, "CLOCK_TAI", -1)):
        return _time_ns()
    return _monotonic_ns()


def _clock_gettime(clock: int, /) -> float:
    return _clock_gettime_ns(clock) / 1_000_000_000


def _clock_settime(*_: object) -> NoReturn:
    raise PermissionError(1, "Operation not permitted")


def _localtime(seconds: float | None = None, /) -> time.struct_time:
    return time.localtime(_time() if seconds is None else seconds)


def _gmtime(seconds: float | None = None, /) -> time.struct_time:
    return time.gmtime(_time() if seconds is None else seconds)


def _strftime(format: str, at: Any = None, /) -> str:
    return time.strftime(format, _localtime() if at is None else at)


def _ctime(seconds: float | None = None, /) -> str:
    return time.asctime(_localtime(seconds))


def _asctime(at: Any = None, /) -> str:
    return time.asctime(_localtime() if at is None else at)


def _tzset() -> None:
    """The device's zone is fixed."""


def build() -> ModuleType:
    """The ``time`` module. It holds no state: one serves every device. Built after ``install``, when the zone is set."""
    module = ModuleType("time")
    for name, value in vars(time).items():
        if name not in ("__spec__", "__loader__"):
            setattr(module, name, value)
    replaced = {
        "time": _time,
        "time_ns": _time_ns,
        "monotonic": _monotonic,
        "monotonic_ns": _monotonic_ns,
        "perf_counter": _monotonic,
        "perf_counter_ns": _monotonic_ns,
        "process_time": _monotonic,
        "process_time_ns": _monotonic_ns,
        "thread_time": _monotonic,
        "thread_time_ns": _monotonic_ns,
        "sleep": _sleep,
        "clock_gettime": _clock_gettime,
        "clock_gettime_ns": _clock_gettime_ns,
        "clock_settime": _clock_settime,
        "clock_settime_ns": _clock_settime,
        "pthread_getcpuclockid": refused("time.pthread_getcpuclockid"),
        "localtime": _localtime,
        "gmtime": _gmtime,
        "strftime": _strftime,
        "ctime": _ctime,
        "asctime": _asctime,
        "tzset": _tzset,
    }
    for name, value in replaced.items():
        setattr(module, name, value)
    return module


class _DeviceTraveller(time_machine.Traveller):
    """Answers datetime with the running device's clock."""

    def time_ns(self) -> int:
        process = current.process
        if process is None:
            real: int = time_machine.escape_hatch.time.time_ns()
            return real
        return process.wall_us() * 1_000


_travel: time_machine.travel | None = None
_zone_before: str | None = None


def install() -> None:
    """Put the devices' clocks behind datetime and fix the zone."""
    global _travel, _zone_before
    if _travel is not None:
        return
    _zone_before = os.environ.get("TZ")
    os.environ["TZ"] = ZONE
    time.tzset()
    _travel = time_machine.travel(0, tick=False)
    traveller = _travel.start()
    traveller.__class__ = _DeviceTraveller


def uninstall() -> None:
    """Give datetime the machine's clock back."""
    global _travel
    if _travel is None:
        return
    _travel.stop()
    _travel = None
    if _zone_before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = _zone_before
    time.tzset()

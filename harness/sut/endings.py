"""The ends of a boot: what the ports of a dead boot raise, and what software that ends by itself still gets to do."""

from __future__ import annotations

from harness.sut import deaths
from harness.sut.process import Process
from harness.sut.reports import death_detail


def dead_error(process: Process) -> type[BaseException]:
    """What the device's ports raise once the boot is over: made so that making one counts, and past a limit parks."""

    class OverError(deaths.ProcessEnded):
        def __new__(cls, *_: object) -> OverError:
            process.refuse()

    return OverError


def run_exit_calls(process: Process) -> None:
    """What ``atexit`` promised to software that ends by itself, last first."""
    calls, process.exit_calls = process.exit_calls, []
    for function, arguments, keywords in reversed(calls):
        try:
            function(*arguments, **keywords)
        except Exception as error:
            process.console.line(f"Exception ignored in atexit callback: {death_detail(error)}")

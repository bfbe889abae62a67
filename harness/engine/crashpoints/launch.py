"""Launching an exploration: one child process for each core, each with limits and a fence, their reports merged.

Models: as ``engine.launch`` for runs. Software that hangs in C or takes the interpreter down ends its child; what the others
found stays, and the verdict says what was not judged.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import msgspec

from harness.core.errors import ExitCode, HarnessError, NothingSelected, UsageError
from harness.engine.child import ENDS_EARLY
from harness.engine.crashpoints.report import CrashReport, FlowReport, merged
from harness.engine.crashpoints.request import CrashRequest, Explored, NotExplored, Told
from harness.engine.launch import dialect_places, is_program_spec, open_files_of, pins, program_writes
from harness.engine.sink import make_directory
from harness.sut.landlock import landlock_available
from harness.sut.limits import Ended, Limits, run_limited

_GRACE_S = 60.0
_SPINS_A_STATE = 12
"""So often software that hangs at each boot is stopped by the watchdog before one state is judged."""
A = TypeVar("A", bound=msgspec.Struct)


def launch(
    request: CrashRequest,
    jobs: int,
    on_told: Callable[[int, Told], None] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> CrashReport:
    """Explore in ``jobs`` processes. ``on_told`` is given the share's number; ``on_start`` each child's process id."""
    reports, dead = run_shares(request, jobs, "harness.engine.crashpoints.child:execute", Explored, on_told, on_start)
    report = merged(each.report for each in reports) if reports else _report_of_the_dead(request, dead)
    report.harness = metadata.version("terminal-fault-harness")
    for why in lost_shares(dead, jobs) if reports else ():
        for flow in report.flows:
            flow.because.append(why)
    return report


def run_shares(
    request: CrashRequest,
    jobs: int,
    entry: str,
    answer: type[A],
    on_told: Callable[[int, Told], None] | None,
    on_start: Callable[[int], None] | None,
) -> tuple[list[A], list[Ended]]:
    """``entry`` in ``jobs`` processes, each with its share of ``request``: what they answered, and those that did not."""
    if request.out_dir is not None:
        make_directory(Path(request.out_dir))
    lock = Lock()

    def told(share: int, message: Any) -> None:
        if on_told is not None:
            with lock:
                on_told(share, msgspec.convert(message, Told))

    def one(share: int) -> A | Ended:
        mine = msgspec.structs.replace(request, share=share, shares=jobs)
        return _run(mine, entry, answer, lambda message: told(share, message), on_start)

    with ThreadPoolExecutor(jobs) as pool:
        # The threads only wait for child processes; nothing of an exploration happens in this one.
        answers = list(pool.map(one, range(jobs)))
    reports = [each for each in answers if not isinstance(each, Ended)]
    return reports, [each for each in answers if isinstance(each, Ended)]


def lost_shares(dead: list[Ended], jobs: int) -> list[str]:
    """Why the work of processes that were stopped is missing."""
    return [f"a process with 1 of {jobs} shares of the work was stopped: {why_stopped(ended)}" for ended in dead]


def killed_after_s(request: CrashRequest) -> float:
    """A process ends by itself with the state under way; if that state hangs, what it hangs in is the finding to wait for."""
    return request.wall_limit_s + _GRACE_S + _SPINS_A_STATE * request.spin_s


def _run(
    request: CrashRequest,
    entry: str,
    answer: type[A],
    told: Callable[[Any], None],
    on_start: Callable[[int], None] | None,
) -> A | Ended:
    limits = Limits(
        wall_s=killed_after_s(request),
        memory_bytes=request.memory_limit_bytes,
        spin_s=request.spin_s,
        open_files=max(map(open_files_of, (None, *request.specs))),
    )
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        ended = run_limited(
            entry,
            msgspec.to_builtins(request),
            limits=limits,
            on_message=told,
            environ={"TMPDIR": scratch},
            on_start=on_start,
            search_path=[str(Path.cwd())],
            held_signals=ENDS_EARLY,
            fence=landlock_available()[0],
            read=_read_by(request),
            write=[
                scratch,
                *([request.out_dir] if request.out_dir is not None else []),
                *dict.fromkeys(place for spec in request.specs for place in program_writes(spec)),
            ],
            pin=any(map(pins, request.specs)),
        )
    if ended.reason == "finished":
        got: A | NotExplored = msgspec.convert(ended.result, answer | NotExplored, str_keys=True)
        if isinstance(got, NotExplored):
            raise _error(got)
        return got
    if ended.reason == "raised" or (
        ended.reason == "crashed" and ended.station is None and ended.exit_code != -signal.SIGKILL
    ):
        raise HarnessError(f"the exploration broke inside the harness; please report this\n{ended.detail}")
    return ended


def _read_by(request: CrashRequest) -> list[str]:
    if any(map(is_program_spec, request.specs)):
        return ["/"]
    places = [str(Path(request.scenario).parent), *request.read]
    for spec in request.specs:
        file = spec.rpartition(":")[0]
        if file.endswith(".py"):
            places.append(str(Path(file).parent))
    return [*places, *dialect_places(request.dialect)]


def _error(refused: NotExplored) -> HarnessError:
    if refused.exit_code == ExitCode.USAGE:
        return UsageError(refused.message)
    if refused.exit_code == ExitCode.NOTHING_SELECTED:
        return NothingSelected(refused.message)
    return HarnessError(refused.message)


def why_stopped(ended: Ended) -> str:
    """In words: what became of a process that gave no answer."""
    who = "the harness" if ended.station is None else "its software"
    return f"{ended.reason} while {who} was running ({ended.detail})"


def _report_of_the_dead(request: CrashRequest, dead: list[Ended]) -> CrashReport:
    """No share came to its end: what is known is why."""
    report = CrashReport(
        request.scenario, request.terminal or "", request.device or "", request.depth, request.seed or 1
    )
    because = [f"the exploration was stopped: {why_stopped(ended)}" for ended in dead]
    report.flows.append(FlowReport(",".join(request.flows) or "all", "", because=because))
    return report

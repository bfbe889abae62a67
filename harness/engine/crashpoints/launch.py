"""Launching an exploration: one child process for each core, each with limits and a fence, their reports merged.

Models: as ``engine.launch`` for runs. Software that hangs in C or takes the interpreter down ends its child; what the others
found stays, and the verdict says what was not judged.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from harness.core.errors import ExitCode, HarnessError, NothingSelected, UsageError
from harness.engine.child import ENDS_EARLY
from harness.engine.crashpoints.report import CrashReport, FlowReport, merged
from harness.engine.crashpoints.request import CrashRequest, Explored, NotExplored, Told
from harness.engine.sink import make_directory
from harness.sut.landlock import landlock_available
from harness.sut.limits import Ended, Limits, run_limited

_GRACE_S = 60.0


def launch(
    request: CrashRequest,
    jobs: int,
    on_told: Callable[[int, Told], None] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> CrashReport:
    """Explore in ``jobs`` processes. ``on_told`` is given the share's number; ``on_start`` each child's process id."""
    if request.out_dir is not None:
        make_directory(Path(request.out_dir))
    lock = Lock()

    def told(share: int, message: Any) -> None:
        if on_told is not None:
            with lock:
                on_told(share, msgspec.convert(message, Told))

    def one(share: int) -> CrashReport | Ended:
        mine = msgspec.structs.replace(request, share=share, shares=jobs)
        return _run(mine, lambda message: told(share, message), on_start)

    with ThreadPoolExecutor(jobs) as pool:
        # The threads only wait for child processes; nothing of an exploration happens in this one.
        answers = list(pool.map(one, range(jobs)))
    reports = [each for each in answers if isinstance(each, CrashReport)]
    dead = [each for each in answers if isinstance(each, Ended)]
    if not reports:
        return _report_of_the_dead(request, dead)
    report = merged(reports)
    for ended in dead:
        for flow in report.flows:
            flow.because.append(f"a process with 1 of {jobs} shares of the states was stopped: {_what(ended)}")
    return report


def _run(
    request: CrashRequest, told: Callable[[Any], None], on_start: Callable[[int], None] | None
) -> CrashReport | Ended:
    limits = Limits(
        wall_s=request.wall_limit_s + _GRACE_S, memory_bytes=request.memory_limit_bytes, spin_s=request.spin_s
    )
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        ended = run_limited(
            "harness.engine.crashpoints.child:execute",
            msgspec.to_builtins(request),
            limits=limits,
            on_message=told,
            environ={"TMPDIR": scratch},
            on_start=on_start,
            search_path=[str(Path.cwd())],
            held_signals=ENDS_EARLY,
            fence=landlock_available()[0],
            read=_read_by(request),
            write=[scratch, *([request.out_dir] if request.out_dir is not None else [])],
        )
    if ended.reason == "finished":
        answer: Explored | NotExplored = msgspec.convert(ended.result, Explored | NotExplored, str_keys=True)
        if isinstance(answer, Explored):
            return answer.report
        raise _error(answer)
    if ended.reason == "raised" or (
        ended.reason == "crashed" and ended.station is None and ended.exit_code != -signal.SIGKILL
    ):
        raise HarnessError(f"the exploration broke inside the harness; please report this\n{ended.detail}")
    return ended


def _read_by(request: CrashRequest) -> list[str]:
    places = [str(Path(request.scenario).parent)]
    file = (request.terminal or "").rpartition(":")[0]
    if file.endswith(".py"):
        places.append(str(Path(file).parent))
    return places


def _error(refused: NotExplored) -> HarnessError:
    if refused.exit_code == ExitCode.USAGE:
        return UsageError(refused.message)
    if refused.exit_code == ExitCode.NOTHING_SELECTED:
        return NothingSelected(refused.message)
    return HarnessError(refused.message)


def _what(ended: Ended) -> str:
    who = "the harness" if ended.station is None else "its software"
    return f"{ended.reason} while {who} was running ({ended.detail})"


def _report_of_the_dead(request: CrashRequest, dead: list[Ended]) -> CrashReport:
    """No share came to its end: what is known is why."""
    report = CrashReport(
        request.scenario, request.terminal or "", request.device or "", request.depth, request.seed or 1
    )
    because = [f"the exploration was stopped: {_what(ended)}" for ended in dead]
    report.flows.append(FlowReport(",".join(request.flows) or "all", "", because=because))
    return report

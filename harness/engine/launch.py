"""Launching one run in a child process with limits, and making a verdict of whatever becomes of it.

Software that spins, allocates without end or takes the process down ends the child; the shared page says which terminal's
software was running, and that is the finding. A child that ran out of time with nobody to name is inconclusive.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from harness.core.errors import ExitCode, HarnessError, NothingSelected, UsageError
from harness.engine.child import ENDS_EARLY
from harness.engine.request import Finished, Progress, Refused, RunRequest, replay_line
from harness.engine.sink import make_directory
from harness.engine.verdict import FindingView, Sales, Status, Verdict
from harness.sut import affinity
from harness.sut.landlock import landlock_available
from harness.sut.limits import Ended, Limits, run_limited

_GRACE_S = 60.0
"""How much longer than its own budget a child may take to tell what it found."""

_PROGRAM_FILES = 8_192

_WHAT_HAPPENED = {
    "spinning": "the software ran without ever giving control back",
    "out_of_memory": "the software asked for more memory than the whole run may have",
    "crashed": "the software took the interpreter down",
    "cpu": "the software used up the CPU time of the whole run",
    "output": "the software flooded its output",
    "wall": "the software was still running when the time of the whole run was over",
}


def launch(
    request: RunRequest,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    pin_hash_seed: bool = True,
    on_start: Callable[[int], None] | None = None,
    inside: str = "harness.engine.child:execute",
    on_message: Callable[[Any], None] | None = None,
) -> Verdict:
    """Run ``request`` to a verdict. Raises UsageError for what the user can mend, HarnessError for what the harness broke.

    ``on_start`` is given the child's process id; SIGINT to it ends trading early and still gives a verdict. ``inside``: what runs
    in the child; ``on_message`` hears all that it sends, instead of ``on_progress``.
    """

    def told(message: Any) -> None:
        if on_progress is not None:
            on_progress(msgspec.convert(message, Progress))

    limits = Limits(
        wall_s=request.wall_limit_s + _GRACE_S,
        memory_bytes=request.memory_limit_bytes,
        spin_s=request.spin_s,
        spin_patience_s=request.spin_patience_s,
        open_files=open_files_of(request.terminal),
    )
    # A child that has to be killed leaves its files behind: they are in a directory that goes with this call.
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        ended = run_limited(
            inside,
            msgspec.to_builtins(request),
            limits=limits,
            on_message=told if on_message is None else on_message,
            environ={"TMPDIR": scratch},
            pin_hash_seed=pin_hash_seed,
            on_start=on_start,
            search_path=[str(Path.cwd())],
            held_signals=ENDS_EARLY,
            fence=landlock_available()[0],
            read=_read_by(request),
            write=[scratch, *_written_by(request)],
            pin=pins(request.terminal),
        )
    if ended.reason == "finished":
        answer: Finished | Refused = msgspec.convert(ended.result, Finished | Refused)
        if isinstance(answer, Finished):
            return answer.verdict
        raise _error(answer)
    if ended.reason == "raised" or (ended.reason == "crashed" and ended.station is None and not from_outside(ended)):
        raise HarnessError(f"the run broke inside the harness; please report this\n{ended.detail}")
    return _kept(request, _verdict_of_the_dead(request, ended))


def _kept(request: RunRequest, verdict: Verdict) -> Verdict:
    """The verdict of a run that came to no end of its own, written where the run would have written it."""
    if request.out_dir is not None:
        from harness.engine.run import write_verdict

        # Its history as far as it got stays beside it.
        directory = Path(request.out_dir)
        decisions = directory / "decisions.tsv"
        for path in (directory / "resolved.yaml", request.resolved_out):
            if path is not None:
                _write_known(request, Path(path), decisions)
        decisions.unlink(missing_ok=True)
        write_verdict(verdict, directory)
    elif request.resolved_out is not None:
        _write_known(request, Path(request.resolved_out), None)
    return verdict


def _write_known(request: RunRequest, path: Path, decisions: Path | None) -> None:
    """A scenario that goes the way of the run that was killed: its decisions as far as they were written, then its seed."""
    from harness.core.decisions import Value, read_pins
    from harness.engine.child import adjusted
    from harness.scenario.load import load_file
    from harness.scenario.resolve import write_resolved

    plan = adjusted(load_file(Path(request.scenario)), request)
    pins: dict[str, Value] = dict(plan.decisions or {})
    unpinned = "drawn" if plan.decisions is None else plan.unpinned
    if decisions is not None and decisions.exists():
        # The last line is cut off anywhere, and a number that is cut off is another number.
        whole, _, _ = decisions.read_bytes().rpartition(b"\n")
        pins.update(read_pins(whole.decode("utf-8").split("\n")))
    seed = request.seed if request.seed is not None else plan.seed
    known = replace(plan, seed=1 if seed is None else seed, decisions=pins, unpinned=unpinned)
    try:
        write_resolved(known, path, images=request.images, software=request.terminal)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}") from None


def _read_by(request: RunRequest) -> list[str]:
    """Directories that the child reads besides Python's own: the scenario's, and the software's where a file is named."""
    places = [str(Path(request.scenario).parent)]
    if is_program_spec(request.terminal):
        # The supervisor fences the program itself, more narrowly than a program's supervisor can be.
        return ["/"]
    file = (request.terminal or "").rpartition(":")[0]
    if file.endswith(".py"):
        places.append(str(Path(file).parent))
    return [*places, *dialect_places(request.dialect), *(each.partition("=")[2] for each in request.images)]


def is_program_spec(spec: str | None) -> bool:
    """Whether software is a program of its own."""
    return spec is not None and spec.startswith("exec:")


def pins(spec: str | None) -> bool:
    """Whether a child gets a processor of its own: the supervisor of a program does."""
    return is_program_spec(spec) and affinity.is_wanted()


def program_writes(spec: str | None) -> list[str]:
    """Where the supervisor of a program writes: into the memory of programs."""
    return ["/proc"] if is_program_spec(spec) else []


def open_files_of(spec: str | None) -> int:
    """How many files a child may hold: programs cost their supervisor a handful each, and one for each that they open."""
    return _PROGRAM_FILES if is_program_spec(spec) else Limits().open_files


def dialect_places(dialect: str | None) -> list[str]:
    """The directory of a dialect that a file holds."""
    if dialect is None:
        return []
    file = dialect.rpartition(":")[0] or dialect
    return [str(Path(file).parent)] if Path(file).suffix in (".yaml", ".yml", ".json", ".py") else []


def _written_by(request: RunRequest) -> list[str]:
    """Directories that the child writes into. They must exist for the fence to leave a gate."""
    places = [Path(request.out_dir)] if request.out_dir is not None else []
    places += [Path(each) for each in program_writes(request.terminal)]
    if request.resolved_out is not None:
        places.append(Path(request.resolved_out).parent)
    if request.behaviour_out is not None:
        places.append(Path(request.behaviour_out).parent)
    if request.snapshot is not None:
        places.append(Path(request.snapshot.directory))
    for place in places:
        make_directory(place)
    return [str(place) for place in places]


def from_outside(ended: Ended) -> bool:
    """Whether somebody else ended the child, such as the kernel when the machine's memory ran out."""
    return ended.exit_code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP, -signal.SIGINT)


def _error(refused: Refused) -> HarnessError:
    if refused.exit_code == ExitCode.USAGE:
        return UsageError(refused.message)
    if refused.exit_code == ExitCode.NOTHING_SELECTED:
        return NothingSelected(refused.message)
    return HarnessError(refused.message)


def _verdict_of_the_dead(request: RunRequest, ended: Ended) -> Verdict:
    """The child was killed, or killed itself: who was running is known, what it would have said is not."""
    from harness.engine.child import adjusted
    from harness.scenario.load import load_file

    plan = adjusted(load_file(Path(request.scenario)), request)
    what = f"{_WHAT_HAPPENED[ended.reason]} ({ended.detail})"
    findings: tuple[FindingView, ...] = ()
    status: Status = "inconclusive"
    if ended.reason == "crashed" and from_outside(ended):
        what = (
            f"something outside ended it ({ended.detail}), as the kernel does when the machine's memory is used up, "
            f"while {'the harness' if ended.station is None else plan.station_names()[ended.station]} was running"
        )
    elif ended.station is not None:
        device = plan.station_names()[ended.station]
        findings = (FindingView(24, "returns_to_service", device, 0, f"On {device} {what}.", severity="major"),)
        status = "fail"
    return msgspec.structs.replace(
        _verdict_without(request, f"the run was stopped: {what}"), status=status, findings=findings
    )


def _verdict_without(request: RunRequest, why: str) -> Verdict:
    """An inconclusive verdict on a run of which nothing is known but why it did not come to its end."""
    from harness.engine.child import adjusted
    from harness.scenario.load import load_file

    plan = adjusted(load_file(Path(request.scenario)), request)
    seed = request.seed if request.seed is not None else (plan.seed if plan.seed is not None else 1)
    terminal = request.terminal or plan.software
    return Verdict(
        status="inconclusive",
        scenario=plan.name,
        terminal=terminal,
        seed=seed,
        terminals=plan.terminals,
        days=plan.days.count,
        findings=(),
        inconclusive_because=(why,),
        checked=(),
        not_checked=(),
        faults=(),
        sales=Sales(),
        events=0,
        history_sha256="",
        replay=replay_line(request, request.scenario, terminal, seed),
    )

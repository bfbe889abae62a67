"""The page of one finding: its run done once more and watched, the part of its history that tells it, and why.

Models: findings of a sweep, a gate, a run's directory or a bundle, each done again from the line that replays it (or from the
decisions that its run left), in a child process, within a bounded time; what came of it is compared with the nearest run without
it. Where the run cannot be done again, what it left is told, and what is lacking is named by a code.
Does not model: states of crash points, which are one flow and one cut already. Which software runs is for the command line to
say: a line in a results file is data from elsewhere.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.contract import Manifest
from harness.core.errors import HarnessError
from harness.engine.launch import launch
from harness.engine.report.again import request_of
from harness.engine.report.model import Difference, Disk, FindingPage, Message, Series, Why
from harness.engine.report.nearest import Deadline, Guilty, difference
from harness.engine.report.observing import Observed, ObservedRequest, read_observed
from harness.engine.report.series import series_of
from harness.engine.report.window import Guilt, fit, window
from harness.engine.request import RunRequest
from harness.engine.sweep.rows import kind_of, signature
from harness.engine.verdict import FindingView, Verdict
from harness.history.query import HistoryFile
from harness.invariants.catalogue import INVARIANTS
from harness.terminals.catalogue import CATALOGUE

PAGES_MAX = 20
EACH_S = 20.0
_SHRUNK_CHARACTERS_MAX = 64_000
_WATCHED = "harness.engine.report.observing:execute"


@dataclass(frozen=True, slots=True)
class Case:
    """A finding to be told. ``page`` has what is known of it without running anything."""

    page: FindingPage
    request: RunRequest | None = None
    """The run that shows it; None: as the page's line says."""
    directory: Path | None = None
    """What its run left (history.jsonl, verdict.json, resolved.yaml), where it left that."""
    shrunk: Path | None = None
    """A file with the smallest scenario, where there is one."""


@dataclass(frozen=True, slots=True)
class Telling:
    """How much may be told. ``terminal``: software that runs whatever the findings name; ``trust``: run what they name."""

    pages_max: int = PAGES_MAX
    each_s: float = EACH_S
    all_s: float = 60.0
    jobs: int = 1
    terminal: str | None = None
    trust: bool = False


def tell_all(cases: Sequence[Case], how: Telling) -> tuple[FindingPage, ...]:
    """A page for each case, in their order; those beyond ``pages_max`` or the time have no steps, and say so."""
    deadline = Deadline.after(how.all_s)

    def told(numbered: tuple[int, Case]) -> FindingPage:
        place, case = numbered
        if place >= how.pages_max:
            return msgspec.structs.replace(_bare(case), why_empty="more_findings")
        if deadline.left_s < 1.0:
            return msgspec.structs.replace(_bare(case), why_empty="no_time")
        return tell(case, how, Deadline.after(min(how.each_s, deadline.left_s)))

    # The threads only wait for child processes.
    with ThreadPoolExecutor(max(1, how.jobs)) as pool:
        return tuple(pool.map(told, enumerate(cases)))


def tell(case: Case, how: Telling, deadline: Deadline) -> FindingPage:
    """The page of one finding."""
    bare = _bare(case)
    request = _request(case)
    if request is None and case.directory is None:
        code = "crash_point" if bare.again.startswith("harness crashpoints") else "no_run"
        return msgspec.structs.replace(bare, why_empty=code)
    allowed = request is not None and _may_run(request, how)
    with tempfile.TemporaryDirectory(prefix="harness-") as made:
        directory, verdict, observed, why_no_disk = case.directory, None, None, "not_run"
        if allowed and request is not None:
            if how.terminal is not None:
                request = msgspec.structs.replace(request, terminal=how.terminal)
            try:
                verdict = _watched(request, case, Path(made), deadline)
            except HarnessError as error:
                if directory is None:
                    return msgspec.structs.replace(bare, why_empty="failed", told=fit(str(error))[0])
            if verdict is not None:
                directory, observed, why_no_disk = Path(made), read_observed(Path(made)), ""
            else:
                why_no_disk = "no_time"
        if directory is None:
            return msgspec.structs.replace(bare, why_empty="no_time" if allowed else "software")
        verdict = verdict or _verdict_in(directory)
        finding = None if verdict is None else _finding(verdict, bare)
        if verdict is None or finding is None:
            return msgspec.structs.replace(bare, why_empty="not_again", came_again=False)
        page = _story(bare, verdict, finding, directory, observed)
        if why_no_disk:
            page = msgspec.structs.replace(page, why_no_disk=why_no_disk)
        if not allowed or request is None:
            return msgspec.structs.replace(page, difference=Difference(why_none="not_run"))
        pinned = _pinned(directory, case.directory)
        guilty = Guilty(request, pinned, verdict, finding, directory)
        return msgspec.structs.replace(page, difference=difference(guilty, lambda asked: _run(asked, deadline)))


def _pinned(*directories: Path | None) -> Path | None:
    """The first scenario there with every decision written down."""
    return next((each / "resolved.yaml" for each in directories if each and _has(each, "resolved.yaml")), None)


def _has(directory: Path | None, name: str) -> bool:
    return directory is not None and (directory / name).is_file()


def _request(case: Case) -> RunRequest | None:
    return case.request if case.request is not None else request_of(case.page.again)


def _may_run(request: RunRequest, how: Telling) -> bool:
    """What ships may run; other software only when the command line says so."""
    return how.trust or how.terminal is not None or (request.terminal in CATALOGUE and not _is_code(request.dialect))


def _is_code(dialect: str | None) -> bool:
    return dialect is not None and ":" in dialect and Path(dialect).suffix not in (".yaml", ".yml", ".json")


# ---------------------------------------------------------------- running


def _watched(request: RunRequest, case: Case, directory: Path, deadline: Deadline) -> Verdict | None:
    """The run done again under somebody's eyes; None when time was over."""
    known = {name: getattr(request, name) for name in request.__struct_fields__}
    known.update(out_dir=str(directory), resolved_out=None, snapshot=None, behaviour_out=None)
    if _has(case.directory, "resolved.yaml") and case.directory is not None:
        # Pinned as it was, also where the scenario has changed since.
        known.update(scenario=str((case.directory / "resolved.yaml").absolute()), without=())
    return _run(ObservedRequest(**known, watched=case.page.device), deadline, _WATCHED)


def _run(request: RunRequest, deadline: Deadline, inside: str = "harness.engine.child:execute") -> Verdict | None:
    left_s = deadline.left_s
    if left_s <= 0:
        return None
    over = threading.Event()
    timers: list[threading.Timer] = []

    def started(child: int) -> None:
        def end() -> None:
            over.set()
            try:
                os.killpg(child, signal.SIGKILL)
            except ProcessLookupError:
                pass

        timers.append(threading.Timer(left_s, end))
        timers[0].daemon = True
        timers[0].start()

    limited = msgspec.structs.replace(
        request, wall_limit_s=max(1.0, left_s), spin_s=max(0.5, min(request.spin_s, left_s))
    )
    try:
        verdict = launch(limited, on_start=started, inside=inside)
    finally:
        for each in timers:
            each.cancel()
    return None if over.is_set() else verdict


def _verdict_in(directory: Path) -> Verdict | None:
    try:
        return msgspec.json.decode((directory / "verdict.json").read_bytes(), type=Verdict)
    except (OSError, msgspec.MsgspecError):
        return None


def _finding(verdict: Verdict, page: FindingPage) -> FindingView | None:
    """The finding that the page is about; of several of its signature the very same one, or else the first."""
    alike = [each for each in verdict.findings if signature(each.invariant, kind_of(each.summary)) == page.signature]
    same = [each for each in alike if (each.device, each.at_us) == (page.device, page.at_us)]
    return next(iter([*same, *alike]), None)


# ---------------------------------------------------------------- what is told


def _bare(case: Case) -> FindingPage:
    """What can be said without any history."""
    page = case.page
    return msgspec.structs.replace(
        page,
        summary=fit(page.summary)[0],
        why=page.why or _why(page.invariant, page.summary, ()),
        shrunk=page.shrunk or _shrunk_text(case.shrunk),
    )


def _why(number: int, summary: str, guilty: tuple[int, ...]) -> Why:
    invariant = next((each for _, each in INVARIANTS.items() if each.number == number), None)
    if invariant is None:
        return Why("", "", fit(summary)[0], guilty)
    return Why(invariant.sentence(), invariant.evidence, fit(summary)[0], guilty)


def _shrunk_text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_SHRUNK_CHARACTERS_MAX)
    except OSError:
        return ""


def _story(
    page: FindingPage, verdict: Verdict, finding: FindingView, directory: Path, observed: Observed | None
) -> FindingPage:
    history = HistoryFile(directory / "history.jsonl")
    guilt = Guilt(finding.device, finding.events, finding.at_us, finding.at_us)
    found = window(history, guilt)
    numbers = {each.number for each in found.steps}
    frames = {} if observed is None else {each.number: each for each in observed.frames}
    messages = tuple(_with_fields(each, frames.get(each.number)) for each in found.messages)
    steps = tuple(found.steps)
    return msgspec.structs.replace(
        page,
        summary=fit(finding.summary)[0],
        device=finding.device,
        at_us=finding.at_us,
        severity=finding.severity or page.severity,
        fault=finding.fault or page.fault,
        place=finding.place or page.place,
        scenario=page.scenario or verdict.scenario,
        seed=verdict.seed if page.seed is None else page.seed,
        terminal=page.terminal or verdict.terminal,
        why=_why(finding.invariant, finding.summary, tuple(each for each in finding.events if each in numbers)),
        steps=steps,
        bands=tuple(found.bands),
        messages=messages,
        volumes=() if observed is None else observed.volumes,
        disks=() if observed is None else _disks(observed, numbers),
        why_no_disk="" if observed is None else observed.why_no_disk,
        left_out=found.left_out,
        left_out_elsewhere=found.left_out_elsewhere,
        window=(found.from_us, found.until_us),
        series=_series(history, finding.device, observed),
    )


def _series(history: HistoryFile, device: str, observed: Observed | None) -> tuple[Series, ...]:
    """Plots of the guilty terminal over the whole run."""
    if observed is None or observed.device != device:
        return series_of(history, device=device)
    manifest = Manifest(name="", max_transactions=observed.record_limit)
    return series_of(history, {device: manifest}, device=device, watched=observed.space)


def _with_fields(message: Message, frame: object) -> Message:
    fields, error = getattr(frame, "fields", ()), getattr(frame, "error", "")
    return msgspec.structs.replace(message, fields=fields, error=message.error or error)


def _disks(observed: Observed, shown: set[int]) -> tuple[Disk, ...]:
    """Changes at events that are shown; what changed at others comes with the next that is, and all before the first with it."""
    kept: list[Disk] = []
    waiting: dict[str, Disk] = {}
    for each in observed.disks:
        before = waiting.pop(each.volume, None)
        merged = each if before is None else _laid_over(before, each)
        if each.number in shown:
            kept.append(merged)
        else:
            waiting[each.volume] = merged
    return tuple(kept)


def _laid_over(before: Disk, after: Disk) -> Disk:
    files = {each.path: each for each in before.files if each.path not in after.gone}
    files.update((each.path, each) for each in after.files)
    gone = tuple(dict.fromkeys(each for each in (*before.gone, *after.gone) if each not in files))
    return msgspec.structs.replace(
        after,
        files=tuple(files[path] for path in sorted(files)),
        gone=gone,
        done_left_out=after.done_left_out + len(before.done) + before.done_left_out,
    )

"""The page of one finding: its run done once more and watched, the part of its history that tells it, and why.

Models: findings of a sweep, a gate, a run's directory or a bundle, each done again from the line that replays it (or from the
decisions that its run left), in a child process, within a bounded time; what came of it is compared with the nearest run without
it. Where the run cannot be done again, what it left is told, and what is lacking is named by a code.
A state of crash points is judged again, with its history kept. Does not model: its disk at each event. Which software runs is for
the command line to say: a line in a results file is data from elsewhere.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError
from harness.engine.crashpoints.histories import read_findings, read_places
from harness.engine.crashpoints.launch import launch as launch_crash
from harness.engine.crashpoints.request import CrashRequest
from harness.engine.report.again import crash_request_of, request_of
from harness.engine.report.model import Cut, Difference, FindingPage
from harness.engine.report.nearest import Guilty, difference
from harness.engine.report.observing import Observed, ObservedRequest, read_observed
from harness.engine.report.running import PLAIN, Children, Deadline
from harness.engine.report.stories import story_of, why_of
from harness.engine.report.window import fit
from harness.engine.request import RunRequest
from harness.engine.verdict import FindingView, Sales, Verdict
from harness.invariants.kinds import kind_of, signature
from harness.terminals.catalogue import CATALOGUE

PAGES_MAX = 20
EACH_S = 20.0
_SHRUNK_CHARACTERS_MAX = 64_000
_WATCHED = "harness.engine.report.observing:execute"
_DEVICE = re.compile(r"\bT\d{2,}\b")


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
    why_none: str = ""
    """Why there is no request, where that is known: a code."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The run of some pages begins, or is over. ``numbers``: their places, from one, among the ``of`` pages that are told."""

    numbers: tuple[int, ...]
    of: int
    pages: tuple[FindingPage, ...]
    """Before the run, what was known of them; after it, as they are told."""
    over: bool


def _nobody(_turn: Turn) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Telling:
    """How much may be told. ``terminal``: software that runs whatever the findings name; ``trust``: run what they name.

    No run begins when ``all_s`` are over, but for the first finding's; findings of one run are told together, within ``each_s``
    and a second more for each further one, the first finding's within ``first_s`` if that is more. ``on_turn`` hears of each
    run, in the thread that waits for it.
    """

    pages_max: int = PAGES_MAX
    each_s: float = EACH_S
    first_s: float = 0.0
    all_s: float = 60.0
    jobs: int = 1
    terminal: str | None = None
    trust: bool = False
    on_turn: Callable[[Turn], None] = _nobody


def tell_all(cases: Sequence[Case], how: Telling) -> tuple[FindingPage, ...]:
    """A page for each case, in their order; those beyond ``pages_max`` or the time have no steps, and say so.

    Ctrl-C ends what still runs; the pages that are told by then are whole.
    """
    begin, children = Deadline.after(how.all_s), Children()
    groups: dict[bytes, list[int]] = {}
    told: dict[int, FindingPage] = {}
    for place, case in enumerate(cases):
        if place < how.pages_max:
            groups.setdefault(_key(case), []).append(place)
        else:
            told[place] = msgspec.structs.replace(bare(case), why_empty="more_findings")

    most = min(len(cases), how.pages_max)

    def tell_group(numbered: tuple[int, list[int]]) -> None:
        number, places = numbered
        together = [cases[place] for place in places]
        numbers = tuple(place + 1 for place in places)
        if children.stopped or (number and begin.left_s <= 0):
            pages = [msgspec.structs.replace(bare(case), why_empty="no_time") for case in together]
        else:
            # Findings of one run cost little more than one; where there is but one run, all the time is its.
            first_s = 0.0 if number else how.first_s
            most_s = max(how.each_s + len(together), first_s, how.all_s if len(groups) == 1 else 0.0)
            how.on_turn(Turn(numbers, most, tuple(case.page for case in together), over=False))
            pages = _tell_together(together, how, Deadline.after(most_s), begin, children)
        told.update(zip(places, pages, strict=True))
        how.on_turn(Turn(numbers, most, tuple(pages), over=True))

    # The threads only wait for child processes.
    with ThreadPoolExecutor(max(1, how.jobs)) as pool:
        futures = [pool.submit(tell_group, each) for each in enumerate(groups.values())]
        try:
            wait(futures)
        except KeyboardInterrupt:
            # Somebody has seen enough: what is told by now is a report.
            children.stop()
    for each in futures:
        each.result()
    return tuple(told[place] for place in range(len(cases)))


def _tell_together(
    cases: Sequence[Case], how: Telling, deadline: Deadline, begin: Deadline, children: Children
) -> list[FindingPage]:
    """The pages of findings of one run. After ``begin`` no other run is tried for comparison."""
    with tempfile.TemporaryDirectory(prefix="harness-") as made:
        bench = _Bench(Path(made), deadline, begin, children)
        ran = _ran(cases, how, bench)
        return [_told_or_why_not(case, ran, bench) for case in cases]


@dataclass(frozen=True, slots=True)
class _Ran:
    """What is known of a run. Without ``directory`` there is nothing to tell, for what ``why_empty`` says."""

    request: RunRequest | None = None
    """What may be run once more, and beside it; None: nothing."""
    directory: Path | None = None
    verdict: Verdict | None = None
    observed: Mapping[str, Observed] = field(default_factory=dict)
    pinned: Path | None = None
    why_no_disk: str = ""
    why_empty: str = ""
    told: str = ""
    cuts: Mapping[int, Cut] = field(default_factory=dict)
    """By invariant, of a state of crash points."""


@dataclass(slots=True)
class _Bench:
    """Where runs leave what they leave, until all pages of the group are told."""

    directory: Path
    deadline: Deadline
    begin: Deadline
    children: Children
    _others: dict[bytes, tuple[Verdict, Path]] = field(default_factory=dict)
    _names: count[int] = field(default_factory=count)

    def run(self, request: RunRequest, inside: str) -> tuple[Verdict, Path] | None:
        """A run within the time, and the directory with what it leaves."""
        place = self.directory / str(next(self._names))
        place.mkdir()
        verdict = self.children.run(msgspec.structs.replace(request, out_dir=str(place)), self.deadline, inside)
        return None if verdict is None else (verdict, place)

    def other(self, request: RunRequest) -> tuple[Verdict, Path] | None:
        """A run to compare with; findings of one run are compared with the same few."""
        key = msgspec.json.encode(request)
        if key not in self._others:
            ran = None if self.begin.left_s <= 0 else self.run(request, PLAIN)
            if ran is None:
                return None
            self._others[key] = ran
        return self._others[key]


def _ran(cases: Sequence[Case], how: Telling, bench: _Bench) -> _Ran:
    """The run of these cases done again under somebody's eyes, or what it left when it was done first."""
    case = cases[0]
    request = _request(case)
    left = _left(case)
    if request is None:
        crash = crash_request_of(case.page.again)
        return replace(left, why_empty=case.why_none or "no_run") if crash is None else _ran_crash(crash, how, bench)
    if not _may_run(request, how):
        return replace(left, why_empty="software")
    if how.terminal is not None:
        request = msgspec.structs.replace(request, terminal=how.terminal)
    try:
        ran = bench.run(_to_be_watched(request, cases), _WATCHED)
    except HarnessError as error:
        return replace(left, why_empty="failed", told=fit(str(error))[0])
    if ran is None:
        return replace(left, request=request, why_empty="no_time", why_no_disk="no_time")
    verdict, directory = ran
    pinned = _pinned(directory, case.directory)
    return _Ran(request, directory, verdict, read_observed(directory), pinned)


def _ran_crash(request: CrashRequest, how: Telling, bench: _Bench) -> _Ran:
    """One state after one power cut judged again, with its history kept."""
    if not _may_run(request, how):
        return _Ran(why_empty="software")
    place = bench.directory / "state"
    place.mkdir()
    terminal = how.terminal if how.terminal is not None else request.terminal
    asked = msgspec.structs.replace(request, terminal=terminal, out_dir=str(place))
    try:
        report = bench.children.call(lambda started: launch_crash(asked, 1, None, started), bench.deadline)
    except HarnessError as error:
        return _Ran(why_empty="failed", told=fit(str(error))[0])
    if report is None:
        return _Ran(why_empty="no_time")
    findings = read_findings(place)
    verdict = Verdict(
        "fail", report.scenario, report.terminal, report.seed, 1, 1, findings, (), (), (), (), Sales(), 0, ""
    )  # fmt: skip
    told = [(each.invariant, each.example) for flow in report.flows for each in flow.found]
    cuts = {
        number: Cut(f"{each.cut}, {each.profile}", each.step, each.losses, each.arrived) for number, each in told
    }  # fmt: skip
    # Its disk and the bytes of its messages are watched by nobody; the lines of the software are known.
    watched = dict.fromkeys((each.device for each in findings), Observed(places=read_places(place)))
    return _Ran(None, place, verdict if findings else None, watched, None, "crash_point", "not_again", cuts=cuts)


def _left(case: Case) -> _Ran:
    """What the run left when it was done first."""
    verdict = None if case.directory is None else _verdict_in(case.directory)
    if verdict is None or not _has(case.directory, "history.jsonl"):
        return _Ran()
    return _Ran(None, case.directory, verdict, {}, _pinned(case.directory), "not_run")


def _told_or_why_not(case: Case, ran: _Ran, bench: _Bench) -> FindingPage:
    """One history that cannot be read, such as an older version's, is no reason to show nothing of all others."""
    try:
        return _told(case, ran, bench)
    except HarnessError as error:
        return msgspec.structs.replace(bare(case), why_empty="failed", told=fit(str(error))[0])
    except OSError as error:
        return msgspec.structs.replace(
            bare(case), why_empty="failed", told=f"cannot read {error.filename}: {error.strerror}"
        )


def _told(case: Case, ran: _Ran, bench: _Bench) -> FindingPage:
    known = bare(case)
    if ran.directory is None or ran.verdict is None:
        return msgspec.structs.replace(known, why_empty=ran.why_empty, told=ran.told)
    finding = _finding(ran.verdict, known)
    if finding is None:
        return msgspec.structs.replace(known, why_empty="not_again", came_again=False)
    page = story_of(known, ran.verdict, finding, ran.directory, ran.observed.get(finding.device))
    if ran.why_no_disk:
        page = msgspec.structs.replace(
            page, why_no_disk=ran.why_no_disk, cut=page.cut or ran.cuts.get(finding.invariant)
        )
    if ran.request is None:
        why = "crash_point" if ran.why_no_disk == "crash_point" else "not_run"
        return msgspec.structs.replace(page, difference=Difference(why_none=why))
    guilty = Guilty(ran.request, ran.pinned, ran.verdict, finding, ran.directory, case.request is None)
    try:
        found = difference(guilty, bench.other)
    except HarnessError:
        found = Difference(why_none="not_run")
    return msgspec.structs.replace(page, difference=found)


def _pinned(*directories: Path | None) -> Path | None:
    """The first scenario there with every decision written down."""
    return next((each / "resolved.yaml" for each in directories if each and _has(each, "resolved.yaml")), None)


def _has(directory: Path | None, name: str) -> bool:
    return directory is not None and (directory / name).is_file()


def _key(case: Case) -> bytes:
    """Findings of one run have one key."""
    request = _request(case)
    line = case.page.again.encode() if request is None else msgspec.json.encode(request)
    return f"{case.directory} ".encode() + line


def _request(case: Case) -> RunRequest | None:
    return case.request if case.request is not None else request_of(case.page.again)


def _may_run(request: RunRequest | CrashRequest, how: Telling) -> bool:
    """What ships may run; other software only when the command line says so."""
    return how.trust or how.terminal is not None or (request.terminal in CATALOGUE and not _is_code(request.dialect))


def _is_code(dialect: str | None) -> bool:
    return dialect is not None and ":" in dialect and Path(dialect).suffix not in (".yaml", ".yml", ".json")


# ---------------------------------------------------------------- running


def _to_be_watched(request: RunRequest, cases: Sequence[Case]) -> ObservedRequest:
    known = {name: getattr(request, name) for name in request.__struct_fields__}
    known.update(resolved_out=None, snapshot=None, behaviour_out=None)
    pinned = _pinned(cases[0].directory)
    if pinned is not None:
        # As it was, also where the scenario has changed since.
        known.update(scenario=str(pinned.absolute()), without=())
    devices = [each for each in (_device(case.page) for case in cases) if each]
    return ObservedRequest(**known, watched=tuple(dict.fromkeys(devices)) if len(devices) == len(cases) else ())


def _device(page: FindingPage) -> str:
    """The terminal that it is about, as far as that can be known beforehand."""
    named = _DEVICE.search(page.summary)
    return page.device or (named.group() if named else "")


def _verdict_in(directory: Path) -> Verdict | None:
    try:
        return msgspec.json.decode((directory / "verdict.json").read_bytes(), type=Verdict)
    except (OSError, msgspec.MsgspecError):
        return None


def _finding(verdict: Verdict, page: FindingPage) -> FindingView | None:
    """The finding that the page is about; of several of its signature the very same one, or else the first."""
    alike = [each for each in verdict.findings if signature(each.invariant, kind_of(each.summary)) == page.signature]
    if not alike and page.cut is not None:
        # Of crash points one kind of finding has a page for each flow and place.
        known = page.invariant, kind_of(page.summary)
        alike = [each for each in verdict.findings if (each.invariant, kind_of(each.summary)) == known]
    same = [each for each in alike if (each.device, each.at_us) == (page.device, page.at_us)]
    return next(iter([*same, *alike]), None)


# ---------------------------------------------------------------- what is told


def bare(case: Case) -> FindingPage:
    """The page of what can be said without any history."""
    page = case.page
    return msgspec.structs.replace(
        page,
        summary=fit(page.summary)[0],
        why=page.why or why_of(page.invariant, page.summary, ()),
        shrunk=page.shrunk or _shrunk_text(case.shrunk),
    )


def _shrunk_text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_SHRUNK_CHARACTERS_MAX)
    except OSError:
        return ""

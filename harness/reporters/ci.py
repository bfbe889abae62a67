"""What a CI server is told, the same in every format: a verdict, test cases, problems by signature, what was not checked.

Models: one case a run, failing ones first; one problem a signature, with a place in a file where one is known. Does not model:
any format; those are one file each beside this one. Places: a line of code that the finding names, if it is a file below the
present directory; else the file of the software; else the scenario's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.core.errors import ExitCode
from harness.core.words import several
from harness.engine.sweep.summary import Signature, SweepSummary
from harness.reporters import plain
from harness.results.model import FindingRow, RunRow
from harness.scenario.find import names

CaseState = Literal["pass", "fail", "known", "inconclusive", "error"]
_PLACE = re.compile(r"(?P<file>[\w.][\w./-]*\.py):(?P<line>\d{1,7})\b")
_WHERE = "harness"
STATUS = {
    ExitCode.PASS: "pass",
    ExitCode.VIOLATED: "fail",
    ExitCode.INCONCLUSIVE: "inconclusive",
    ExitCode.HARNESS_ERROR: "error",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One run as a test case. ``room`` and ``name`` together are unique; ``count`` runs stand behind it."""

    room: str
    name: str
    state: CaseState
    why: tuple[str, ...] = ()
    again: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Findings of one signature. ``known``: it stands in the baseline and does not fail."""

    signature: str
    invariant: int
    name: str
    summary: str
    file: str
    line: int
    again: str
    runs: int
    findings: int
    money_fen: int = 0
    known: bool = False

    @property
    def title(self) -> str:
        """What it breaks, in a few words."""
        return f"invariant {self.invariant} {self.name}" if self.invariant else self.name


@dataclass(frozen=True, slots=True)
class Outcome:
    """All of it. ``said`` are sentences on what the verdict means; ``because`` what keeps it from being a pass."""

    title: str
    code: ExitCode
    said: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    cases: tuple[Case, ...] = ()
    unchecked: tuple[tuple[str, str], ...] = ()
    """What was not checked, and why."""
    vanished: tuple[str, ...] = ()
    """Signatures of the baseline that were not found again."""
    measures: tuple[tuple[str, float, float, float], ...] = field(default=())
    """Name, least, median, most."""

    @property
    def status(self) -> str:
        """The verdict in one word."""
        return STATUS.get(self.code, "error")

    @property
    def new(self) -> tuple[Problem, ...]:
        """Problems that fail."""
        return tuple(each for each in self.problems if not each.known)

    @property
    def known(self) -> tuple[Problem, ...]:
        """Problems that stand in the baseline."""
        return tuple(each for each in self.problems if each.known)


# ---------------------------------------------------------------- from what was run


def outcome_of_sweep(summary: SweepSummary, runs: Iterable[RunRow]) -> Outcome:
    """A sweep, or what its results file holds."""
    from harness.reporters.sweep import bound_of

    rows = list(runs)
    labels = {finding.signature: row.scenario for row in rows for finding in row.findings}
    because = [f"{each.verdict} in {several(each.runs, 'run')}: {each.why}" for each in summary.of_runs]
    because += [each.why for each in summary.because if each not in summary.of_runs]
    return Outcome(
        f"sweep of {plain.line(summary.terminal, 200)}",
        summary.code,
        (bound_of(summary.total),),
        tuple(plain.line(each) for each in because),
        tuple(
            problem_of(each, summary.terminal, labels.get(each.signature, ""), known=False)
            for each in summary.signatures
        ),
        cases_of(rows),
        measures=tuple((each.name, each.least, each.median, each.most) for each in summary.measures),
    )


def problem_of(each: Signature, terminal: str, label: str, *, known: bool) -> Problem:
    """One signature, with a place in a file."""
    file, number = place_of(each.summary, terminal, label)
    return Problem(
        each.signature,
        each.invariant,
        each.name,
        plain.line(each.summary),
        file,
        number,
        each.again,
        each.runs,
        each.findings,
        each.money_fen,
        known,
    )


def cases_of(runs: Sequence[RunRow], known: frozenset[str] = frozenset()) -> tuple[Case, ...]:
    """One case a run, failing ones first. A run all of whose findings are ``known`` does not fail."""
    cases = []
    for run in runs:
        room, name = room_of(run.scenario)
        state: CaseState = run.verdict
        if state == "fail" and run.findings and all(each.signature in known for each in run.findings):
            state = "known"
        why = tuple(_said_of(each) for each in run.findings) or tuple(plain.line(each) for each in run.because)
        cases.append(Case(room, f"{name}[seed {run.seed}]", state, why, run.replay))
    order: dict[str, int] = {"fail": 0, "error": 1, "inconclusive": 2, "known": 3, "pass": 4}
    return tuple(sorted(cases, key=lambda each: order[each.state]))


def _said_of(finding: FindingRow) -> str:
    what = f"invariant {finding.invariant} {finding.name}" if finding.invariant else finding.name
    return plain.line(f"{finding.signature} {what}: {finding.summary}")


def room_of(label: str) -> tuple[str, str]:
    """A scenario's room and its name in it: ``power/cut_in_flight`` is ``cut_in_flight`` in ``power``."""
    path = Path(label)
    return plain.line(path.parent.name, 100) or _WHERE, plain.line(path.stem or label, 200) or "scenario"


def place_of(summary: str, terminal: str, label: str) -> tuple[str, int]:
    """The file and line to show a finding at, below the present directory; line 1 where only a file is known."""
    spec = terminal.rpartition(":")[0] if terminal.rpartition(":")[0].endswith(".py") else ""
    for found in _PLACE.finditer(summary[:10_000]):
        for folder in (Path(), Path(spec).parent):
            file = _below_here(folder / found["file"])
            if file:
                return file, max(1, int(found["line"]))
    shipped = names().get(label)
    for candidate in (spec, label, str(shipped or "")):
        file = _below_here(Path(candidate)) if candidate else ""
        if file:
            return file, 1
    # Not a file of this directory: at least a name that cannot lead anywhere else.
    return f"scenarios/{'/'.join(room_of(label))}.yaml", 1


def _below_here(path: Path) -> str:
    """The path relative to the present directory; empty when it is none of its files."""
    try:
        here, file = Path.cwd().resolve(), path.resolve()
        return file.relative_to(here).as_posix() if file.is_file() and file.is_relative_to(here) else ""
    except (OSError, ValueError, RuntimeError):
        return ""

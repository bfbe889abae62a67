"""The verdict of one run: pass, fail or inconclusive, and all that it rests on.

A pass means: every invariant that could be checked held, every measure is within its threshold, every scheduled fault bit,
every probe that had to be reached was, and the terminal accepted enough of the sales that it could have taken. Anything less
is inconclusive, never a pass.
"""

from typing import Literal, TypeAlias

import msgspec

from harness.core.errors import ExitCode
from harness.history.symptoms.model import Reached

Status: TypeAlias = Literal["pass", "fail", "inconclusive"]

NO_SALE = "no sale was feasible, so nothing was shown"
"""Why a run without trade proves nothing."""


class FindingView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A finding as artefacts carry it. ``events`` are numbers of guilty events in history.jsonl, from 0."""

    invariant: int
    name: str
    device: str
    at_us: int
    summary: str
    money_fen: int = 0
    severity: str = ""
    events: tuple[int, ...] = ()
    story: tuple[str, ...] = ()
    fault: str = ""
    """The kind of fault to look at first: what struck there between the deed and its discovery, or last before."""
    place: str = ""
    """Where the software was when it struck, where that is known and says something."""
    follows: int = 0
    """The invariant of an earlier finding on the same device that this one may be a consequence of; 0: none."""
    cause: int | None = None
    """The number of the event in which ``fault`` struck."""


class MoreView(msgspec.Struct, frozen=True):
    """Findings that are counted and not kept: ``kind`` is that of findings that are, empty where it is not known.

    ``money_fen`` is 0 where nothing kept it.
    """

    invariant: int
    name: str
    kind: str
    findings: int
    money_fen: int


class NotChecked(msgspec.Struct, frozen=True):
    """An invariant that this run says nothing about, and why."""

    invariant: int
    name: str
    reason: str


class FaultView(msgspec.Struct, frozen=True):
    """How one planned fault fared: how often it struck and how many of its strikes bit."""

    name: str
    kind: str
    family: str
    struck: int
    bit: int


class Sales(msgspec.Struct, frozen=True):
    """``feasible`` sales are those that power, link, host and card allowed; ``accepted`` of those were approved."""

    asked: int = 0
    feasible: int = 0
    accepted: int = 0

    @property
    def acceptance_percent(self) -> float:
        """Accepted of feasible, in percent; 0 when nothing was feasible, as a run without sales shows nothing."""
        return 100.0 * self.accepted / self.feasible if self.feasible else 0.0


class MeasureView(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measured value. ``bound`` (at least, at most) and ``threshold`` are the scenario's, where it has one; then ``missed``
    says whether the value is beyond it."""

    name: str
    value: float
    bound: str = ""
    threshold: float | None = None
    missed: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """What a run says. Written as verdict.json; the same run gives the same bytes."""

    status: Status
    scenario: str
    terminal: str
    seed: int
    terminals: int
    days: int
    findings: tuple[FindingView, ...]
    inconclusive_because: tuple[str, ...]
    checked: tuple[str, ...]
    not_checked: tuple[NotChecked, ...]
    faults: tuple[FaultView, ...]
    sales: Sales
    events: int
    history_sha256: str
    diverged: int = 0
    probes: tuple[str, ...] = ()
    replay: str = ""
    measures: tuple[MeasureView, ...] = ()
    more: tuple[MoreView, ...] = ()
    """What there is besides ``findings``, each of a kind of which the first are there."""
    symptom: Reached | msgspec.UnsetType = msgspec.UNSET
    """How far the run got with the symptom that it was asked to look for, if it was."""

    @property
    def missed(self) -> tuple[MeasureView, ...]:
        """Measures beyond the scenario's thresholds: each alone makes a run fail."""
        return tuple(each for each in self.measures if each.missed)

    @property
    def exit_code(self) -> ExitCode:
        """The process exit code that this verdict stands for."""
        return {"pass": ExitCode.PASS, "fail": ExitCode.VIOLATED, "inconclusive": ExitCode.INCONCLUSIVE}[self.status]


def verdict_bytes(verdict: Verdict) -> bytes:
    """What ``verdict.json`` holds."""
    return msgspec.json.format(msgspec.json.encode(verdict), indent=1) + b"\n"


def worst(codes: list[ExitCode]) -> ExitCode:
    """One exit code for several runs: what broke counts before what failed, what failed before what says nothing."""
    order = (ExitCode.HARNESS_ERROR, ExitCode.USAGE, ExitCode.VIOLATED, ExitCode.INCONCLUSIVE, ExitCode.PASS)
    for code in order:
        if code in codes:
            return code
    return ExitCode.NOTHING_SELECTED

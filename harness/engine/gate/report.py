"""What a gate came to: plain data for the console, for JSON, for CI servers."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from harness.core.errors import ExitCode

GateStatus: TypeAlias = Literal["pass", "fail", "inconclusive", "error"]
FORMAT = 1


class Part(msgspec.Struct):
    """One part of the gate. Counts are of runs, or of flows on a medium; ``skipped`` says why it did not begin."""

    name: str
    what: str
    declared: int = 0
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    took_s: float = 0.0
    skipped: str = ""


class GateFinding(msgspec.Struct):
    """Findings of one signature. ``again`` runs the first of them again, ``shrunk_again`` the smallest that was made of it."""

    signature: str
    invariant: int
    name: str
    kind: str
    summary: str
    part: str
    where: str
    again: str
    runs: int = 0
    findings: int = 0
    money_fen: int = 0
    known: bool = False
    shrunk: str = ""
    """The file that holds the smallest scenario."""
    shrunk_again: str = ""
    not_shrunk: str = ""
    """Why there is none."""


class Bound(msgspec.Struct, frozen=True):
    """What the random runs say about all such runs. Seeds were declared beforehand: from the first on, as many as time allows.

    ``upper_bound_95`` is the exact one (Clopper and Pearson) on the rate of failing runs, known findings included. None where
    the runs were ended because of what they showed: a bound would not be worth its name.
    """

    scenario: str
    terminals: int
    first_seed: int
    runs: int
    """That came to a pass or a fail."""
    failed: int
    inconclusive: int
    terminal_days: int
    upper_bound_95: float | None


class Unchecked(msgspec.Struct, frozen=True):
    """Something that this gate says nothing about, and why."""

    what: str
    why: str


class Untried(msgspec.Struct, frozen=True):
    """What a part of the gate was to try and did not come to: which of its checks or flows, and of how many."""

    part: str
    names: tuple[str, ...]
    of: int
    why: str


class Because(msgspec.Struct, frozen=True):
    """What keeps the gate from a pass. ``key`` is what ``--waive`` takes."""

    key: str
    why: str


class LimitView(msgspec.Struct, frozen=True):
    """One ``--fail-if``: the value closest to failing in all random runs, None where nothing was measured.

    ``again`` runs the run with that value again; empty where it is of all runs together.
    """

    limit: str
    value: float | None
    failed: bool
    again: str = ""


class Spread(msgspec.Struct, frozen=True):
    """One measure over the random runs."""

    name: str
    least: float
    median: float
    most: float


class GateReport(msgspec.Struct):
    """All of it."""

    format: int
    harness: str
    terminal: str
    dialect: str
    budget_s: float
    jobs: int
    status: GateStatus = "error"
    took_s: float = 0.0
    parts: list[Part] = []
    findings: list[GateFinding] = []
    vanished: list[str] = []
    """Signatures of the baseline that were not found again."""
    bound: Bound | None = None
    because: list[Because] = []
    waived: list[Because] = []
    unused_waivers: list[str] = []
    """Keys of ``--waive`` that stood for nothing."""
    limits: list[LimitView] = []
    untried: list[Untried] = []
    unchecked: list[Unchecked] = []
    checked: list[str] = []
    measures: list[Spread] = []

    @property
    def new(self) -> list[GateFinding]:
        """Findings that fail."""
        return [each for each in self.findings if not each.known]

    @property
    def exit_code(self) -> ExitCode:
        """What broke counts before what failed, what failed before what proves nothing."""
        if any(part.errors for part in self.parts):
            return ExitCode.HARNESS_ERROR
        if self.new or any(each.failed for each in self.limits):
            return ExitCode.VIOLATED
        return ExitCode.INCONCLUSIVE if self.because else ExitCode.PASS

    def close(self, took_s: float) -> None:
        """Say what it came to."""
        names: dict[ExitCode, GateStatus] = {
            ExitCode.PASS: "pass", ExitCode.VIOLATED: "fail", ExitCode.INCONCLUSIVE: "inconclusive",
        }  # fmt: skip
        self.status, self.took_s = names.get(self.exit_code, "error"), round(took_s, 1)

"""The overview: verdict, bound, what was not checked, faults by invariants, signatures, measures, runs."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from harness.engine.report.model.plots import Series

Status: TypeAlias = Literal["pass", "fail", "inconclusive", "error"]


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sentence of the harness about what it found. ``code`` is a key of the page's texts, which takes the rest into it.

    ``text`` is what is said where the texts have no such code, and what a reason quotes; ``again`` a line to copy.
    """

    code: str
    text: str = ""
    what: str = ""
    count: int = 0
    of: int = 0
    again: str = ""


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it ended, and what keeps it from a pass."""

    status: Status
    exit_code: int
    because: tuple[Said, ...] = ()
    waived: tuple[Said, ...] = ()
    checked: tuple[str, ...] = ()
    """Invariants as ``NUMBER NAME``, where that is known."""


class Bound(msgspec.Struct, frozen=True, omit_defaults=True):
    """What random runs that were declared beforehand say about all such runs. ``upper_95`` is a share, None where there is none.

    ``why_none``: nothing (no conclusive run), search (runs were chosen by what others did), ended_early (ended for a finding),
    not_begun, one_run (a single run or a bundle is no sample), every_state (states are listed, not drawn by chance).
    """

    failed: int
    conclusive: int
    inconclusive: int
    upper_95: float | None
    why_none: str = ""
    scenario: str = ""
    """Of which runs it speaks; empty for the declared ones of all scenarios."""
    terminals: int = 0
    first_seed: int = 0
    terminal_days: int = 0
    shard: tuple[int, int] | None = None


class Unchecked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that nothing is said about. ``code``: invariant, check, missing, never_bit, skipped, cut_off, vanished, other."""

    code: str
    what: str
    why: str = ""
    count: int = 0


class FaultRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One kind of fault: in ``runs`` of the runs it was on. ``kind`` is empty for findings that no fault led to."""

    kind: str
    family: str
    runs: int = 0
    struck: int = 0
    bit: int = 0

    @property
    def never_bit(self) -> bool:
        """Whether it was on and had no effect anywhere, so that nothing is known about it."""
        return bool(self.runs) and not self.bit


class InvariantColumn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One invariant. ``checked`` is None where nothing says whether any run could judge it."""

    number: int
    name: str
    sentence: str = ""
    checked: bool | None = None


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """Findings of one invariant after one kind of fault. ``signatures`` are those of ``Report.signatures``, the first few."""

    fault: str
    invariant: int
    findings: int
    runs: int
    money_fen: int = 0
    signatures: tuple[str, ...] = ()


class Matrix(msgspec.Struct, frozen=True, omit_defaults=True):
    """Faults by invariants. A cell that is not here is empty; what that means, row and column say (never bit, not checked)."""

    faults: tuple[FaultRow, ...] = ()
    invariants: tuple[InvariantColumn, ...] = ()
    cells: tuple[Cell, ...] = ()


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault that struck last before findings of a signature, where in the code, and in how many runs."""

    fault: str
    place: str
    runs: int = 0
    nothing_lost: bool = False
    """Of states of crash points: the cut took nothing, and ``place`` is no more than the last storage call before it."""


class SignatureRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Findings that differ in devices, times and amounts alone. ``page`` is the number of its page in ``Report.findings``."""

    signature: str
    invariant: int
    name: str
    kind: str
    summary: str
    again: str = ""
    runs: int = 0
    findings: int = 0
    money_fen: int = 0
    points: tuple[Point, ...] = ()
    page: int | None = None
    known: bool = False
    """It stands in the baseline and does not fail."""
    part: str = ""
    """The gate's part that found it."""
    scenario: str = ""
    seed: int | None = None
    """The first run that showed it."""
    shrunk: str = ""
    """The file of the smallest scenario."""
    shrunk_again: str = ""
    not_shrunk: str = ""


class Spread(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measure over ``runs`` runs; its name ends with its unit. ``steps`` counts runs in equal steps from least to most."""

    name: str
    least: float
    median: float
    most: float
    p95: float | None = None
    runs: int = 0
    steps: tuple[int, ...] = ()
    bound: str = ""
    """``at least`` or ``at most``, where something was asked for."""
    threshold: float | None = None
    missed: bool = False
    meaning: str = ""


class Measures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Numbers over all runs, and what can be plotted."""

    spreads: tuple[Spread, ...] = ()
    series: tuple[Series, ...] = ()


class RunsRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Runs of one scenario, cell of a campaign or part of a gate, by verdict."""

    label: str
    declared: int
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    upper_95: float | None = None
    failed_seeds: tuple[int, ...] = ()
    inconclusive_seeds: tuple[int, ...] = ()
    what: str = ""
    took_s: float | None = None
    skipped: str = ""


class Runs(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of them, and by scenario; ``left_out`` rows, none of them worse, are not here."""

    total: RunsRow
    rows: tuple[RunsRow, ...] = ()
    parts: tuple[RunsRow, ...] = ()
    """A gate's."""
    reasons: tuple[Said, ...] = ()
    """Why runs are inconclusive or broke, those of most runs first."""
    left_out: int = 0


class CutCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """Cuts after ``step`` of a flow, or of a recovery (``depth`` 2), on one medium: from ``failing`` of ``states`` harm came."""

    step: str
    medium: str
    states: int
    failing: int = 0
    depth: int = 1


class CutFlow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One flow whose power was cut everywhere: where in it a cut does harm. Steps are in their order."""

    flow: str
    summary: str
    media: tuple[str, ...] = ()
    cells: tuple[CutCell, ...] = ()
    left_out: int = 0
    """Steps that are not here, to keep it small."""

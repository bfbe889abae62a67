"""What a report holds: the frozen shapes between what gathers it (``engine.report``) and what draws it (``reporters.html``).

Models: an overview (verdict, bound, what was not checked, faults by invariants, signatures, measures, runs), one page a finding,
and series to plot. Does not model: wording and looks. What the harness itself says is a code and numbers, so that it can be said
in every language; what terminal software or an invariant said is text, and only ever text. Every text may be hostile: it
becomes fit to show where the page is written, in one place.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from harness.engine.report.model.finding import Cut, Difference, FindingPage, Why
from harness.engine.report.model.moments import Band, Disk, Field, File, Lane, Lost, Message, Step, Taken, Volume
from harness.engine.report.model.overview import (
    Bound,
    Cell,
    CutCell,
    CutFlow,
    FaultRow,
    InvariantColumn,
    Matrix,
    Measures,
    Point,
    Runs,
    RunsRow,
    Said,
    SignatureRow,
    Spread,
    Status,
    Unchecked,
    Verdict,
)
from harness.engine.report.model.plots import Figure, Line, Mark, Series, Span

__all__ = [
    "FORMAT",
    "Band",
    "Bound",
    "Cell",
    "Cut",
    "CutCell",
    "CutFlow",
    "Difference",
    "Disk",
    "FaultRow",
    "Field",
    "Figure",
    "File",
    "FindingPage",
    "InvariantColumn",
    "Kind",
    "Lane",
    "Line",
    "Lost",
    "Mark",
    "Matrix",
    "Measures",
    "Message",
    "Point",
    "Report",
    "Runs",
    "RunsRow",
    "Said",
    "Series",
    "SignatureRow",
    "Span",
    "Spread",
    "Status",
    "Step",
    "Taken",
    "Unchecked",
    "Verdict",
    "Volume",
    "Why",
]

FORMAT = 1

Kind: TypeAlias = Literal["sweep", "gate", "run", "bundle", "crashpoints"]


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a page shows. ``title`` is the software; ``harness`` the version that wrote it."""

    format: int
    kind: Kind
    title: str
    harness: str
    source: str
    verdict: Verdict
    bound: Bound | None = None
    unchecked: tuple[Unchecked, ...] = ()
    matrix: Matrix = Matrix()
    signatures: tuple[SignatureRow, ...] = ()
    measures: Measures = Measures()
    runs: Runs | None = None
    cuts: tuple[CutFlow, ...] = ()
    findings: tuple[FindingPage, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """What else to know of it: a code of the texts (campaign, seeds, swarm, budget, device, ...) and a value."""
    left_out: tuple[Said, ...] = ()
    """What was too much for one page."""

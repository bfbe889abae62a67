"""What comparing two releases came to: plain data for the console and for JSON, and the exit code that follows.

Models: findings by signature, over all pairs of runs that both came to a pass or a fail: *new* in the release under test alone,
*fixed* in the baseline alone, *unchanged* in both. A finding whose line of code has moved is the same finding. What only a pair
shows of which one run proves nothing is *unproven*.
Does not model: how likely it is that a finding of few runs would have shown in the other release with more of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from harness.core.errors import ExitCode
from harness.engine.keeping import KINDS_MAX
from harness.invariants.kinds import kind_of, signature
from harness.results.model import FindingRow, RunRow
from harness.scenario.thresholds import MEASURES

_PLACE = re.compile(r"[\w./-]+\.py:\d+")
_ORDER = ("new", "unproven", "fixed", "unchanged")


class Divergence(msgspec.Struct, frozen=True):
    """Where the two runs of a pair part, as somebody outside would see it: each side as a line of a story."""

    scenario: str
    seed: int
    device: str
    at_us: int
    terminal_does: str
    against_does: str


class PairView(msgspec.Struct, frozen=True):
    """Two runs on the same decisions. ``missing``: decisions that the baseline asked for and the release under test had not
    made; each took its neutral value. ``same_history``: byte for byte."""

    scenario: str
    seed: int
    terminal: str
    """The verdict of the release under test."""
    against: str
    missing: int
    same_history: bool
    because: tuple[str, ...] = ()
    """Why the pair proves nothing, if it does not."""
    divergence: Divergence | None = None
    again: str = ""

    @property
    def conclusive(self) -> bool:
        """Whether both runs came to a pass or a fail."""
        return {self.terminal, self.against} <= {"pass", "fail"}


class Difference(msgspec.Struct):
    """Findings of one signature on both sides, and how many runs have them. ``again`` does the first pair again."""

    status: str
    signature: str
    invariant: int
    name: str
    summary: str
    again: str
    terminal_runs: int = 0
    against_runs: int = 0
    terminal_findings: int = 0
    against_findings: int = 0
    terminal_fen: int = 0
    against_fen: int = 0


class Spread(msgspec.Struct, frozen=True):
    """One measure over the runs of one side."""

    median: float
    least: float
    most: float


class MeasureView(msgspec.Struct, frozen=True):
    """One measure on both sides. ``difference``: the median, over pairs, of the release under test less the baseline.

    ``better`` is 1 where the difference is for the better, -1 for the worse, 0 where there is none or nobody said which is good.
    """

    name: str
    terminal: Spread
    against: Spread
    difference: float
    better: int
    pairs: int


class SideView(msgspec.Struct):
    """The runs of one side."""

    spec: str
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    feasible: int = 0
    accepted: int = 0

    @property
    def acceptance_percent(self) -> float:
        """Accepted of feasible sales, over all runs."""
        return 100.0 * self.accepted / self.feasible if self.feasible else 0.0

    def add(self, row: RunRow) -> None:
        """One run more."""
        self.passed += row.verdict == "pass"
        self.failed += row.verdict == "fail"
        self.inconclusive += row.verdict == "inconclusive"
        self.errors += row.verdict == "error"
        for each in row.measures:
            self.feasible += int(each.value) if each.name == "sales_feasible" else 0
            self.accepted += int(each.value) if each.name == "sales_accepted" else 0


class CompareReport(msgspec.Struct):
    """All of it. ``declared`` is how many pairs there were to be."""

    terminal: SideView
    against: SideView
    first_seed: int
    declared: int
    pairs: list[PairView] = []
    differences: list[Difference] = []
    measures: list[MeasureView] = []
    cut_off: list[str] = []
    """Runs with more findings than are kept."""

    def of(self, status: str) -> list[Difference]:
        """The differences of that status."""
        return [each for each in self.differences if each.status == status]

    @property
    def inconclusive(self) -> list[PairView]:
        """Pairs of which one run, or both, proves nothing."""
        return [each for each in self.pairs if not each.conclusive]

    @property
    def first(self) -> Divergence | None:
        """Of all pairs that part the first, in order of scenarios and seeds."""
        return next((each.divergence for each in self.pairs if each.divergence is not None), None)

    @property
    def exit_code(self) -> ExitCode:
        """New findings first; then what broke; then whatever keeps the rest from proving something."""
        if self.of("new"):
            return ExitCode.VIOLATED
        if self.terminal.errors or self.against.errors:
            return ExitCode.HARNESS_ERROR
        if self.inconclusive or len(self.pairs) < self.declared or not self.pairs:
            return ExitCode.INCONCLUSIVE
        return ExitCode.PASS


class Pair(msgspec.Struct, frozen=True):
    """What is kept of one pair while others run."""

    view: PairView
    terminal: RunRow
    against: RunRow


def same_finding(finding: FindingRow) -> str:
    """What two findings of two releases have in common when they are the same: all but the line of code."""
    return signature(finding.invariant, kind_of(_PLACE.sub("PLACE", finding.summary)))


def report_of(terminal: str, against: str, first_seed: int, declared: int, pairs: Iterable[Pair]) -> CompareReport:
    """The pairs, summed up; the same bytes in whatever order they ended."""
    ordered = sorted(pairs, key=lambda pair: (pair.view.scenario, pair.view.seed))
    report = CompareReport(SideView(terminal), SideView(against), first_seed, declared)
    found: dict[str, Difference] = {}
    proven: set[str] = set()
    for pair in ordered:
        report.pairs.append(pair.view)
        report.terminal.add(pair.terminal)
        report.against.add(pair.against)
        for row, is_mine in ((pair.terminal, True), (pair.against, False)):
            if len({each.signature for each in row.findings}) >= KINDS_MAX:
                report.cut_off.append(f"{row.scenario}, seed {row.seed}, {terminal if is_mine else against}")
            _add(found, row, pair.view, is_mine=is_mine)
        if pair.view.conclusive:
            proven |= {same_finding(each) for row in (pair.terminal, pair.against) for each in row.findings}
    for key, each in found.items():
        each.status = _status(each, is_proven=key in proven)
    report.differences = sorted(
        found.values(),
        key=lambda each: (_ORDER.index(each.status), each.invariant, -each.terminal_runs, each.signature),
    )
    report.measures = _measures([pair for pair in ordered if pair.view.conclusive])
    return report


def _status(each: Difference, *, is_proven: bool) -> str:
    if each.terminal_runs and each.against_runs:
        return "unchanged"
    if not is_proven:
        return "unproven"
    return "new" if each.terminal_runs else "fixed"


def _add(found: dict[str, Difference], row: RunRow, view: PairView, *, is_mine: bool) -> None:
    keys: set[str] = set()
    for finding in row.findings:
        key = same_finding(finding)
        known = found.get(key)
        if known is None:
            known = found[key] = Difference(
                "", finding.signature, finding.invariant, finding.name, finding.summary, view.again
            )
        # Two places in one release may be one finding here: it is one run all the same.
        if is_mine:
            known.terminal_runs += key not in keys
            known.terminal_findings += finding.count
            known.terminal_fen += finding.money_fen
        else:
            known.against_runs += key not in keys
            known.against_findings += finding.count
            known.against_fen += finding.money_fen
        keys.add(key)


def _measures(pairs: Sequence[Pair]) -> list[MeasureView]:
    """Of conclusive pairs alone, and of a measure that both sides have."""
    values: dict[str, list[tuple[float, float]]] = {}
    for pair in pairs:
        theirs = {each.name: each.value for each in pair.against.measures}
        for each in pair.terminal.measures:
            if each.name in theirs:
                values.setdefault(each.name, []).append((each.value, theirs[each.name]))
    return [_measure(name, both) for name, both in values.items() if name not in _COUNTED]


_COUNTED = frozenset({"terminal_days", "sales_asked", "sales_feasible", "sales_accepted", "diverged"})
"""Told elsewhere, or the same by design."""


def _measure(name: str, both: Sequence[tuple[float, float]]) -> MeasureView:
    difference = median(mine - theirs for mine, theirs in both)
    known = MEASURES.get(name)
    good = 0 if known is None else 1 if known.bound == "at least" else -1
    better = 0 if not difference else good if difference > 0 else -good
    return MeasureView(
        name,
        _spread([mine for mine, _ in both]),
        _spread([theirs for _, theirs in both]),
        difference,
        better,
        len(both),
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))

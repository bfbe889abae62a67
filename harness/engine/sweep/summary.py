"""What a results file comes to: counts, the bound that they give, findings by signature, faults and what they bit."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from math import isfinite
from pathlib import Path
from statistics import median

import msgspec

from harness.core.errors import ExitCode
from harness.engine.campaign import upper_bound
from harness.invariants.kinds import kind_of
from harness.results.bundle import SUFFIX, replay_line
from harness.results.model import VERDICTS, BiteRow, CanaryRow, Declared, RunRow
from harness.results.store import Chosen, Store
from harness.terminals.catalogue import CATALOGUE

BUNDLES = "bundles"
"""Beside a results file: one bundle a signature."""

_SEEDS_KEPT = 20
_STATUS = {
    ExitCode.PASS: "pass", ExitCode.VIOLATED: "fail", ExitCode.INCONCLUSIVE: "inconclusive", ExitCode.HARNESS_ERROR: "error",
}  # fmt: skip


class Counts(msgspec.Struct):
    """Runs by verdict. ``declared`` is how many there were to be; what is missing is not finished.

    ``upper_bound_95`` is on the rate of failing runs, from runs with random seeds that were declared beforehand and came to a
    pass or a fail; inconclusive runs and errors count for nothing.
    """

    scenario: str
    declared: int
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    upper_bound_95: float = 1.0
    failed_seeds: list[int] = []
    inconclusive_seeds: list[int] = []

    @property
    def finished(self) -> int:
        """Runs that came to a verdict."""
        return self.passed + self.failed + self.inconclusive

    @property
    def conclusive(self) -> int:
        """Runs that show something."""
        return self.passed + self.failed

    def add(self, run: RunRow) -> None:
        """One more run."""
        if run.verdict == "pass":
            self.passed += 1
        elif run.verdict == "fail":
            self.failed += 1
            _keep(self.failed_seeds, run.seed)
        elif run.verdict == "inconclusive":
            self.inconclusive += 1
            _keep(self.inconclusive_seeds, run.seed)
        else:
            self.errors += 1


class Point(msgspec.Struct):
    """A fault that struck last before findings of a signature, where in the code, and in how many runs."""

    fault: str
    place: str
    runs: int = 0


class Signature(msgspec.Struct):
    """Findings that differ in devices, times and amounts alone. ``again`` runs the first of them again."""

    signature: str
    invariant: int
    name: str
    kind: str
    summary: str
    again: str
    runs: int = 0
    findings: int = 0
    money_fen: int = 0
    points: list[Point] = []
    """By fault and code point, those of most runs first."""
    bundle: str = ""
    """The file that holds its first run, where there is one, and the command that replays it."""
    bundle_again: str = ""


class FaultCount(msgspec.Struct):
    """One planned fault of a scenario over all runs: in ``runs`` of them it was not switched off."""

    scenario: str
    fault: str
    family: str
    runs: int = 0
    struck: int = 0
    bit: int = 0


class Because(msgspec.Struct):
    """A reason for which runs are inconclusive or broke, and how many; ``again`` runs the first of them again.

    ``verdict``: theirs, or what else keeps the sweep from a pass: ``missing`` runs, a ``canary`` that was not found, an ``idle``
    fault.
    """

    verdict: str
    why: str
    again: str
    runs: int = 0


class Spread(msgspec.Struct, frozen=True):
    """One measure over all runs."""

    name: str
    least: float
    median: float
    most: float


class CutOff(msgspec.Struct, frozen=True):
    """A run that was ended under way because the time of the sweep was over, and how long it had run. It is not counted."""

    scenario: str
    seed: int
    ran_s: float


class SweepSummary(msgspec.Struct):
    """All of it."""

    terminal: str
    first_seed: int
    runs: int
    """For each scenario; 0 where each has a number of its own."""
    swarm: bool
    total: Counts
    scenarios: list[Counts]
    signatures: list[Signature]
    faults: list[FaultCount]
    because: list[Because]
    measures: list[Spread]
    terminal_days: int = 0
    """Of conclusive runs."""
    canaries: list[CanaryRow] = []
    """Planted defects: each must be found, or the sweep shows nothing."""
    campaign: str = ""
    shard: tuple[int, int] | None = None
    """(3, 8): what is declared, and the bound, are those of this part."""
    missing: int = 0
    """Declared runs that are not finished."""
    out_of_time: bool = False
    """Whether runs are missing because the time of the sweep was over; known to the sweep itself, not to its file."""
    cut_off: list[CutOff] = []
    """Runs that were under way then, and were ended."""
    status: str = "error"
    """The verdict in one word; ``code`` is what the command exits with."""
    exit_code: int = int(ExitCode.HARNESS_ERROR)
    search: str = "random"
    """How runs were chosen. Of any but random ones nothing is bounded: every ``upper_bound_95`` is 1."""

    @property
    def idle(self) -> list[FaultCount]:
        """Faults that never bit in any run, though they were on in some. Of a shard that is nothing: it may be in another.

        What strikes at random must bite somewhere in its campaign: cells of one scenario count together.
        """
        if self.shard is not None:
            return []
        together: dict[tuple[str, str], FaultCount] = {}
        for each in self.faults:
            scenario = each.scenario.partition(": ")[0] if self.campaign else each.scenario
            known = together.setdefault((scenario, each.fault), FaultCount(scenario, each.fault, each.family))
            known.runs, known.struck, known.bit = (
                known.runs + each.runs,
                known.struck + each.struck,
                known.bit + each.bit,
            )
        return [each for each in together.values() if each.runs and not each.bit]

    @property
    def canary_found(self) -> bool:
        """Whether the defect that was planted was found, each time."""
        return bool(self.canaries) and not any(each.missed for each in self.canaries)

    @property
    def of_runs(self) -> list[Because]:
        """Reasons that runs gave."""
        return [each for each in self.because if each.verdict in VERDICTS]

    def close(self) -> None:
        """Say in a word and in reasons what it came to."""
        self.because = self.of_runs
        if self.missing:
            why = " when the time of the sweep was over" if self.out_of_time else ""
            why = f"{self.missing:,} of {self.total.declared:,} declared runs are not finished{why} (--resume)"
            self.because.append(Because("missing", why, "", self.missing))
        if not self.canary_found:
            why = "the defect that is planted in every sweep (canary) was not found"
            self.because.append(Because("canary", why, self.canaries[-1].replay if self.canaries else ""))
        for each in self.idle:
            why = f"fault {each.fault} of {each.scenario} never bit"
            self.because.append(Because("idle", why, "", each.runs))
        if not self.total.declared:
            why = "no run falls to this part: a sweep of so few runs needs fewer --shard"
            self.because.append(Because("missing", why, ""))
        self.status, self.exit_code = _STATUS[self.code], int(self.code)

    @property
    def code(self) -> ExitCode:
        """What broke counts before what failed, what failed before what proves nothing."""
        if self.total.errors:
            return ExitCode.HARNESS_ERROR
        if self.total.failed:
            return ExitCode.VIOLATED
        if not self.canary_found or self.missing or self.total.inconclusive or self.idle or not self.total.conclusive:
            return ExitCode.INCONCLUSIVE
        return ExitCode.PASS


def summary_of(store: Store, *, with_measures: bool = True) -> SweepSummary:
    """A results file, summed up. Runs that passed are not looked at one by one: there may be a hundred thousand.

    ``with_measures``: their spread, and terminal-days, which take the most of the time.
    """
    with store.at_one_moment():
        tally = _Tally(store.declared())
        for run in store.runs(Chosen(("fail", "inconclusive", "error"), bare=True)):
            tally.add(run)
        for scenario, count in store.passes().items():
            tally.counts_of(scenario).passed += count
            tally.total.passed += count
        for scenario, bite, runs in store.bite_sums():
            tally.add_bites(scenario, bite, runs)
        if with_measures:
            days = store.measured(("pass", "fail"), "terminal_days")
            tally.terminal_days = days_in(days.get("terminal_days", ()))
            tally.values = store.measured()
        summary = tally.summary(store.canaries())
        declared = store.declared()
    for each in summary.signatures:
        path = store.path.parent / BUNDLES / f"{each.signature}{SUFFIX}"
        # A name that leads elsewhere is not followed: results may come from anywhere.
        if re.fullmatch(r"\w{1,100}", each.signature) and path.is_file():
            each.bundle, each.bundle_again = str(path), _replayed(path, declared)
    return summary


def days_in(values: Iterable[float]) -> int:
    """Terminal-days of so many runs. What is no number or endless is none."""
    total = sum(filter(isfinite, values))
    return int(total) if isfinite(total) else 0


def _replayed(bundle: Path, declared: Declared) -> str:
    dialect = declared.dialect
    is_code = dialect is not None and Path(dialect).suffix not in (".yaml", ".yml", ".json")
    return replay_line(bundle, None if declared.terminal in CATALOGUE else declared.terminal, is_code)


def summarise(declared: Declared, runs: Iterable[RunRow], canaries: Iterable[CanaryRow]) -> SweepSummary:
    """The same of runs that are not in a file."""
    tally = _Tally(declared)
    for run in runs:
        tally.add(run)
    return tally.summary(canaries)


class _Tally:
    """Adds up runs."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._counts = {each.label: Counts(each.label, declared.runs_of(each)) for each in declared.scenarios}
        self._signatures: dict[str, Signature] = {}
        self._faults: dict[tuple[str, str], FaultCount] = {}
        self._because: dict[tuple[str, str], Because] = {}
        self.total = Counts("all", sum(each.declared for each in self._counts.values()))
        self.values: dict[str, array[float]] = {}
        self.terminal_days = 0

    def counts_of(self, scenario: str) -> Counts:
        """Also of one that was not declared."""
        return self._counts.setdefault(scenario, Counts(scenario, 0))

    def add(self, run: RunRow) -> None:
        """One more run."""
        self.total.add(run)
        self.counts_of(run.scenario).add(run)
        for each in run.measures:
            self.values.setdefault(each.name, array("d")).append(each.value)
            if each.name == "terminal_days" and run.verdict in ("pass", "fail"):
                self.terminal_days += days_in((each.value,))
        for why in run.because if run.verdict != "fail" else ():
            kind = kind_of(why)
            self._because.setdefault((run.verdict, kind), Because(run.verdict, kind, run.replay)).runs += 1
        for bite in run.bites:
            self.add_bites(run.scenario, bite, 1)
        _add_findings(self._signatures, run)

    def add_bites(self, scenario: str, bite: BiteRow, runs: int) -> None:
        """The sum of one planned fault over so many runs."""
        fault = self._faults.setdefault((scenario, bite.fault), FaultCount(scenario, bite.fault, bite.family))
        fault.runs, fault.struck, fault.bit = fault.runs + runs, fault.struck + bite.struck, fault.bit + bite.bit

    def summary(self, canaries: Iterable[CanaryRow]) -> SweepSummary:
        """All of it."""
        declared, total = self._declared, self.total
        for each in (total, *self._counts.values()) if declared.search == "random" else ():
            each.upper_bound_95 = upper_bound(each.failed, each.conclusive)
        for known in self._signatures.values():
            known.points.sort(key=lambda each: (-each.runs, each.fault, each.place))
        summary = SweepSummary(
            declared.terminal,
            declared.first_seed,
            declared.runs,
            declared.swarm,
            total,
            list(self._counts.values()),
            sorted(self._signatures.values(), key=lambda each: (each.invariant, -each.runs, each.signature)),
            [self._faults[key] for key in sorted(self._faults)],
            sorted(self._because.values(), key=lambda each: (each.verdict, -each.runs, each.why)),
            [_spread(name, sorted(self.values[name])) for name in sorted(self.values)],
            self.terminal_days,
            list(canaries),
            missing=total.declared - total.finished,
            campaign=declared.campaign,
            shard=declared.shard,
            search=declared.search,
        )
        summary.close()
        return summary


def _spread(name: str, values: list[float]) -> Spread:
    return Spread(name, values[0], median(values), values[-1])


def _add_findings(signatures: dict[str, Signature], run: RunRow) -> None:
    counted: set[str] = set()
    for finding in run.findings:
        known = signatures.setdefault(
            finding.signature,
            Signature(
                finding.signature, finding.invariant, finding.name, finding.kind, finding.summary, run.replay
            ),
        )  # fmt: skip
        known.runs += finding.signature not in counted
        counted.add(finding.signature)
        known.findings += finding.count
        known.money_fen += finding.money_fen
        point = next((p for p in known.points if (p.fault, p.place) == (finding.fault, finding.place)), None)
        if point is None:
            point = Point(finding.fault, finding.place)
            known.points.append(point)
        point.runs += 1


def _keep(seeds: list[int], seed: int) -> None:
    if len(seeds) < _SEEDS_KEPT:
        seeds.append(seed)

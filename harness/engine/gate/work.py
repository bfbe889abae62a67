"""The gate at work: known defects first, then crash points, then random runs until the time is over.

Models: one budget of real time. The cheap checks come first, and what is found in a part ends the gate after it: a bad release is
to fail early, and what is left of the time makes its findings small. Random runs have seeds that were declared beforehand, from
the first on, as many as time allows; the bound is theirs alone. Runs themselves are the sweep's.
Does not model: several machines; what the gate's one scenario of random faults does not do.
"""

from __future__ import annotations

import math
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.words import several
from harness.engine.campaign import upper_bound
from harness.engine.crashpoints.request import CrashRequest
from harness.engine.gate import cuts, smallest
from harness.engine.gate.baseline import Baseline
from harness.engine.gate.checks import FLOWS, SEEDS, Check, checks
from harness.engine.gate.child import parts_of
from harness.engine.gate.limits import Limit, values_of
from harness.engine.gate.report import FORMAT, Because, Bound, GateReport, LimitView, Part, Spread, Unchecked, Untried
from harness.engine.gate.tally import Tally
from harness.engine.sink import make_directory, write_bytes
from harness.engine.sweep.summary import SweepSummary, summary_of
from harness.engine.sweep.work import Sweep, Wanted, declare, planned
from harness.invariants.catalogue import INVARIANTS
from harness.results.model import Declared, RunRow
from harness.results.store import FILE_NAME, Store
from harness.scenario import find

RANDOM = "combined/random_faults"
RANDOM_TERMINALS = 4
"""Small worlds: many independent runs in the time, and an early finding."""
_RUNS_A_SECOND = 12
"""More than a core does: so many seeds are declared that they do not run out."""
_WALL_MOST_S = 300.0
_SHARES = {"checks": 0.85, "crash points": 0.8, "chance": 0.8, "random": 0.92}
"""Of the time that is left when a part begins, the most that it may take. A part that had no time is no pass in any case, and the
first parts find most: on a slow machine they have it."""
_AFTER_A_FINDING = 0.1
"""Of the budget: how long a part may go on after something new was found in it."""
_SECONDS_LEAST = 2.0
_CUTS_BEGIN_S = 1.5
"""About how long crash points take to load the software and to bring the state under way to its end."""
_EARLIER = "something was found before"
_NO_TIME = "the budget was over before it could begin"


@dataclass(frozen=True, slots=True)
class GateWanted:
    """What the command line asks for. ``dialect`` and files in ``terminal`` are absolute."""

    terminal: str
    budget_s: float
    out_dir: Path
    jobs: int
    first_seed: int = 1
    dialect: str | None = None
    baseline: Baseline | None = None
    require: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    waive: tuple[str, ...] = ()
    random: str = RANDOM
    """The scenario of the random runs."""
    runs: int | None = None
    """How many of them; None: as many as time allows."""
    shrink: bool = True
    checks: tuple[Check, ...] = field(default_factory=checks)
    flows: tuple[str, ...] = FLOWS


@dataclass(slots=True)
class Gate:
    """One gate. ``stop`` may be called from a signal handler; what is known by then is reported."""

    wanted: GateWanted
    told: Callable[[str, int, int], None] = lambda *_: None
    """Told of each run: the part, how many of it are done, how many there are."""
    stopped: bool = False
    shrinking: bool = False
    """Whether a KeyboardInterrupt would be taken for what it is."""
    tally: Tally = field(default_factory=Tally)
    _begun_s: float = 0.0
    _parts: list[Part] = field(default_factory=list)
    _sweep: Sweep | None = None
    _children: list[int] = field(default_factory=list)
    _random: SweepSummary | None = None
    _ended_early: bool = False

    def run(self) -> GateReport:
        """All of it. Raises UsageError for software that cannot be loaded."""
        wanted = self.wanted
        self._begun_s = time.monotonic()
        self.tally.shown = _shown
        self.tally.known = frozenset() if wanted.baseline is None else wanted.baseline.signatures
        planned(declare(self._random_wanted(1)))  # what is wrong with the last part is told before the first
        parts = parts_of(wanted.terminal, wanted.dialect)
        make_directory(wanted.out_dir)
        for each in (wanted.out_dir / "shrunk").glob("????????.yaml"):
            each.unlink()  # of an earlier gate
        fit = [each for each in wanted.checks if not each.lacking(parts)]
        self._say_lacking(parts)
        self._checks("checks", "known defects, one small scenario each", fit, 1, 1)
        self._cuts()
        chance = [each for each in fit if each.seeds > 1]
        self._checks("chance", "those that hang on chance, again", chance, 2, SEEDS - 1)
        self._look_at_checks(fit)
        self._random_runs()
        report = self._report(parts)
        report.untried = self._untried(fit)
        if report.new and wanted.shrink and not self.stopped:
            self._shrink(report)
        report.close(time.monotonic() - self._begun_s)
        return report

    def stop(self) -> None:
        """No other run begins, and those under way end at once."""
        self.stopped = True
        if self._sweep is not None:
            self._sweep.stop()
        for child in tuple(self._children):
            _interrupt(child)

    def _cutting(self, child: int) -> None:
        self._children.append(child)
        if self.stopped:
            _interrupt(child)  # somebody asked before it was there

    def _shrink(self, report: GateReport) -> None:
        self.shrinking = True
        try:
            smallest.shrink_all(report, self.tally.requests, self.wanted.out_dir, self._left_s, self.tally.shown)
        except KeyboardInterrupt:
            self.stopped = True
        finally:
            self.shrinking = False

    # ------------------------------------------------------------ parts

    def _left_s(self) -> float:
        return self.wanted.budget_s - (time.monotonic() - self._begun_s)

    def _begin(self, name: str, what: str) -> Part | None:
        """The part, if it is to begin."""
        part = Part(name, what)
        self._parts.append(part)
        if self.stopped:
            part.skipped = "interrupted"
        elif self.tally.has_new:
            part.skipped = _EARLIER
        elif self._left_s() < _SECONDS_LEAST:
            part.skipped = _NO_TIME
        if not part.skipped:
            return part
        if part.skipped != _EARLIER:
            self.tally.because.append(Because(name, f"{name}: {part.skipped}"))
        return None

    def _say_lacking(self, parts: frozenset[str]) -> None:
        for each in self.wanted.checks:
            lacking = each.lacking(parts)
            if lacking:
                why = f"{self.wanted.terminal} lacks {', '.join(lacking)}"
                self.tally.unchecked.append(Unchecked(f"check {each.name}", why))

    def _checks(self, name: str, what: str, fit: list[Check], first_seed: int, runs: int) -> None:
        part = self._begin(name, what) if fit else None
        if part is None:
            return
        folder = self.wanted.out_dir.absolute() / "checks"
        make_directory(folder)
        for each in fit:
            write_bytes(folder / f"{each.name}.yaml", each.file_text.encode())
        files = tuple(str(folder / f"{each.name}.yaml") for each in fit)
        asked = Wanted(files, runs, first_seed=first_seed, swarm=False)
        self._swept(part, _with_software(asked, self.wanted))

    def _cuts(self) -> None:
        what = f"flows cut everywhere, on {' and '.join(cuts.MEDIA)}"
        part = self._begin(cuts.KEY, what) if self.wanted.flows else None
        if part is None:
            return
        began_s = time.monotonic()
        wanted = self.wanted
        wall_s = self._left_s() * _SHARES[cuts.KEY] - _CUTS_BEGIN_S
        cuts.explore(self.tally, part, self._cut_request(wall_s), wanted.jobs, self._cutting)
        self._children.clear()
        part.took_s = round(time.monotonic() - began_s, 1)

    def _cut_request(self, wall_s: float) -> CrashRequest:
        wanted = self.wanted
        return CrashRequest(
            scenario=str(find.scenario_file(cuts.SCENARIO).absolute()),
            terminal=wanted.terminal,
            dialect=wanted.dialect,
            flows=wanted.flows,
            profiles=cuts.MEDIA,
            states_limit=cuts.STATES,
            wall_limit_s=max(1.0, wall_s),
            spin_s=min(20.0, max(1.0, wall_s)),
        )

    def _random_runs(self) -> None:
        wanted = self.wanted
        what = f"{wanted.random} with {RANDOM_TERMINALS} terminals, families of fault off by seed, every medium in turn"
        part = self._begin("random", what)
        if part is None:
            return
        runs = wanted.runs or math.ceil(self._left_s() * wanted.jobs * _RUNS_A_SECOND)
        self._random = self._swept(part, self._random_wanted(runs))

    def _random_wanted(self, runs: int) -> Wanted:
        wanted = self.wanted
        asked = Wanted((wanted.random,), runs, first_seed=wanted.first_seed, terminals=RANDOM_TERMINALS, profile="all")
        return _with_software(asked, wanted)

    def _swept(self, part: Part, asked: Wanted) -> SweepSummary:
        """A part that is a sweep, in a results file of its own."""
        wanted, began_s = self.wanted, time.monotonic()
        declared = declare(asked)
        limit_s = min(_WALL_MOST_S, max(30.0, wanted.budget_s))
        scenarios = planned(declared, limit_s)
        files = {each.label: each.base.scenario for each in scenarios}
        is_random = part.name == "random"
        with _fresh_store(wanted.out_dir / "results" / part.name, declared) as store:
            sweep = self._sweep = Sweep(declared, scenarios, store, wanted.jobs)
            if self.stopped:
                sweep.stop()  # somebody asked when there was none to be told
            sweep.on_verdict = self.tally.heard
            part.declared = 0 if is_random and wanted.runs is None else sweep.left
            ending: list[threading.Timer] = []

            def on_run(row: RunRow) -> None:
                self.tally.add(part, row, files[row.scenario])
                done = part.passed + part.failed + part.inconclusive + part.errors
                self.told(part.name, done, part.declared)
                if self.tally.has_new and not ending:
                    self._ended_early = is_random
                    timer = threading.Timer(0.0 if is_random else _AFTER_A_FINDING * wanted.budget_s, sweep.stop)
                    timer.daemon = True
                    timer.start()
                    ending.append(timer)

            try:
                left_s = self._left_s()
                share_s = left_s * _SHARES[part.name]
                sweep.run(on_run, max_time_s=share_s, grace_s=left_s - share_s)
            finally:
                for timer in ending:
                    timer.cancel()
                self._sweep = None
            summary = summary_of(store)
        part.took_s = round(time.monotonic() - began_s, 1)
        self._look_at_end(part, sweep, summary)
        return summary

    # ------------------------------------------------------------ what it comes to

    def _look_at_end(self, part: Part, sweep: Sweep, summary: SweepSummary) -> None:
        """Whether the part came to its end. Random runs have none but the time's."""
        if self.tally.has_new:
            return
        if not (summary.canary_found or self.stopped):
            why = f"{part.name}: the defect that is planted in every sweep (canary) was not found"
            self.tally.because.append(Because("canary", why))
        if self.stopped:
            self.tally.because.append(Because(part.name, f"{part.name}: interrupted"))
        elif part.declared and summary.missing > part.errors:
            why = f"{summary.missing - part.errors:,} of {several(part.declared, 'run')} had no time; give it a larger --budget"
            self.tally.because.append(Because(part.name, f"{part.name}: {why}"))
        for each in sweep.cut_off:
            why = f"{each.scenario} with seed {each.seed} had not ended after {each.ran_s:g} s"
            self.tally.because.append(Because(part.name, why))

    def _look_at_checks(self, fit: list[Check]) -> None:
        """A check shows something where one of its runs came to a pass or a fail. After a finding not all were run."""
        if self.tally.has_new:
            return
        rows = [*self.tally.rows.get("checks", ()), *self.tally.rows.get("chance", ())]
        by_name: dict[str, list[RunRow]] = {}
        for row in rows:
            by_name.setdefault(Path(row.scenario).stem, []).append(row)
        for each in fit:
            ran = by_name.get(each.name, [])
            if ran and all(row.verdict == "inconclusive" for row in ran):
                why = "; ".join(dict.fromkeys(why for row in ran for why in row.because))
                self.tally.because.append(Because(each.name, f"check {each.name} shows nothing: {why}"))

    def _untried(self, fit: list[Check]) -> list[Untried]:
        """What no part came to, whatever the reason: a finding in one check says nothing about the others."""
        why = "something was found" if self.tally.has_new else "interrupted" if self.stopped else "the budget was over"
        ran = {
            part: Counter(Path(row.scenario).stem for row in rows if row.verdict != "error")
            for part, rows in self.tally.rows.items()
        }
        chance = [each.name for each in fit if each.seeds > 1]
        said = {each.what for each in self.tally.unchecked}
        flows = [each for each in self.wanted.flows if each in ran.get(cuts.KEY, ()) or cuts.named(each) not in said]
        wanted = (("checks", [each.name for each in fit], 1), (cuts.KEY, flows, 1), ("chance", chance, SEEDS - 1))
        found = []
        for part, names, runs in wanted:
            left = tuple(name for name in names if ran.get(part, Counter())[name] < runs)
            found += [Untried(part, left, len(names), why)] if left else []
        if "random" not in ran:
            found.append(Untried("random", (self.wanted.random,), 1, why))
        return found

    def _report(self, parts: frozenset[str]) -> GateReport:
        wanted, tally = self.wanted, self.tally
        report = GateReport(
            FORMAT, metadata.version("terminal-fault-harness"), wanted.terminal, wanted.dialect or "", wanted.budget_s,
            wanted.jobs,
        )  # fmt: skip
        report.parts = self._parts
        report.findings = sorted(
            tally.findings.values(), key=lambda each: (each.known, each.invariant, -each.runs, each.signature)
        )
        report.vanished = tally.vanished(wanted.baseline)
        self._look_at_random(report)
        self._look_at_required(parts)
        because = [*tally.errors(), *tally.because]
        report.because = [each for each in because if each.key not in wanted.waive]
        report.waived = [each for each in because if each.key in wanted.waive]
        report.unused_waivers = sorted({*wanted.waive} - {each.key for each in report.waived})
        if not any(row.verdict in ("pass", "fail") for rows in tally.rows.values() for row in rows):
            report.because.append(Because("nothing", "nothing came to a pass or a fail; that cannot be waived"))
        report.unchecked = tally.not_checked()
        report.checked = sorted(tally.checked, key=lambda each: int(each.partition(" ")[0]))
        return report

    def _look_at_random(self, report: GateReport) -> None:
        summary, rows = self._random, self.tally.rows.get("random", [])
        if summary is None:
            self._look_at_limits(report, [], {})
            return
        total = summary.total
        bound = None if self._ended_early else upper_bound(total.failed, total.conclusive)
        report.bound = Bound(
            self.wanted.random, RANDOM_TERMINALS, self.wanted.first_seed, total.conclusive, total.failed, total.inconclusive,
            summary.terminal_days, bound,
        )  # fmt: skip
        report.measures = [Spread(each.name, each.least, each.median, each.most) for each in summary.measures]
        add = self.tally.because.append
        if not total.conclusive:
            add(Because("random", "random: no run came to a pass or a fail: nothing is bounded"))
        if not self.tally.has_new:
            for each in summary.because:
                if each.verdict == "inconclusive":
                    add(
                        Because(
                            "random", f"random: {several(each.runs, 'run is', 'runs are')} inconclusive: {each.why}"
                        )
                    )
            for fault in summary.idle:
                kind = self.tally.kinds.get(fault.fault, fault.fault)
                why = f"it never bit in {several(fault.runs, 'random run')}"
                if self.tally.bites[kind]:
                    # The gate is one campaign: what random runs had no time for has had its effect in a check.
                    self.tally.unchecked.append(
                        Unchecked(f"random fault {fault.fault}", f"{why}; {kind} did in a check")
                    )
                else:
                    add(Because(f"fault:{kind}", f"random: fault {fault.fault}: {why}; give it a larger --budget"))
        of_all = {
            "failed_runs": float(total.failed), "inconclusive_runs": float(total.inconclusive),
            "passed_runs": float(total.passed), "terminal_days": float(summary.terminal_days),
        }  # fmt: skip
        if bound is not None:
            of_all["upper_bound_95_percent"] = 100.0 * bound
        self._look_at_limits(report, rows, of_all)

    def _look_at_limits(self, report: GateReport, rows: list[RunRow], of_all: dict[str, float]) -> None:
        for limit in self.wanted.limits:
            value = limit.worst(values_of(limit, rows, of_all))
            again = next((row.replay for row in rows if value in values_of(limit, [row], {})), "")
            fails = value is not None and limit.fails(value)
            report.limits.append(LimitView(str(limit), value, fails, self.tally.shown(again)))
            if value is None:
                self.tally.because.append(Because("fail-if", f"--fail-if {limit}: nothing was measured"))

    def _look_at_required(self, parts: frozenset[str]) -> None:
        numbers = {f"{each.number}": f"{each.number} {name}" for name, each in INVARIANTS.items()}
        names = {name: f"{each.number} {name}" for name, each in INVARIANTS.items()}
        why = {each.what: each.why for each in self.tally.not_checked()}
        for key in self.wanted.require:
            invariant = numbers.get(key) or names.get(key)
            if invariant is None and key not in parts:
                self.tally.because.append(Because(f"require:{key}", f"required: {self.wanted.terminal} has no {key}"))
            elif invariant is not None and invariant not in self.tally.checked:
                said = why.get(invariant, "it was not checked")
                self.tally.because.append(Because(f"require:{key}", f"required: {invariant} was not checked: {said}"))


def _shown(text: str) -> str:
    """A command or path as a person gives it: shipped scenarios by name, files below the present directory by where they are."""
    root, here = f"{find.scenarios_root()}{os.sep}", f"{Path.cwd()}{os.sep}"
    shipped = re.sub(re.escape(root) + r"([\w/]+)\.yaml", r"\1", text)
    return shipped.replace(here, "")


def _with_software(asked: Wanted, wanted: GateWanted) -> Wanted:
    return replace(asked, terminal=wanted.terminal, dialect=wanted.dialect)


def _fresh_store(directory: Path, declared: Declared) -> Store:
    """A results file in place of an earlier gate's. UsageError where another gate is at work."""
    make_directory(directory)
    file = directory / FILE_NAME
    if file.exists():
        try:
            Store.resume(directory).discard()
        except UsageError as error:
            if "another sweep" in str(error):
                raise
            for suffix in ("", "-wal", "-shm"):  # it is damaged
                file.with_name(file.name + suffix).unlink(missing_ok=True)
    return Store.create(directory, declared)


def _interrupt(child: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGINT)

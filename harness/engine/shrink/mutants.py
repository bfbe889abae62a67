"""Every mutant's finding made small, from the run that catches it (``harness.terminals.assays``): how well shrinking shrinks.

``python -m harness.engine.shrink [--budget S] [--out DIR] [MUTANT]...`` prints the table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import HarnessError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.shrink.shrink import BUDGET_S, Shrunk, shrink
from harness.engine.shrink.size import UNKNOWN
from harness.engine.shrink.trials import findings_of
from harness.scenario.find import scenario_file
from harness.terminals.assays import ASSAYS, CUTS_IN_RUNS, Assay, is_shipped
from harness.terminals.small_scenarios import hour

FAULTS_MAX = 3
ACTIONS_MAX = 5
_ROWS = (*ASSAYS, *CUTS_IN_RUNS)


@dataclass(frozen=True, slots=True)
class MutantCase:
    """One mutant's finding; ``shrunk`` None: nothing came of it, and ``why`` says why."""

    mutant: str
    invariant: int
    shrunk: Shrunk | None = None
    why: str = ""

    @property
    def small(self) -> bool:
        """At most three faults and five actions."""
        size = None if self.shrunk is None else self.shrunk.after
        return size is not None and size.faults <= FAULTS_MAX and size.actions <= ACTIONS_MAX


def run_mutants() -> list[str]:
    """Mutants that a run catches."""
    return list(dict.fromkeys(each.mutant for each in _ROWS))


def shrink_mutant(mutant: str, out: Path, budget_s: float = BUDGET_S, jobs: int = 2) -> MutantCase:
    """The case of ``mutant``, written to ``out``."""
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        for request, row in _requests(mutant, Path(scratch)):
            try:
                found = findings_of(request, launch(request))
                wanted = [each for each in found.values() if each.invariant in row.caught_by]
                if not wanted:
                    continue
                shrunk = shrink(request, wanted[0].signature, budget_s=budget_s, out=out, jobs=jobs)
            except HarnessError as error:
                return MutantCase(mutant, row.caught_by[0], why=str(error))
            return MutantCase(mutant, wanted[0].invariant, shrunk)
    return MutantCase(mutant, 0, why="no run of its rows catches it")


def _requests(mutant: str, scratch: Path) -> Iterator[tuple[RunRequest, Assay]]:
    for number, row in enumerate(each for each in _ROWS if each.mutant == mutant):
        if is_shipped(row.scenario):
            path = scenario_file(row.scenario)
        else:
            path = scratch / f"{number}.yaml"
            path.write_text(hour(row.scenario).strip() + "\n", encoding="utf-8")
        for seed in range(1, row.seeds + 1):
            yield RunRequest(scenario=str(path.absolute()), terminal=mutant, seed=seed), row


def table(cases: Sequence[MutantCase]) -> str:
    """All of them, and the share that became small."""
    lines = [
        f"{'mutant':<24} {'inv':>3} {'faults':>6} {'actions':>7} {'repeats':>7} {'days':>4} {'runs':>5} {'seconds':>7}"
    ]
    lines += [line_of(each) for each in cases]
    small = sum(each.small for each in cases)
    share = 100.0 * small / len(cases) if cases else 0.0
    lines.append(f"{small} of {len(cases)} ({share:.0f} %) have at most {FAULTS_MAX} faults and {ACTIONS_MAX} actions")
    return "\n".join(lines)


def line_of(case: MutantCase) -> str:
    """One row."""
    if case.shrunk is None:
        return f"{case.mutant:<24} {case.invariant:>3} {case.why}"
    size, shrunk = case.shrunk.after, case.shrunk
    actions, repeats = (size.actions, size.repeats) if size.actions < UNKNOWN else ("drawn", shrunk.customers)
    return (
        f"{case.mutant:<24} {case.invariant:>3} {size.faults:>6} {actions:>7} {repeats:>7} {size.days:>4} {shrunk.runs:>5} "
        f"{shrunk.wall_s:>7.1f} {shrunk.stopped}"
    ).rstrip()

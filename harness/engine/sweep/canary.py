"""The canary: a run of software with a known defect, planted in every sweep, which must find it.

Models: that what the runs of a sweep rest on works where they run: workers, faults, recovery, the invariants' judgement, and the
way from a finding to a row. A sweep whose canary is not found has shown nothing, however many of its runs passed.
Does not model: every fault and every invariant; that is `harness assay`. One defect, one cut, under a second.

It is planted each time that a sweep is begun or resumed, goes through the same workers as any run, and counts for no bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.engine.request import RunRequest
from harness.results.model import CanaryRow, RunRow

LABEL = "canary"
_SCENARIO = Path(__file__).with_name("canary.yaml")


@dataclass(frozen=True, slots=True)
class Canary:
    """``terminal`` has a defect that ``invariants`` must find in ``scenario``, each of them, whatever the seed."""

    terminal: str = "log_in_ram"
    invariants: tuple[int, ...] = (1, 2)
    scenario: Path = _SCENARIO

    def request(self, wall_limit_s: float) -> RunRequest:
        """Its run."""
        return RunRequest(
            scenario=str(self.scenario),
            terminal=self.terminal,
            seed=1,
            wall_limit_s=wall_limit_s,
            spin_s=min(20.0, wall_limit_s),
        )

    def judged(self, row: RunRow) -> CanaryRow:
        """What its run came to."""
        found = {finding.invariant for finding in row.findings}
        missed = tuple(number for number in self.invariants if number not in found)
        why = "" if not missed else f"{row.verdict}{': ' if row.because else ''}{'; '.join(row.because)}"
        return CanaryRow(self.terminal, self.invariants, missed, why, row.replay)

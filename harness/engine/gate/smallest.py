"""Findings of a gate made small, in what is left of its time.

Models: new findings one after the other, those with money at stake first; a finding for which there is no time keeps the line
that runs it as it was found. Does not model: states of crash points, which are one flow and one cut already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.engine.gate.report import GateFinding, GateReport
from harness.engine.request import RunRequest

_FINDINGS_MOST = 3
_SECONDS_MOST = 60.0
_SECONDS_LEAST = 3.0


def shrink_all(
    report: GateReport, requests: Mapping[str, RunRequest], out_dir: Path, left_s: Callable[[], float]
) -> None:
    """As many new findings as there is time for; where each was written stands in the report."""
    ordered = sorted(report.new, key=lambda each: (each.signature not in requests, not each.money_fen, each.invariant))
    for place, found in enumerate(ordered):
        request = requests.get(found.signature)
        if request is None:
            found.not_shrunk = "one state of one flow is small already"
        elif place >= _FINDINGS_MOST:
            found.not_shrunk = f"the first {_FINDINGS_MOST} findings were"
        elif left_s() < _SECONDS_LEAST:
            found.not_shrunk = "the budget was over"
        else:
            _one(found, request, out_dir, min(_SECONDS_MOST, left_s()))


def _one(found: GateFinding, request: RunRequest, out_dir: Path, budget_s: float) -> None:
    found.not_shrunk = "this version cannot"

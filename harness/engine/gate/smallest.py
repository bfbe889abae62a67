"""Findings of a gate made small, in what is left of its time.

Models: new findings one after the other, those with money at stake first; a finding for which there is no time keeps the line
that runs it as it was found. Does not model: states of crash points, which are one flow and one cut already.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.core.errors import HarnessError
from harness.engine.gate.report import GateFinding, GateReport
from harness.engine.request import RunRequest
from harness.engine.shrink.shrink import shrink
from harness.terminals.catalogue import CATALOGUE

_FINDINGS_MOST = 3
_SECONDS_MOST = 60.0
_SECONDS_LEAST = 3.0
_AGAIN_IN = "reports/again"
_OF_SHRINK = frozenset({"--terminal", "--dialect", "--seed"})
"""Options that `harness shrink` has, too; what else a run was asked for, its bundle holds."""


def shrink_all(
    report: GateReport,
    requests: Mapping[str, RunRequest],
    out_dir: Path,
    left_s: Callable[[], float],
    shown: Callable[[str], str],
) -> None:
    """As many new findings as there is time for; where each was written stands in the report. KeyboardInterrupt ends it."""
    ordered = sorted(report.new, key=lambda each: (each.signature not in requests, not each.money_fen, each.invariant))
    for place, found in enumerate(ordered):
        request = requests.get(found.signature)
        if request is None:
            found.not_shrunk = "one state of one flow is small already"
        elif place >= _FINDINGS_MOST:
            found.not_shrunk = f"a gate makes the first {_FINDINGS_MOST} small, to end soon when it finds much"
        elif left_s() < _SECONDS_LEAST:
            found.not_shrunk = "the budget was over"
        else:
            _one(found, request, out_dir, min(_SECONDS_MOST, left_s()), report.jobs, shown)


def smaller_line(found: GateFinding, terminal: str) -> str:
    """The command that makes small what the gate has not; empty where a run is small as it is, or is not known."""
    if found.shrunk_again or not found.not_shrunk or not found.again.startswith("harness run "):
        return ""
    given = shlex.split(found.again)[3:]
    # A file of its own: several findings may be of one scenario.
    which, to = f"--signature {found.signature}", f"--out reports/shrunk/{found.signature}.yaml"
    if {each for each in given if each.startswith("--")} <= _OF_SHRINK:
        return f"harness shrink {found.again.removeprefix('harness run ')} {which} {to}"
    software = "" if terminal in CATALOGUE else f" --terminal {shlex.quote(terminal)}"
    return f"{found.again} --out {_AGAIN_IN}; harness shrink {_AGAIN_IN}/finding.zip {which}{software} {to}"


def _one(
    found: GateFinding, request: RunRequest, out_dir: Path, budget_s: float, jobs: int, shown: Callable[[str], str]
) -> None:
    out = out_dir.absolute() / "shrunk" / f"{found.signature}.yaml"
    try:
        made = shrink(request, found.signature, budget_s=budget_s, out=out, jobs=jobs)
    except HarnessError as error:
        found.not_shrunk = " ".join(str(error).split())[:400]
        return
    found.shrunk, found.shrunk_again = shown(str(made.path)), shown(made.replay)

"""Launching an upgrade: one child process for each core, as explorations of crash points have them, their reports merged."""

from __future__ import annotations

from collections.abc import Callable

from harness.engine.crashpoints.launch import lost_shares, run_shares, why_stopped
from harness.engine.crashpoints.report import CrashReport
from harness.engine.crashpoints.request import Told
from harness.engine.upgrade.report import Stage, UpgradeReport, merged_shares
from harness.engine.upgrade.request import Upgraded, UpgradeRequest

_ENTRY = "harness.engine.upgrade.child:execute"


def launch(
    request: UpgradeRequest,
    jobs: int,
    on_told: Callable[[int, Told], None] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> UpgradeReport:
    """Go through it in ``jobs`` processes. ``on_told`` is given the share's number; ``on_start`` each child's process id."""
    answers, dead = run_shares(request, jobs, _ENTRY, Upgraded, on_told, on_start)
    if not answers:
        because = "; ".join(f"it was stopped: {why_stopped(ended)}" for ended in dead)
        nothing = Stage("all", "up", request.terminal or "", "inconclusive", because)
        cuts = CrashReport(request.scenario, request.terminal or "", request.device or "", request.depth, 0)
        return UpgradeReport(request.before, request.terminal or "", request.device or "", 0, [nothing], cuts)
    report = merged_shares([each.report for each in answers])
    for why in lost_shares(dead, jobs):
        for flow in report.cuts.flows:
            flow.because.append(why)
    return report

"""Launching: one child process for each core, each with limits and a fence, their reports merged; as for crash points."""

from __future__ import annotations

from collections.abc import Callable

from harness.engine.crashpoints.calls.report import CallReport, FlowCalls, merged
from harness.engine.crashpoints.calls.request import CallRequest, CallsPlayed
from harness.engine.crashpoints.launch import lost_shares, run_shares, why_stopped
from harness.engine.crashpoints.request import Told

_ENTRY = "harness.engine.crashpoints.calls.child:execute"


def launch(
    request: CallRequest,
    jobs: int,
    on_told: Callable[[int, Told], None] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> CallReport:
    """Play in ``jobs`` processes. ``on_told`` is given the share's number; ``on_start`` each child's process id."""
    played, dead = run_shares(request, jobs, _ENTRY, CallsPlayed, on_told, on_start)
    if not played:
        # No share came to its end: what is known is why.
        because = [f"the playing was stopped: {why_stopped(ended)}" for ended in dead]
        nothing = FlowCalls(",".join(request.flows) or "all", "", because=because)
        return CallReport(
            request.scenario, request.terminal or "", request.device or "", "", request.seed or 1, [nothing]
        )
    report = merged(each.report for each in played)
    for why in lost_shares(dead, jobs):
        for flow in report.flows:
            flow.because.append(why)
    return report

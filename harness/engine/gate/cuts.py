"""The gate's crash points: the flows that move money, cut everywhere, on the weakest medium and on the device's own.

Models: so many distinct states a flow, drawn by name, so that every instant has its share; what was left out is said. Does not
model: second cuts (``harness crashpoints --depth 2``), and media besides these two (``--profile all``).
"""

from __future__ import annotations

from collections.abc import Callable

from harness.engine.crashpoints.launch import launch
from harness.engine.crashpoints.report import FlowReport, Found
from harness.engine.crashpoints.request import CrashRequest
from harness.engine.gate.report import Because, Part, Unchecked
from harness.engine.gate.tally import Tally
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.kinds import kind_of, signature
from harness.results.model import FindingRow, RunRow, RunVerdict

SCENARIO = "power/plain_counter"
MEDIA = ("posix-weak", "ext4-ordered")
"""The weakest that portable software stands on, and the one of that scenario's device: a state that both allow is judged once."""
STATES = 40
KEY = "crash points"
LABEL = "crashpoints/"
"""Before a flow's name, as if it were a scenario of that room."""
_SAMPLED = "were taken, drawn by name"


def explore(tally: Tally, part: Part, request: CrashRequest, jobs: int, on_start: Callable[[int], None]) -> None:
    """All flows of ``request``; what was found is in ``tally``."""
    for flow in launch(request, jobs, None, on_start).flows:
        _flow(tally, part, flow)


def named(flow: str) -> str:
    """What the gate calls the cuts of a flow."""
    return f"crash points of {flow}"


def _flow(tally: Tally, part: Part, flow: FlowReport) -> None:
    what = named(flow.flow)
    if flow.skipped:
        tally.unchecked.append(Unchecked(what, flow.skipped))
        return
    because = [why for why in flow.because if not why.endswith(_SAMPLED)]
    because += [f"{flow.left:,} states were left"] if flow.left else []
    because += [f"from {flow.unsettled:,} states no settlement came through"] if flow.unsettled else []
    because += [] if flow.judged or because else ["no state was judged"]
    for why in flow.because:
        if why.endswith(_SAMPLED):
            tally.unchecked.append(Unchecked(what, f"only a part: {why}"))
    if flow.judged:
        names = {f"{each.number} {name}" for name, each in INVARIANTS.items()}
        tally.judged(names - flow.not_checked.keys(), flow.not_checked)
    findings = tuple(_row_of(each) for each in flow.found)
    verdict: RunVerdict = "fail" if findings else "inconclusive" if because else "pass"
    part.declared += 1
    again = {
        signature(each.invariant, kind_of(each.example.summary)): each.example.replay for each in reversed(flow.found)
    }
    if verdict == "inconclusive":
        tally.because.append(Because(KEY, f"{what}: {'; '.join(because)}"))
    label = f"{LABEL}{flow.flow}"
    first = flow.found[0].example.replay if flow.found else ""
    tally.add(part, RunRow(label, 1, (), verdict, tuple(because), first, "", (), findings), again=again)


def _row_of(found: Found) -> FindingRow:
    summary, kind = found.example.summary, kind_of(found.example.summary)
    return FindingRow(
        signature(found.invariant, kind), found.invariant, found.name, kind, found.states, found.money_fen, "T01",
        found.example.at_us, summary,
    )  # fmt: skip

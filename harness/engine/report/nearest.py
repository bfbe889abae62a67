"""The nearest run that does not show a finding, and where the two histories part.

Models: the same scenario and seed without the family of fault that is blamed, or with a host that answers everything where its
everyday silence is; then with all families off that struck, then with both, then other seeds; the first of these runs in which
the invariant holds on that terminal is the nearest. Does not model: what else differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.engine.compare.parting import forked
from harness.engine.report.model import Difference
from harness.engine.report.pages import portable
from harness.engine.report.window import step_of
from harness.engine.request import RunRequest, replay_line
from harness.engine.verdict import FindingView, Verdict
from harness.history.events import RequestUnanswered
from harness.history.query import HistoryFile
from harness.scenario.plan import NO_REPLY

LINES_MAX = 14
_SEEDS_TRIED = 2

Run = Callable[[RunRequest], tuple[Verdict, Path] | None]
"""A run within the time that is left, and the directory with what it leaves; None when the time was not enough."""


@dataclass(frozen=True, slots=True)
class Guilty:
    """The run that shows it, with what it left in ``directory``."""

    request: RunRequest
    """As it was asked for: with a seed of its own."""
    pinned: Path | None
    """The same with every decision written down, where there is that."""
    verdict: Verdict
    finding: FindingView
    directory: Path
    lasts: bool = True
    """Whether the scenario is where a person can name it; what is unpacked for a page goes with it."""


def difference(guilty: Guilty, run: Run) -> Difference:
    """Against the nearest run without the finding."""
    tried = 0
    for request in _candidates(guilty):
        ran = run(request)
        if ran is None:
            return Difference(why_none="no_time", tried=tried)
        tried += 1
        verdict, directory = ran
        if verdict.status == "inconclusive" and not verdict.sales.accepted:
            continue
        if any(_is_same(each, guilty.finding) for each in verdict.findings):
            continue
        return _parted(guilty, request, verdict, directory / "history.jsonl", tried)
    return Difference(why_none="every_run" if tried else "not_run", tried=tried)


def _is_same(one: FindingView, other: FindingView) -> bool:
    """Another terminal may have lost something else, for another reason."""
    return (one.invariant, one.device) == (other.invariant, other.device)


def _candidates(guilty: Guilty) -> Iterator[RunRequest]:
    request, verdict = guilty.request, guilty.verdict
    pinned = request if guilty.pinned is None else msgspec.structs.replace(request, scenario=str(guilty.pinned))
    bitten = tuple(dict.fromkeys(each.family for each in verdict.faults if each.struck))
    blamed = tuple(dict.fromkeys(each.family for each in verdict.faults if each.kind == guilty.finding.fault))
    if guilty.finding.fault == NO_REPLY:
        blamed = (NO_REPLY,)
    tried: set[tuple[str, ...]] = set()
    everything = (*bitten, NO_REPLY) if _was_silent(guilty.directory / "history.jsonl") else ()
    for families in (blamed, bitten, everything):
        without = tuple(sorted({*request.without, *families}))
        if families and without not in tried:
            tried.add(without)
            yield msgspec.structs.replace(pinned, without=without)
    # Seeds mean something only where decisions are drawn; in what was written down every seed gives the same run.
    if guilty.pinned is None or Path(request.scenario) != guilty.pinned:
        for seed in range(verdict.seed + 1, verdict.seed + 1 + _SEEDS_TRIED):
            yield msgspec.structs.replace(request, seed=seed)


def _was_silent(history: Path) -> bool:
    """Whether the host left requests unanswered without any fault."""
    return any(isinstance(event, RequestUnanswered) and event.reason == "no_reply" for _, event in HistoryFile(history))


def _parted(guilty: Guilty, request: RunRequest, verdict: Verdict, other: Path, tried: int) -> Difference:
    device = guilty.finding.device
    found = forked(guilty.directory / "history.jsonl", other, device, LINES_MAX)
    without = tuple(each for each in request.without if each not in guilty.request.without)
    terminal = guilty.verdict.terminal
    again = replay_line(
        msgspec.structs.replace(request, scenario=guilty.request.scenario),
        guilty.request.scenario,
        terminal,
        verdict.seed,
    )
    common = Difference(
        without=without, seed=verdict.seed, passes=verdict.status == "pass", device=device, tried=tried,
        again=portable(again) if guilty.lasts else "",
    )  # fmt: skip
    if found is None:
        return msgspec.structs.replace(common, why_none="same")
    first = found.one[0] if found.one else found.other[0]
    return msgspec.structs.replace(
        common,
        at_us=first[1].at_us,
        event=found.one[0][0] if found.one else None,
        same=found.same,
        here=tuple(step_of(number, event) for number, event in found.one),
        there=tuple(step_of(number, event) for number, event in found.other),
    )

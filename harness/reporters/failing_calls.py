"""Failing calls as a person reads them: what was counted and tried in each flow, and what was found, by the code that called."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.errors import ExitCode
from harness.engine.crashpoints.calls.report import NO_FAILURE, CallCount, CallExample, CallFound, CallReport, FlowCalls

_PLACES_MAX = 6
_SILENT_MAX = 3
_SAID = {
    ExitCode.PASS: "PASS          whichever call failed, the terminal went on with money and records right",
    ExitCode.VIOLATED: "FAIL          after some failing calls money, records or service were lost",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE  nothing was found, and what was played does not prove enough to pass",
}


def render(report: CallReport) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: CallReport) -> Iterator[str]:
    yield (
        f"failing calls · {report.scenario} · {report.terminal} · device {report.device}"
        + (f" on {report.profile}" if report.profile else "")
    )
    yield _SAID[report.exit_code]
    for flow in report.flows:
        yield ""
        yield from _flow(flow)


def _flow(flow: FlowCalls) -> Iterator[str]:
    yield f"{flow.flow}: {flow.summary}" if flow.summary else flow.flow
    if flow.skipped:
        yield f"  not played: {flow.skipped}"
        return
    if flow.counts:
        yield f"  {'failure':<10}{'calls':>7}{'trials':>8}{'played':>8}{'bit':>7}{'failing':>9}"
    for count in flow.counts:
        yield from _count(count)
    for why in flow.because:
        yield f"  not all was played: {why}"
    if flow.unsettled:
        yield (
            f"  not all was judged: after {flow.unsettled:,} trials the batch could not be settled any more, so that nothing "
            f"shows whether its approvals were kept (one of them: {flow.unsettled_trial})"
        )
    if flow.left:
        yield f"  {flow.left:,} trials were not played"
    by_invariant: dict[int, list[CallFound]] = {}
    for found in flow.found:
        by_invariant.setdefault(found.invariant, []).append(found)
    for group in by_invariant.values():
        yield ""
        yield from _invariant(group)


def _count(count: CallCount) -> Iterator[str]:
    yield (
        f"  {count.failure:<10}{count.calls:>7,}{count.trials:>8,}{count.tried:>8,}{count.bit:>7,}{count.failing:>9,}"
        + ("  the flow makes no such call" if not count.calls else "")
    )
    silent = count.tried - count.bit
    if silent:
        yield f"  {'':<10}{silent:,} had no effect:"
        for each in count.silent[:_SILENT_MAX]:
            yield f"  {'':<12}{each}"
    if count.unsurvivable:
        yield f"  {'':<10}{count.unsurvivable:,} ended in what no software keeps on this medium when power goes"


def _invariant(group: list[CallFound]) -> Iterator[str]:
    """One invariant: the code whose calls failed, the worst first, and one trial told in full."""
    group = sorted(group, key=lambda each: (each.place != NO_FAILURE, -each.trials, each.place))
    first = group[0]
    money_fen = max(found.money_fen for found in group)
    money = f", up to {money_fen / 100:,.2f} yuan at stake" if money_fen else ""
    trials = sum(found.trials for found in group)
    yield f"  invariant {first.invariant} {first.name}: {trials:,} trials{money}"
    for found in group[:_PLACES_MAX]:
        yield f"    {found.trials:>7,} {_where(found)}"
    if len(group) > _PLACES_MAX:
        yield f"    {'':>7} and {len(group) - _PLACES_MAX} more code paths (--json and --out have all)"
    yield from _example(first.example)


def _where(found: CallFound) -> str:
    if found.place == NO_FAILURE:
        return "with no call failing: it is held against no call"
    return f"failing in  {found.place} ({', '.join(found.failures)})"


def _example(example: CallExample) -> Iterator[str]:
    yield f"    {example.summary}"
    if example.call:
        yield f"    failing    {example.failure}, call {example.call} of the flow, {example.manner}"
        yield f"    call       {example.step}"
    for line in example.story:
        yield f"      {line}"
    yield f"    again      {example.replay}"

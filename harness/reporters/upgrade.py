"""An upgrade as a person reads it: a table of stages and their cuts, then what was found, told."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.errors import ExitCode
from harness.engine.crashpoints.report import FlowReport, Found
from harness.engine.upgrade.report import Stage, StageFinding, UpgradeReport

_SAID = {
    ExitCode.PASS: "PASS          what one release left the other brought through, in every stage and from every cut listed",
    ExitCode.VIOLATED: "FAIL          between the releases money, records or service were lost",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE  nothing was found, and what was tried does not prove enough to pass",
}
_PLACES_MAX = 4


def render(report: UpgradeReport) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: UpgradeReport) -> Iterator[str]:
    yield f"upgrade · {report.before} to {report.after} · device {report.device}"
    yield _SAID[report.exit_code]
    yield ""
    yield f"  {'data':<10}{'stage':<10}{'verdict':<14}{'sales':>7}  {'cut: states':>12}{'failing':>9}  invariants broken"
    for stage in report.stages:
        yield _row(report, stage)
        flow = report.cut_of(stage)
        for why in (*([stage.because] if stage.because else []), *(_unproven(flow) if flow is not None else ())):
            yield f"  {'':<20}{_why(stage, why)}"
    yield from _stories(report)


def _stories(report: UpgradeReport) -> Iterator[str]:
    """One for each invariant, and one for each that cuts alone broke; the table has the rest."""
    told: set[int] = set()
    for stage in report.stages:
        for finding in stage.findings:
            if finding.invariant not in told:
                told.add(finding.invariant)
                yield ""
                yield from _finding(stage, finding)
    for stage in report.stages:
        flow = report.cut_of(stage)
        for found in _first_of_each(flow):
            if flow is not None and found.invariant not in told:
                told.add(found.invariant)
                yield ""
                yield from _found(stage, flow, found)


def _row(report: UpgradeReport, stage: Stage) -> str:
    flow = report.cut_of(stage)
    states = failing = ""
    found = ", ".join(f"{each.invariant}" for each in stage.findings)
    if flow is not None:
        states, failing = f"{flow.judged:,}", f"{sum(each.failing for each in flow.profiles):,}"
        cut = ", ".join(f"{each.invariant}" for each in _first_of_each(flow))
        found += f"{'; ' if found else ''}cut: {cut}" if cut else ""
    return (
        f"  {stage.data:<10}{stage.stage:<10}{stage.verdict:<14}{stage.sales:>7,}  {states:>12}{failing:>9}  {found}"
    ).rstrip()


def _why(stage: Stage, why: str) -> str:
    if stage.verdict == "refused" and why == stage.because:
        return f"{stage.release} does not work with it: {why}"
    return f"because {why}"


def _unproven(flow: FlowReport) -> Iterator[str]:
    yield from flow.because
    if flow.left:
        yield f"{flow.left:,} states were listed and not judged"
    if flow.unsettled:
        yield f"from {flow.unsettled:,} states the batch could not be settled (the first: --state {flow.unsettled_state})"


def _finding(stage: Stage, finding: StageFinding) -> Iterator[str]:
    money = f", {finding.money_fen / 100:,.2f} yuan at stake" if finding.money_fen else ""
    count = "1 finding" if finding.count == 1 else f"{finding.count} findings"
    yield (
        f"{stage.data}, {stage.stage}: invariant {finding.invariant} {finding.name}: {count} with {stage.release}, "
        f"without a cut{money}"
    )
    yield f"  {finding.summary}"
    for line in finding.story:
        yield f"    {line}"
    yield f"  again      {stage.again}"


def _first_of_each(flow: FlowReport | None) -> list[Found]:
    """One for each invariant: the code that left the most states."""
    chosen: dict[int, Found] = {}
    for each in flow.found if flow is not None else ():
        if each.invariant not in chosen or each.states > chosen[each.invariant].states:
            chosen[each.invariant] = each
    return list(chosen.values())


def _found(stage: Stage, flow: FlowReport, found: Found) -> Iterator[str]:
    example = found.example
    money = f", up to {found.money_fen / 100:,.2f} yuan at stake" if found.money_fen else ""
    yield (
        f"{stage.data}, {stage.stage}: invariant {found.invariant} {found.name}: {found.states:,} states of a cut first boot of "
        f"{stage.release} on {', '.join(found.profiles)}{money}"
    )
    for each in [each for each in flow.found if each.invariant == found.invariant][:_PLACES_MAX]:
        left = "nothing was lost; last storage call before the cut: " if each.nothing_lost else "left by    "
        yield f"  {left}{each.place}"
    yield f"  {example.summary}"
    yield f"  cut        {example.cut}, on {example.profile}"
    yield f"  {'last call' if found.nothing_lost else 'step':<10} {example.step}"
    for loss in example.losses:
        yield f"  lost       {loss}"
    for line in example.story:
        yield f"    {line}"
    yield f"  again      {example.replay}"

"""Crash points as a person reads them: what was listed, the picture of flow step by profile, the findings, the differences.

In the picture each square is a share of states: ``.`` all hold, a digit the tenths that fail (rounded up, ``#`` for all),
blank when no state has that step.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.errors import ExitCode
from harness.engine.crashpoints.report import CrashReport, Example, FlowReport, Found, ProfileCount

_FOUND_MAX = 6
_SAID = {
    ExitCode.PASS: "PASS          from every state listed the terminal came back with money and records right",
    ExitCode.VIOLATED: "FAIL          from some states money, records or service were lost",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE  nothing was found, and what was judged does not prove enough to pass",
}


def render(report: CrashReport) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: CrashReport) -> Iterator[str]:
    yield f"crash points · {report.scenario} · {report.terminal} · device {report.device} · depth {report.depth}"
    yield _SAID[report.exit_code]
    for flow in report.flows:
        yield ""
        yield from _flow(flow, report.depth)
    differences = report.differences()
    if differences:
        yield ""
        yield "differences between media"
        for each in differences:
            yield f"  {each}"


def _flow(flow: FlowReport, depth: int) -> Iterator[str]:
    yield f"{flow.flow}: {flow.summary}" if flow.summary else flow.flow
    if flow.skipped:
        yield f"  not explored: {flow.skipped}"
        return
    yield from _counts(flow, depth)
    for why in flow.because:
        yield f"  not all was judged: {why}"
    if flow.left:
        yield f"  {flow.left:,} distinct states were listed and not judged"
    if flow.cells:
        yield ""
        yield from _picture(flow)
    for found in flow.found[:_FOUND_MAX]:
        yield ""
        yield from _found(found)
    hidden = len(flow.found) - _FOUND_MAX
    if hidden > 0:
        yield ""
        yield f"  ... and {hidden} more kinds of finding (--json and --out have all)"


def _counts(flow: FlowReport, depth: int) -> Iterator[str]:
    again = f"{'again':>10}{'distinct':>10}" if depth > 1 else ""
    yield f"  {'profile':<22}{'instants':>9}{'states':>9}{'distinct':>9}{again}{'failing':>9}  listed"
    for count in flow.profiles:
        second = f"{count.again_states:>10,}{count.again_distinct:>10,}" if depth > 1 else ""
        yield (
            f"  {count.profile:<22}{count.points:>9,}{count.states:>9,}{count.distinct:>9,}{second}{count.failing:>9,}"
            f"  {_listed(count)}"
        )
        for number, times in sorted(count.unsurvivable.items()):
            yield f"  {'':<22}invariant {number} not checked here ({times:,} times broken): no software keeps it on this medium"
    yield f"  {flow.judged:,} distinct states were judged"


def _listed(count: ProfileCount) -> str:
    sampled = count.sampled_points + count.again_sampled_points
    points = count.points + count.again_points
    if not sampled:
        return "exhaustive"
    return f"{sampled:,} of {points:,} instants sampled (adversarial images and a seeded sample)"


def _picture(flow: FlowReport) -> Iterator[str]:
    profiles = [each.profile for each in flow.profiles]
    steps = list(dict.fromkeys(cell.step for cell in flow.cells))
    cells = {(cell.step, cell.profile): cell for cell in flow.cells}
    width = min(max(len(step) for step in steps), 44)
    for place, name in enumerate(profiles):
        yield f"  {'':<{width}}  {'| ' * place}{name}"
    for step in steps:
        squares = []
        for profile in profiles:
            cell = cells.get((step, profile))
            squares.append(" " if cell is None else _square(cell.failing, cell.states))
        yield f"  {step[:width]:<{width}}  {' '.join(squares)}"


def _square(failing: int, states: int) -> str:
    if not failing:
        return "."
    return "#" if failing == states else str(-(-9 * failing // states))


def _found(found: Found) -> Iterator[str]:
    money = f", {found.money_fen / 100:,.2f} yuan at stake" if found.money_fen else ""
    yield f"  invariant {found.invariant} {found.name}: {found.states:,} states on {', '.join(found.profiles)}{money}"
    yield f"    left by    {found.place}"
    yield from _example(found.example)


def _example(example: Example) -> Iterator[str]:
    yield f"    {example.summary}"
    yield f"    cut        {example.cut}{' of the recovery' if example.depth > 1 else ''}, on {example.profile}"
    yield f"    step       {example.step}"
    for loss in example.losses:
        yield f"    lost       {loss}"
    if example.arrived:
        yield f"    messages   {example.arrived}"
    if example.image:
        yield f"    files      {example.image}"
    for line in example.story:
        yield f"      {line}"
    yield f"    again      {example.replay}"

"""Crash points as a person reads them: what was listed, the picture of flow step by profile, the findings, the differences.

In the picture each square is a share of states: ``.`` all hold, a digit the tenths that fail (rounded up, ``#`` for all),
blank when no state has that step.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.errors import ExitCode
from harness.engine.crashpoints.report import CrashReport, Example, FlowReport, Found, ProfileCount

_PLACES_MAX = 6
_LEGEND = "(.: all states hold; 1 to 9: so many tenths fail, rounded up; #: all fail)"
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
    if flow.unsettled:
        yield (
            f"  not all was judged: from {flow.unsettled:,} distinct states the batch could not be settled any more, so that "
            f"nothing shows whether its approvals were kept (the first: --state {flow.unsettled_state})"
        )
    if flow.left:
        yield f"  {flow.left:,} distinct states were listed and not judged"
    for name, why in flow.not_checked.items():
        yield f"  not checked: {name} ({why})"
    for note in flow.notes:
        yield f"  note: {note}"
    if flow.cells:
        yield ""
        yield from _picture(flow)
    by_invariant: dict[int, list[Found]] = {}
    for found in flow.found:
        by_invariant.setdefault(found.invariant, []).append(found)
    for group in by_invariant.values():
        yield ""
        yield from _invariant(group)


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
            yield f"  {'':<22}invariant {number}: broken {times:,} times where the medium did what no software survives"
    yield f"  {flow.judged:,} distinct states were judged"


def _listed(count: ProfileCount) -> str:
    sampled = count.sampled_points + count.again_sampled_points
    points = count.points + count.again_points
    thinned = count.thinned_points + count.again_thinned_points
    within = f"at {thinned:,} of {points:,} instants long writes are cut at a few places only" if thinned else ""
    if not sampled:
        return f"exhaustive, but {within}" if within else "exhaustive"
    told = f"{sampled:,} of {points:,} instants sampled (adversarial images and a seeded sample)"
    return f"{told}; {within}" if within else told


def _picture(flow: FlowReport) -> Iterator[str]:
    profiles = [each.profile for each in flow.profiles]
    cells = {(cell.depth, cell.step, cell.profile): cell for cell in flow.cells}
    rows: dict[tuple[int, str], int] = {}
    for cell in flow.cells:
        row = (cell.depth, cell.step)
        rows[row] = min(rows.get(row, cell.at), cell.at)
    ordered = sorted(rows, key=lambda row: (row[0], rows[row], row[1]))
    width = min(max(len(_row(*row)) for row in ordered), 48)
    for place, name in enumerate(profiles):
        yield f"  {'':<{width}}  {'| ' * place}{name}"
    for row in ordered:
        squares = []
        for profile in profiles:
            found = cells.get((*row, profile))
            squares.append(" " if found is None else _square(found.failing, found.states))
        yield f"  {_row(*row)[:width]:<{width}}  {' '.join(squares).rstrip()}"
    if any(cell.failing for cell in flow.cells):
        yield f"  {_LEGEND}"


def _row(depth: int, step: str) -> str:
    return step if depth == 1 else f"recovery, {step}"


def _square(failing: int, states: int) -> str:
    if not failing:
        return "."
    return "#" if failing == states else str(min(9, -(-10 * failing // states)))


def _invariant(group: list[Found]) -> Iterator[str]:
    """One invariant: the code that left the states, the worst first, and one state told in full."""
    group = sorted(group, key=lambda each: (-each.states, each.place))
    first = group[0]
    profiles = list(dict.fromkeys(name for found in group for name in found.profiles))
    money_fen = max(found.money_fen for found in group)
    money = f", up to {money_fen / 100:,.2f} yuan at stake" if money_fen else ""
    states = sum(found.states for found in group)
    yield f"  invariant {first.invariant} {first.name}: {states:,} states on {', '.join(profiles)}{money}"
    for found in group[:_PLACES_MAX]:
        left = "nothing was lost; last storage call before the cut: " if found.nothing_lost else "left by  "
        yield f"    {found.states:>7,} {left}{found.place}"
    if len(group) > _PLACES_MAX:
        yield f"    {'':>7} and {len(group) - _PLACES_MAX} more code paths (--json and --out have all)"
    yield from _example(first.example, first.nothing_lost)


def _example(example: Example, nothing_lost: bool) -> Iterator[str]:
    yield f"    {example.summary}"
    yield f"    cut        {example.cut}{' of the recovery' if example.depth > 1 else ''}, on {example.profile}"
    yield f"    {'last call' if nothing_lost else 'step':<10} {example.step}"
    if nothing_lost:
        yield "    lost       nothing: all that it had written is there"
    for loss in example.losses:
        yield f"    lost       {loss}"
    if example.arrived:
        yield f"    messages   {example.arrived}"
    if example.image:
        yield f"    files      {example.image}"
    for line in example.story:
        yield f"      {line}"
    yield f"    again      {example.replay}"

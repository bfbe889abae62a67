"""Two releases compared, as a person reads it: what is new, fixed and unchanged, measures side by side, and where they part."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.errors import ExitCode
from harness.core.units import clock_text
from harness.engine.compare.report import CompareReport, Difference, MeasureView, PairView, Spread

_MOST = 20
_SAID = {
    ExitCode.PASS: "PASS          nothing is found that the baseline does not have",
    ExitCode.VIOLATED: "FAIL          there are findings that the baseline does not have",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE  nothing new was found, and not every pair of runs proves something",
    ExitCode.HARNESS_ERROR: "ERROR         the harness broke in some runs",
}
_HEADS = {
    "new": "new: in the release under test alone",
    "unproven": "unproven: the other run of the pair proves nothing",
    "fixed": "fixed: in the baseline alone",
    "unchanged": "unchanged: in both",
}


def render(report: CompareReport) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: CompareReport) -> Iterator[str]:
    yield f"compare · {report.terminal.spec} · against {report.against.spec} · {_count(len(report.pairs), 'pair')}"
    yield _SAID[report.exit_code]
    if len(report.pairs) < report.declared:
        yield f"  because {report.declared - len(report.pairs):,} of {report.declared:,} pairs are not finished"
    yield ""
    yield f"{'runs':<28}{'pass':>8}{'fail':>8}{'inconclusive':>14}{'error':>8}{'accepted':>22}"
    for role, side in (("under test", report.terminal), ("baseline", report.against)):
        sales = f"{side.accepted:,} of {side.feasible:,} ({side.acceptance_percent:.1f} %)"
        yield (f"  {role:<26}{side.passed:>8,}{side.failed:>8,}{side.inconclusive:>14,}{side.errors:>8,}{sales:>22}")
    for status, head in _HEADS.items():
        yield from _differences(head, report.of(status))
    for each in report.cut_off:
        yield f"  {each}: more findings than a verdict carries; only the earliest were compared"
    yield ""
    yield from _course(report)
    if report.measures:
        yield ""
        yield from _measures(report)
    if report.inconclusive:
        yield ""
        yield "inconclusive pairs, counted for nothing"
        for pair in report.inconclusive[:_MOST]:
            yield from _inconclusive(pair)


def _differences(head: str, found: list[Difference]) -> Iterator[str]:
    if not found:
        return
    yield ""
    yield f"{head} ({_count(len(found), 'signature')})"
    for each in found[:_MOST]:
        fen = each.terminal_fen or each.against_fen
        money = f", {fen / 100:,.2f} yuan at stake" if fen else ""
        yield (
            f"  {each.signature}  invariant {each.invariant} {each.name}: "
            f"{_count(each.terminal_runs, 'run')}, baseline {_count(each.against_runs, 'run')}{money}"
        )
        yield f"            {each.summary}"
        yield f"            again: {each.again}"
    if len(found) > _MOST:
        yield f"  and {len(found) - _MOST} more (--json has all)"


def _course(report: CompareReport) -> Iterator[str]:
    """How far the two went the same way."""
    same = sum(pair.same_history for pair in report.pairs)
    alike = sum(not pair.same_history and pair.divergence is None for pair in report.pairs)
    missing = sum(pair.missing for pair in report.pairs)
    yield (
        f"of {_count(len(report.pairs), 'pair')} {same:,} have the same history to the byte, {alike:,} differ in nothing that "
        f"people or the host could see"
    )
    yield (
        f"{_count(missing, 'decision')} of the baseline had no counterpart and took the neutral value"
        if missing
        else "the baseline asked for no decision that the other had not made"
    )
    first = report.first
    if first is not None:
        yield (
            f"the first divergence: {first.scenario}, seed {first.seed}, on {first.device} at {clock_text(first.at_us)}"
        )
        yield f"  under test  {first.terminal_does}"
        yield f"  baseline    {first.against_does}"


def _measures(report: CompareReport) -> Iterator[str]:
    yield f"{'measures: median (least to most)':<36}{'under test':>30}{'baseline':>30}{'difference':>14}"
    for each in report.measures:
        yield (
            f"  {each.name:<34}{_spread(each.terminal):>30}{_spread(each.against):>30}{each.difference:>+14,.6g}{_good(each)}"
        )


def _spread(spread: Spread) -> str:
    if spread.least == spread.most:
        return f"{spread.median:,.6g}"
    return f"{spread.median:,.6g} ({spread.least:,.5g} to {spread.most:,.5g})"


def _good(each: MeasureView) -> str:
    return {1: "  better", -1: "  worse", 0: ""}[each.better]


def _inconclusive(pair: PairView) -> Iterator[str]:
    yield f"  {pair.scenario}, seed {pair.seed}: {pair.terminal} against {pair.against}"
    for why in pair.because[:4]:
        yield f"    because {why}"


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"

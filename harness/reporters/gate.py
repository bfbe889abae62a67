"""A gate as a person reads it: the verdict, what it means, new findings with the line that replays each, what was not checked."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from harness.core.words import several
from harness.engine.gate import cuts
from harness.engine.gate.report import Bound, GateFinding, GateReport, Part, Untried
from harness.engine.gate.smallest import smaller_line
from harness.reporters import plain
from harness.reporters.ci import Case, Outcome, Problem, cases_of, place_of
from harness.results.model import RunRow

_SAID = {
    "pass": "PASS          nothing new was found, and everything that could be checked was",
    "fail": "FAIL          money, records or service were lost, or a bound was missed",
    "inconclusive": "INCONCLUSIVE  nothing new was found, and the gate does not prove enough to pass",
    "error": "ERROR         the harness broke in some runs",
}
_MOST = 12
_COLUMNS = 118
_UNCHECKED_MOST = 20


def render(report: GateReport) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(report)) + "\n"


def bound_of(bound: Bound) -> str:
    """What the random runs say."""
    rest = f"; {bound.inconclusive:,} inconclusive, counted for nothing" if bound.inconclusive else ""
    of = f"{bound.scenario} with {bound.terminals} terminals, seeds from {bound.first_seed} on{rest}"
    failed = f"{bound.failed:,} of {several(bound.runs, 'random run')} failed"
    if bound.upper_bound_95 is None:
        return f"{failed}, and they were ended for it: no bound; {of}"
    return f"{failed}: below {100 * bound.upper_bound_95:.2f} % at 95 %, for {of}"


def _lines(report: GateReport) -> Iterator[str]:
    yield f"gate · {report.terminal} · budget {report.budget_s:,.6g} s, took {report.took_s:,.6g} s"
    yield _SAID[report.status]
    for each in report.because:
        yield f"  because {each.why}  [{each.key}]"
    for each in report.waived:
        yield f"  waived: {each.why}  [{each.key}]"
    for key in report.unused_waivers:
        yield f"  --waive {key} stood for nothing"
    for limit in report.limits:
        value = "nothing was measured" if limit.value is None else f"the worst run has {limit.value:,.6g}"
        yield f"  {'✗' if limit.failed else '✓' if limit.value is not None else '?'} fail if {limit.limit}: {value}"
        if limit.failed and limit.again:
            yield f"    replay: {limit.again}"
    yield ""
    yield f"{'part':<15}{'of':>7}{'pass':>7}{'fail':>7}{'inconclusive':>14}{'error':>7}{'seconds':>9}"
    for part in report.parts:
        yield _part(part)
    if report.bound is not None:
        yield ""
        yield bound_of(report.bound)
    if report.new:
        yield ""
        yield f"new findings: {len(report.new)}"
        for found in report.new[:_MOST]:
            yield from _finding(found, report.terminal)
        if len(report.new) > _MOST:
            yield f"  and {len(report.new) - _MOST} more (--json has all)"
    known = [each for each in report.findings if each.known]
    if known:
        yield ""
        yield f"known findings (baseline): {len(known)}"
        for found in known:
            yield f"  {found.signature}  invariant {found.invariant} {found.name}: {found.kind}"
            yield f"            replay: {found.again}"
    if report.vanished:
        yield ""
        yield "in the baseline and no longer found"
        yield from (f"  {each}" for each in report.vanished)
    if report.untried:
        yield ""
        yield "left untried"
        for untried in report.untried:
            yield from _untried(untried)
    yield ""
    yield f"checked      {', '.join(report.checked) or 'nothing'}"
    if report.unchecked:
        yield "not checked"
        yield from (f"  {each.what}: {each.why}" for each in report.unchecked[:_UNCHECKED_MOST])
        if len(report.unchecked) > _UNCHECKED_MOST:
            yield f"  and {len(report.unchecked) - _UNCHECKED_MOST} more (--json has all)"


def _part(part: Part) -> str:
    if part.skipped:
        return f"  {part.name:<13}not begun: {part.skipped}"
    of = f"{part.declared:,}" if part.declared else "-"
    counts = f"{part.passed:>7,}{part.failed:>7,}{part.inconclusive:>14,}{part.errors:>7,}"
    return f"  {part.name:<13}{of:>7}{counts}{part.took_s:>9.1f}  {part.what}"


def _untried(untried: Untried) -> Iterator[str]:
    of = "" if untried.part == "random" else f"{len(untried.names):,} of {untried.of:,}, "
    text = f"{untried.part}: {of}{untried.why}: {', '.join(untried.names)}"
    yield from textwrap.wrap(text, _COLUMNS, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)


def _finding(found: GateFinding, terminal: str) -> Iterator[str]:
    money = f", {found.money_fen / 100:,.2f} yuan at stake" if found.money_fen else ""
    yield f"  {found.signature}  invariant {found.invariant} {found.name}: {found.findings:,} in {found.part}{money}"
    yield f"            {found.summary}"
    if found.shrunk_again:
        yield f"            smallest: {found.shrunk}"
    elif found.not_shrunk:
        yield f"            not made smaller: {found.not_shrunk}"
        if smaller := smaller_line(found, terminal):
            yield f"            smaller: {smaller}"
    yield f"            replay: {found.shrunk_again or found.again}"


# ---------------------------------------------------------------- for CI servers


def outcome_of(report: GateReport, rows: Iterable[RunRow]) -> Outcome:
    """The same for CI servers: a case a run, a problem a signature."""
    known = frozenset(each.signature for each in report.findings if each.known)
    because = [each.why for each in report.because]
    because += [f"--fail-if {each.limit}: the worst run has {each.value:,.6g}" for each in report.limits if each.failed]
    waived = [f"waived: {each.why}" for each in report.waived]
    cases = cases_of(list(rows), known)
    limits = [
        Case("limits", each.limit, "fail" if each.failed else "pass" if each.value is not None else "inconclusive")
        for each in report.limits
    ]
    return Outcome(
        f"gate of {report.terminal}",
        report.exit_code,
        (*([bound_of(report.bound)] if report.bound is not None else []), *waived),
        tuple(because),
        tuple(_problem(each, report.terminal) for each in report.findings),
        (*limits, *cases),
        (
            *((f"{each.part}, untried", f"{each.why}: {', '.join(each.names)}") for each in report.untried),
            *((each.what, each.why) for each in report.unchecked),
        ),
        tuple(report.vanished),
        tuple((each.name, each.least, each.median, each.most) for each in report.measures),
    )


def _problem(found: GateFinding, terminal: str) -> Problem:
    scenario = cuts.SCENARIO if found.where.startswith(cuts.LABEL) else found.where
    file, line = place_of(found.summary, terminal, scenario)
    return Problem(
        found.signature, found.invariant, found.name, plain.line(found.summary), file, line,
        found.shrunk_again or found.again, found.runs, found.findings, found.money_fen, found.known,
    )  # fmt: skip

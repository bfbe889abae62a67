"""The kill matrix as a person reads it: who found which mutant, in which run, and which invariants nobody would miss."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from harness.core.errors import ExitCode
from harness.core.words import several
from harness.engine.assay.redundant import REDUNDANT, REDUNDANT_FAMILIES
from harness.engine.assay.report import AssayReport, MutantReport

_SAID = {
    ExitCode.PASS: "PASS          every mutant is killed by the invariants that must catch it, where the reference passes",
    ExitCode.VIOLATED: "FAIL          the checks do not see what they must",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE  not every mutant was tried to the end",
    ExitCode.HARNESS_ERROR: "ERROR         the harness broke on the way",
}
_MOST_SHOWN = 999


def render(report: AssayReport) -> str:
    """All of it as plain text. Seconds stand in one column; everything else is the same each time."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: AssayReport) -> Iterator[str]:
    killed, total = report.count("killed"), len(report.mutants)
    yield f"assay · {total} {'mutant' if total == 1 else 'mutants'} · {killed} killed"
    yield _SAID[report.exit_code]
    if report.stopped:
        yield f"  because {report.stopped}: {report.count('not_tried')} of {total} mutants were not tried to the end"
    yield ""
    yield from _matrix(report)
    yield ""
    yield from _kills(report)
    yield ""
    yield from _sole_killers(report)
    if report.families:
        yield ""
        yield from _families(report)


def _matrix(report: AssayReport) -> Iterator[str]:
    seen = {hit.invariant for each in report.mutants for hit in each.hits}
    seen.update(number for each in report.mutants for number in each.caught_by)
    columns = sorted(seen)
    width = _width(report)
    yield f"{'findings, by invariant':<{width}}" + "".join(f"{number:>5}" for number in columns)
    for each in report.mutants:
        counts = {hit.invariant: hit.findings for hit in each.hits}
        cells = (_cell(counts.get(number, 0), number in each.caught_by) for number in columns)
        yield f"  {each.mutant:<{width - 2}}{''.join(cells)}".rstrip()
    yield "(*: must catch it)"


def _cell(findings: int, promised: bool) -> str:
    shown = "" if not findings else str(findings) if findings <= _MOST_SHOWN else ">999"
    if promised:
        shown = f"{shown or '-'}*"
    return f"{shown:>5}"


def _kills(report: AssayReport) -> Iterator[str]:
    width = _width(report)
    yield f"{'cheapest run that kills':<{width}}{'seconds':>9}  scenario"
    for each in report.mutants:
        yield from _kill(each, width)
    if any(each.kill is not None and not each.kill.again for each in report.mutants):
        yield "  (--out DIR keeps the small scenarios, and says how to run each again)"


def _kill(each: MutantReport, width: int) -> Iterator[str]:
    head = f"  {each.mutant:<{width - 2}}"
    if each.kill is None:
        said = {"survived": "SURVIVED", "inconclusive": "INCONCLUSIVE", "not_tried": "NOT TRIED"}.get(each.state, "")
        why = each.why or f"no finding in {several(each.tried, 'run')}"
        yield f"{head}{'':>9}  {said}: {why}"
        return
    seed = f", seed {each.kill.seed}" if each.kill.seed is not None else ""
    yield f"{head}{each.kill.wall_s:>9.2f}  {each.kill.scenario}{seed}"
    where = f"  {'':<{width - 2}}{'':>9}  "
    if each.missed:
        numbers = ", ".join(map(str, each.missed))
        yield f"{where}MISSED by invariant {numbers}, which must catch it"
    if each.kill.not_its_own:
        yield f"{where}NOT IN THE RUN THAT IS SAID TO KILL IT (its row in harness/terminals/assays.py)"
    if each.state != "killed":
        yield f"{where}NOT TRIED TO THE END: {each.why}"
    if each.kill.again:
        yield f"{where}again: {each.kill.again}"


def _sole_killers(report: AssayReport) -> Iterator[str]:
    names: dict[int, str] = {}
    for number, name in report.invariants:
        names[number] = f"{names[number]}, {name}" if number in names else name
    yield "only killer"
    for number, mutants in report.sole_killers().items():
        if mutants:
            yield f"  {number:>3} {names.get(number, ''):<25} {', '.join(mutants)}"
    redundant = report.redundant()
    if not report.whole:
        yield "  (of some mutants nothing follows about the other invariants)"
    elif redundant:
        yield "only killer of no mutant"
        for number in redundant:
            why = REDUNDANT.get(number, "UNEXPLAINED: it needs a mutant of its own, or a reason why it is kept")
            yield from textwrap.wrap(
                why, 118, initial_indent=f"  {number:>3} {names.get(number, ''):<26}", subsequent_indent=" " * 32
            )


def _families(report: AssayReport) -> Iterator[str]:
    yield "fault families without which nothing is found"
    for family, mutants in report.needed().items():
        why = REDUNDANT_FAMILIES.get(family, "")
        yield f"  {family:<12}{', '.join(mutants) or 'no mutant needs it' + (f': {why}' if why else '')}"
    none = [each.mutant for each in report.mutants if each.kill is not None and each.kill.needs == ()]
    if none:
        yield f"  {'none':<12}{', '.join(none)}"


def _width(report: AssayReport) -> int:
    return max([len("cheapest run that kills"), *(len(each.mutant) + 2 for each in report.mutants)]) + 1

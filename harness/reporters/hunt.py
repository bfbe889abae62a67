"""A hunt's result as a person reads it, and the words of symptoms."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from harness.core.words import several
from harness.engine.hunt.report import HuntReport, Shown
from harness.history.symptoms.words import FORMS

_SAID = {
    "found": "FOUND         the symptom was seen",
    "not_found": "NOT FOUND     within the budget; that proves nothing",
    "interrupted": "INTERRUPTED   before it was found",
}


class Word(msgspec.Struct, frozen=True):
    """One term: how it is written, what it means, whether it is proven at rest, and by gap what may stand there."""

    term: str
    meaning: str
    at_rest: bool
    choices: dict[str, tuple[str, ...]]


def render(report: HuntReport, file: str | None = None) -> str:
    """All of it as plain text. ``file``: where the scenario was written."""
    return "\n".join(_lines(report, file)) + "\n"


def _lines(report: HuntReport, file: str | None) -> Iterator[str]:
    yield f"hunt · {report.terminal} · {report.symptom} · seed {report.seed}"
    yield _SAID[report.state]
    began = several(report.stages, "scenario")
    yield f"  in {several(report.runs, 'run')}, {report.wall_s:.1f} s, from {began}"
    if report.best is not None:
        yield ""
        yield from _best(report.best, report, file)
    for why in report.broken:
        yield f"left out: {why}"


def _best(best: Shown, report: HuntReport, file: str | None) -> Iterator[str]:
    reached = best.reached
    if reached.shown:
        yield f"run {best.run}, from {best.stage}, on {reached.device}:"
    else:
        yield f"nearest was run {best.run}, from {best.stage}: {reached.score:.2f} of {reached.steps} steps"
    for told in reached.told:
        yield f"  > {told}"
    yield f"  faults: {', '.join(best.faults) or 'none'}; seed {best.seed}"
    if best.findings:
        yield f"  invariants violated in it: {', '.join(best.findings)}"
    if report.shrunk:
        yield f"  made small in {several(report.shrink_runs, 'run')}: {report.shrunk}"
    if file is not None:
        yield f"  replay: harness run {shlex.quote(file)} --terminal {shlex.quote(report.terminal)}"


def vocabulary() -> str:
    """The words of symptoms, one row a term."""
    lines = [
        "symptom: STEP then STEP ... [on any device]",
        "step: [not TERM before] TERM [or TERM] [N times] [within 10 min]",
        "",
    ]
    for at_rest in (False, True):
        lines.append("proven at rest, in the last step" if at_rest else "seen on the way")
        for form in FORMS:
            if form.at_rest is at_rest:
                lines.append(f"  {form.shown():<44} {form.meaning}")
                for gap in (part for part in form.parts if not isinstance(part, str)):
                    if gap.choices and (gap.name, form.name) not in _SHOWN_BEFORE:
                        lines.append(f"  {'':<44} {gap.name}: {', '.join(gap.choices)}")
        lines.append("")
    return "\n".join(lines)


def words() -> list[Word]:
    """The same for programs."""
    return [
        Word(
            form.shown(), form.meaning, form.at_rest,
            {gap.name: tuple(gap.choices) for gap in form.parts if not isinstance(gap, str) and gap.choices},
        )
        for form in FORMS
    ]  # fmt: skip


_SHOWN_BEFORE = frozenset({("action", "started"), ("action", "took")})

"""From a verdict to the row that is kept of it."""

from __future__ import annotations

from harness.core.errors import HarnessError
from harness.engine.request import RunRequest
from harness.engine.verdict import FindingView, MoreView, Verdict
from harness.invariants.kinds import kind_of, signature
from harness.results.model import BiteRow, FindingRow, JudgedRow, Measure, RunRow

_REASON_CHARACTERS = 1_000


def row_of(label: str, request: RunRequest, verdict: Verdict) -> RunRow:
    """What is kept of a run that came to a verdict."""
    sales = verdict.sales
    measures = {
        "terminal_days": verdict.terminals * verdict.days,
        "sales_asked": sales.asked,
        "sales_feasible": sales.feasible,
        "sales_accepted": sales.accepted,
        "acceptance_percent": sales.acceptance_percent,
        "events": verdict.events,
        "diverged": verdict.diverged,
        **{each.name: each.value for each in verdict.measures if each.name != "acceptance_percent"},
    }
    return RunRow(
        label,
        verdict.seed,
        request.without,
        verdict.status,
        verdict.inconclusive_because,
        verdict.replay,
        verdict.history_sha256,
        tuple(Measure(name, float(value)) for name, value in measures.items()),
        _findings((*verdict.findings, *_missed(verdict)), verdict.more),
        tuple(BiteRow(each.name, each.kind, each.family, each.struck, each.bit) for each in verdict.faults),
    )


def judged_in(verdict: Verdict) -> list[JudgedRow]:
    """What the run could judge, and what not and why. Of one that could on some terminals only, that it could."""
    checked = [each.partition(" ") for each in verdict.checked]
    found = {name: JudgedRow(int(number), name, True) for number, _, name in checked if number.isdecimal()}
    for each in verdict.not_checked:
        found.setdefault(each.name, JudgedRow(each.invariant, each.name, False, each.reason[:_REASON_CHARACTERS]))
    return list(found.values())


def row_of_error(label: str, request: RunRequest, error: HarnessError) -> RunRow:
    """A run that the harness could not bring to an end; it is tried again when the sweep is resumed."""
    return RunRow(label, request.seed or 1, request.without, "error", (str(error)[:2000],))


def _missed(verdict: Verdict) -> tuple[FindingView, ...]:
    """Thresholds that were missed, as findings of no invariant: a run that failed for one alone has a signature, too."""
    return tuple(
        FindingView(
            0,
            "threshold",
            "",
            0,
            f"{each.name} is {each.value:,.12g}, {each.bound} {each.threshold:,.12g} was asked for.",
        )
        for each in verdict.missed
    )


def _findings(views: tuple[FindingView, ...], more: tuple[MoreView, ...]) -> tuple[FindingRow, ...]:
    """By kind, fault and code point. What was only counted counts with the first of its kind, or else of its invariant."""
    groups: dict[tuple[str, str, str], list[FindingView]] = {}
    for view in views:
        key = signature(view.invariant, kind_of(view.summary)), view.fault, view.place
        groups.setdefault(key, []).append(view)
    rows: list[FindingRow] = []
    left = list(more)
    for (named, fault, place), group in groups.items():
        first = group[0]
        kind = kind_of(first.summary)
        besides = [each for each in left if each.invariant == first.invariant and each.kind in (kind, "")]
        left = [each for each in left if each not in besides]
        count = len(group) + sum(each.findings for each in besides)
        money_fen = sum(each.money_fen for each in group) + sum(each.money_fen for each in besides)
        rows.append(
            FindingRow(
                named,
                first.invariant,
                first.name,
                kind,
                count,
                money_fen,
                first.device,
                first.at_us,
                first.summary,
                fault,
                place,
            )
        )
    return tuple(rows)

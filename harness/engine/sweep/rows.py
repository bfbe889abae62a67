"""From a verdict to the row that is kept of it, and what makes two findings the same.

A signature is the invariant and the finding's words without what differs from run to run. The fault that struck and the code
point where it struck stand beside it and are no part of it: over ten seeds each of random_faults with three mutants, of the
signatures of seeds 6 to 10 2 in 18 had not been seen in seeds 1 to 5, with the fault 19 in 43, with the code point 25 in 51. One
defect shows itself after many faults and in many places, and a gate that fails on what is new would fail on most seeds.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from harness.core.errors import HarnessError
from harness.engine.request import RunRequest
from harness.engine.verdict import FindingView, Verdict
from harness.results.model import BiteRow, FindingRow, JudgedRow, Measure, RunRow

_KIND_CHARACTERS = 200
_REASON_CHARACTERS = 1_000
_DIFFERS = re.compile(
    r"(?P<place>[\w./-]+\.py:\d+)|(?P<time>day \d+ \d\d:\d\d:\d\d(?:\.\d+)?)"
    r"|(?P<device>\bT\d{2,}\b)|(?P<number>\d[\d,]*(?:\.\d+)?)"
)
_INSTEAD = {"time": "TIME", "device": "T..", "number": "N"}


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
        _findings((*verdict.findings, *_missed(verdict))),
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


def _findings(views: tuple[FindingView, ...]) -> tuple[FindingRow, ...]:
    groups: dict[tuple[str, str, str], list[FindingView]] = {}
    for view in views:
        key = signature(view.invariant, kind_of(view.summary)), view.fault, view.place
        groups.setdefault(key, []).append(view)
    return tuple(
        FindingRow(
            key, group[0].invariant, group[0].name, kind_of(group[0].summary), len(group), sum(each.money_fen for each in group),
            group[0].device, group[0].at_us, group[0].summary, fault, place,
        )
        for (key, fault, place), group in groups.items()
    )  # fmt: skip


def kind_of(summary: str) -> str:
    """A finding's summary without what differs from run to run. A line of code stays: it is what went wrong."""

    def instead(found: re.Match[str]) -> str:
        return found.group() if found.lastgroup == "place" else _INSTEAD[str(found.lastgroup)]

    return _DIFFERS.sub(instead, summary)[:_KIND_CHARACTERS]


def signature(invariant: int, kind: str) -> str:
    """A short name for one kind of finding, the same in every sweep."""
    return blake2b(f"{invariant} {kind}".encode(), digest_size=4).hexdigest()

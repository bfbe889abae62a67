"""A sweep's results, or merged ones, as a report: what ``harness results`` prints, and faults by invariants.

Models: everything is added up by SQLite or by columns; a run that passed is not looked at by itself. Does not model: which
of its runs could judge an invariant; whether any could is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.engine.report import matrix, sums
from harness.engine.report.model import (
    FORMAT,
    Bound,
    Measures,
    Point,
    Report,
    Runs,
    RunsRow,
    Said,
    SignatureRow,
    Status,
    Unchecked,
    Verdict,
)
from harness.engine.report.pages import few, portable
from harness.engine.report.series import series_of_runs
from harness.engine.sweep.summary import Counts, CutOff, Signature, SweepSummary, days_in, summary_of
from harness.results.model import Declared, JudgedRow
from harness.results.store import Store

STATUS: dict[int, Status] = {0: "pass", 1: "fail", 2: "inconclusive", 3: "error"}
SIGNATURES_MOST = 400
_REASONS_TOLD = 12
_ROWS_MOST = 300
_REASONS_MOST = 100


def of_sweep(path: Path, *, cut_off: Iterable[CutOff] = ()) -> Report:
    """The report of the results in ``path``, a file or its directory. UsageError for what is none, or of an older format."""
    with Store.read(path) as store, store.at_one_moment():
        declared = store.declared()
        summary = summary_of(store, with_measures=False)
        first = store.first_runs()
        found = store.finding_sums()
        bites = store.bite_sums()
        values = store.measured()
        judged = store.judged()
        days = store.measured(("pass", "fail"), "terminal_days")
    summary.cut_off = list(cut_off)
    summary.terminal_days = days_in(days.get("terminal_days", ()))
    signatures = tuple(signature_row(each, first.get(each.signature)) for each in summary.signatures)
    signatures = tuple(sorted(signatures, key=lambda each: (each.invariant, -each.runs, each.signature)))
    table = matrix.matrix_of(((bite, runs) for _, bite, runs in bites), found, signatures, _checked(judged))
    left = (
        [Said("left_signatures", count=len(signatures) - SIGNATURES_MOST)] if len(signatures) > SIGNATURES_MOST else []
    )
    checked = tuple(f"{each.invariant} {each.name}" for each in judged if each.checked)
    return Report(
        FORMAT, "sweep", summary.terminal, declared.harness, portable(str(path.absolute())),
        Verdict(STATUS[int(summary.exit_code)], int(summary.exit_code), tuple(_because(summary)), checked=checked),
        _bound(summary),
        tuple(_unchecked(summary, judged, [each.kind for each in table.faults])),
        table, signatures[:SIGNATURES_MOST], Measures(sums.spreads_of(values), series_of_runs(values)), runs_of(summary),
        facts=tuple(facts_of(declared)), left_out=tuple(left),
    )  # fmt: skip


def signature_row(each: Signature, first: tuple[str, int] | None) -> SignatureRow:
    """One kind of finding."""
    points = few(Point(point.fault, point.place, point.runs) for point in each.points)
    scenario, seed = first or ("", None)
    return SignatureRow(
        each.signature, each.invariant, each.name, each.kind, each.summary, portable(each.again), each.runs, each.findings,
        each.money_fen, points, scenario=scenario, seed=seed,
    )  # fmt: skip


def _because(summary: SweepSummary) -> Iterable[Said]:
    """What keeps it from a pass: of a failed one the failures alone say it all."""
    total = summary.total
    if total.failed:
        yield Said("failed", count=total.failed, of=total.conclusive)
    if total.errors:
        yield Said("error", count=total.errors, text=next((b.why for b in summary.because if b.verdict == "error"), ""))
    if summary.missing:
        yield Said("missing", count=summary.missing, of=total.declared)
    if not total.declared:
        yield Said("no_runs")
    if not summary.canaries:
        yield Said("canary_none")
    for canary in summary.canaries:
        if canary.missed:
            yield Said("canary_missed", canary.why, canary.terminal, again=portable(canary.replay))
    if not total.failed:
        for fault in summary.idle[:_REASONS_TOLD]:
            yield Said("never_bit", fault.scenario, fault.fault, fault.runs)
        if len(summary.idle) > _REASONS_TOLD:
            yield Said("idle_more", count=len(summary.idle) - _REASONS_TOLD)
        for reason in summary.of_runs[:_REASONS_TOLD]:
            if reason.verdict == "inconclusive":
                yield Said("inconclusive", reason.why, count=reason.runs, again=portable(reason.again))


def _bound(summary: SweepSummary) -> Bound:
    total = summary.total
    why = "search" if summary.search != "random" else "" if total.conclusive else "nothing"
    return Bound(
        total.failed, total.conclusive, total.inconclusive, None if why else total.upper_bound_95, why,
        first_seed=summary.first_seed, terminal_days=summary.terminal_days, shard=summary.shard,
    )  # fmt: skip


def _checked(judged: Iterable[JudgedRow]) -> dict[int, bool] | None:
    """By number; None of results from before it was kept."""
    found: dict[int, bool] = {}
    for each in judged:
        found[each.invariant] = found.get(each.invariant, False) or each.checked
    return found or None


def _unchecked(summary: SweepSummary, judged: tuple[JudgedRow, ...], kinds: Iterable[str]) -> Iterable[Unchecked]:
    if summary.missing:
        yield Unchecked("missing", "", "@missing_here", summary.missing)
    for fault in summary.idle:
        yield Unchecked("never_bit", fault.fault, fault.scenario, fault.runs)
    for cut in sorted(summary.cut_off, key=lambda each: -each.ran_s):
        yield Unchecked("cut_off", f"{cut.scenario} seed {cut.seed}", f"{cut.ran_s:,.1f} s")
    for each in judged:
        if not each.checked:
            yield Unchecked("invariant", f"{each.invariant} {each.name}", each.reason)
    if not judged:
        yield Unchecked("unknown", "", "@no_evidence_kept")
    others = matrix.not_planned(kinds)
    if others:
        yield Unchecked("not_planned", ", ".join(others), count=len(others))


def runs_of(summary: SweepSummary) -> Runs:
    """By scenario; of a campaign's many cells those that want looking at, in the campaign's order."""
    random = summary.search == "random"
    shown = summary.scenarios
    if len(shown) > _ROWS_MOST:
        worst = sorted(shown, key=lambda each: (-each.errors, -each.failed, -each.inconclusive))[:_ROWS_MOST]
        kept = {id(each) for each in worst}
        shown = [each for each in shown if id(each) in kept]
    reasons = tuple(
        Said(
            "error" if each.verdict == "error" else "inconclusive",
            each.why,
            count=each.runs,
            again=portable(each.again),
        )
        for each in sorted(summary.of_runs, key=lambda each: -each.runs)[:_REASONS_MOST]
    )
    rows = tuple(runs_row(each, random=random) for each in shown)
    return Runs(runs_row(summary.total, random=random), rows, (), reasons, len(summary.scenarios) - len(shown))


def runs_row(each: Counts, *, random: bool = True) -> RunsRow:
    """One scenario's."""
    return RunsRow(
        each.scenario, each.declared, each.passed, each.failed, each.inconclusive, each.errors,
        each.upper_bound_95 if random and each.conclusive else None,
        tuple(each.failed_seeds), tuple(each.inconclusive_seeds),
    )  # fmt: skip


def facts_of(declared: Declared) -> Iterable[tuple[str, str]]:
    """What was declared."""
    if declared.campaign:
        yield "campaign", declared.campaign
    first = declared.first_seed
    yield "seeds", f"{first} – {first + declared.runs - 1}" if declared.runs else f"{first} –"
    yield "swarm", "on" if declared.swarm else "off"
    for code in ("profile", "device", "dialect", "days", "terminals"):
        if getattr(declared, code) is not None:
            yield code, str(getattr(declared, code))
    if declared.shard:
        yield "shard", "{} / {}".format(*declared.shard)
    if declared.search != "random":
        yield "search", declared.search

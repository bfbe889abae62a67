"""Crash points as a report: what ``harness crashpoints --out`` leaves.

Models: crashpoints.json: the verdict; of each flow how many states were judged, from how many harm came, at which step of it and
on which medium; what was not judged; a page for each finding, which the file tells in lines and a state judged again tells in
full. Does not model: a bound; states are listed one by one, and that says nothing about how often power goes there. The files of
states, which lie beside.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.engine.crashpoints.report import FORMAT as CRASH_FORMAT
from harness.engine.crashpoints.report import CrashReport, FlowReport, Found
from harness.engine.report import matrix
from harness.engine.report.model import (
    FORMAT,
    Bound,
    Cut,
    CutCell,
    CutFlow,
    FindingPage,
    Point,
    Report,
    Runs,
    RunsRow,
    Said,
    SignatureRow,
    Unchecked,
    Verdict,
)
from harness.engine.report.pages import page_of, portable, with_pages
from harness.invariants.kinds import kind_of, signature
from harness.results.model import BiteRow, FindingSum

CRASHES = "crashpoints.json"
FAULT = "power_loss"
_BYTES_MOST = 64 << 20
_STEPS_MAX = 200
_STATUS = {0: "pass", 1: "fail", 2: "inconclusive"}


def of_crashpoints(directory: Path) -> Report:
    """The exploration that left ``directory``, with its pages. UsageError when its file cannot be read."""
    told = _read(directory / CRASHES)
    found = [(flow, each) for flow in told.flows for each in flow.found]
    signatures = tuple(_row(told, flow, each) for flow, each in found)
    judged, failing = sum(each.judged for each in told.flows), sum(map(_failing, told.flows))
    checked, lacking = _judged_by(told.flows)
    sums = [FindingSum(FAULT, each.invariant, each.name, each.states, each.states, each.money_fen) for _, each in found]
    bites = [(BiteRow(FAULT, FAULT, "power", judged, judged), judged)] if judged else []
    rows = tuple(_runs(each) for each in told.flows)
    report = Report(
        FORMAT, "crashpoints", portable(told.terminal), told.harness or metadata.version("terminal-fault-harness"),
        portable(str(directory.absolute())),
        Verdict(_STATUS[int(told.exit_code)], int(told.exit_code), tuple(_because(told)), checked=checked),  # type: ignore[arg-type]
        Bound(failing, judged, 0, None, "every_state"), tuple(_unchecked(told.flows, lacking)),
        matrix.matrix_of(bites, sums, signatures, matrix.checked_in(checked)), signatures,
        runs=Runs(RunsRow("all", sum(each.declared for each in rows), judged - failing, failing), rows),
        cuts=tuple(_picture(each) for each in told.flows if each.cells), facts=tuple(_facts(told)),
    )  # fmt: skip
    pages = (
        _page(row, portable(told.terminal), flow, each) for row, (flow, each) in zip(signatures, found, strict=True)
    )
    return with_pages(report, pages)


def _read(path: Path) -> CrashReport:
    try:
        if path.stat().st_size > _BYTES_MOST:
            raise UsageError(f"{path}: larger than {_BYTES_MOST >> 20} MiB, which no report of crash points is")
        told = msgspec.json.decode(path.read_bytes(), type=CrashReport)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{path}: no crash points that this version reads ({why}); run `harness crashpoints` again with --out"
        ) from None
    if told.format > CRASH_FORMAT:
        raise UsageError(
            f"{path} is in format {told.format}, written by harness {told.harness}; this one reads formats up to "
            f"{CRASH_FORMAT}: update the harness"
        )
    return told


def _row(told: CrashReport, flow: FlowReport, found: Found) -> SignatureRow:
    """One invariant broken by what one place in the code left: a hundred states of it are one thing to read."""
    example, kind = found.example, kind_of(found.example.summary)
    return SignatureRow(
        signature(found.invariant, f"{flow.flow} {found.place} {kind}"), found.invariant, found.name, kind, example.summary,
        portable(example.replay), found.states, found.states, found.money_fen, (Point(FAULT, example.step, found.states),),
        scenario=told.scenario, seed=told.seed, part=flow.flow,
    )  # fmt: skip


def _page(row: SignatureRow, terminal: str, flow: FlowReport, found: Found) -> FindingPage:
    """What the file says of it; a state that is judged again says more."""
    example = found.example
    where = f"{flow.flow}, {example.cut}, {example.profile}"
    return msgspec.structs.replace(
        page_of(row, terminal),
        at_us=example.at_us,
        place="",  # the cut says it better
        severity=found.severity,
        cut=Cut(where, example.step, example.losses, example.arrived),
        told_before=example.story,
    )


def _judged_by(flows: Iterable[FlowReport]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Invariants that some flow could judge, and those that none could, with a reason."""
    names = {f"{column.number} {column.name}" for column in matrix.matrix_of((), (), ()).invariants if column.number}
    judged = [flow for flow in flows if flow.judged]
    lacking = {
        name: why
        for flow in judged
        for name, why in flow.not_checked.items()
        if all(name in other.not_checked for other in judged)
    }
    alone = {single for name in names for single in _single(name)}
    checked = sorted(alone - lacking.keys() if judged else (), key=lambda name: (int(name.partition(" ")[0]), name))
    return tuple(checked), lacking


def _single(column: str) -> Iterable[str]:
    """A column may be of several invariants with one number."""
    number, _, names = column.partition(" ")
    return (f"{number} {name}" for name in names.split(", "))


def _because(told: CrashReport) -> Iterable[Said]:
    for flow in told.flows:
        if flow.found:
            yield Said(
                "cuts_found",
                what=flow.flow,
                count=flow.failing or max(each.states for each in flow.found),
                of=flow.judged,
            )
    for each in told.differences():
        yield Said("said", each)
    if told.failing:
        return
    for flow in told.flows:
        for why in _not_proved(flow):
            yield Said("said", why, flow.flow)
        if flow.left:
            yield Said("missing", count=flow.left, of=flow.judged + flow.left)
    if all(flow.skipped for flow in told.flows):
        yield Said("no_runs")


def _not_proved(flow: FlowReport) -> Iterable[str]:
    """What keeps the flow from proving anything, in words."""
    yield from flow.because
    if flow.unsettled:
        yield (
            f"from {flow.unsettled:,} distinct states the batch could not be settled any more, so that nothing shows whether its "
            f"approvals were kept (the first: --state {flow.unsettled_state})"
        )
    if not (flow.skipped or flow.judged or flow.because):
        yield "no state was judged"


def _unchecked(flows: Iterable[FlowReport], lacking: dict[str, str]) -> Iterable[Unchecked]:
    for flow in flows:
        if flow.skipped:
            yield Unchecked("skipped", flow.flow, flow.skipped)
        if flow.left:
            yield Unchecked("missing", flow.flow, count=flow.left)
        for why in (*_not_proved(flow), *flow.notes):
            yield Unchecked("other", flow.flow, why)
        for count in flow.profiles:
            where = f"{flow.flow}, {count.profile}"
            points, sampled = count.points + count.again_points, count.sampled_points + count.again_sampled_points
            thinned = count.thinned_points + count.again_thinned_points
            if sampled:
                yield Unchecked("other", where, f"at {sampled:,} of {points:,} instants not every image was listed")
            if thinned:
                yield Unchecked(
                    "other", where, f"at {thinned:,} of {points:,} instants long writes are cut at a few places only"
                )
            for number, times in count.unsurvivable.items():
                why = f"broken {times:,} times where the medium did what no software survives"
                yield Unchecked("other", f"{where}: invariant {number}", why)
    for name, why in lacking.items():
        yield Unchecked("invariant", name, why)


def _failing(flow: FlowReport) -> int:
    """Distinct states that harm came from; of a file that does not say it, those of the worst medium."""
    return min(flow.judged, flow.failing or max((each.failing for each in flow.profiles), default=0))


def _runs(flow: FlowReport) -> RunsRow:
    listed = [f"{each.profile}: {each.failing:,} / {each.distinct + each.again_distinct:,}" for each in flow.profiles]
    what = " · ".join([flow.summary, *listed] if flow.summary else listed)
    return RunsRow(
        flow.flow,
        flow.judged + flow.left,
        flow.judged - _failing(flow),
        _failing(flow),
        what=what,
        skipped=flow.skipped,
    )


def _picture(flow: FlowReport) -> CutFlow:
    steps = list(dict.fromkeys((each.depth, each.step) for each in flow.cells))
    kept = set(steps[:_STEPS_MAX])
    cells = tuple(
        CutCell(each.step, each.profile, each.states, each.failing, each.depth)
        for each in flow.cells
        if (each.depth, each.step) in kept
    )
    media = tuple(each.profile for each in flow.profiles)
    return CutFlow(flow.flow, flow.summary, media, cells, len(steps) - len(kept))


def _facts(told: CrashReport) -> Iterable[tuple[str, str]]:
    yield "scenario", told.scenario
    yield "device", told.device
    yield "seed", str(told.seed)
    yield "depth", str(told.depth)

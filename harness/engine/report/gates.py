"""A gate as a report: what its --out directory holds.

Models: gate.json, and the results of its parts for faults by invariants. Does not model: the states that crash points found,
beyond their findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.engine.gate import report as gate
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
    Unchecked,
    Verdict,
)
from harness.engine.report.pages import few, portable
from harness.engine.report.series import series_of_runs
from harness.results.model import BiteRow, FindingSum
from harness.results.store import FILE_NAME, Chosen, Store

GATE = "gate.json"
_BYTES_MOST = 64 << 20
_PART = re.compile(r"\w[\w -]{0,99}")
_CUTS = "crash points"
_CUT_FAULT = "power_loss"


def of_gate(directory: Path) -> Report:
    """The gate that left ``directory``. UsageError when its gate.json cannot be read."""
    told = _read(directory / GATE)
    bites: list[tuple[BiteRow, int]] = []
    found: list[FindingSum] = []
    points: dict[str, dict[tuple[str, str], int]] = {}
    firsts: dict[str, tuple[str, int]] = {}
    measures = Measures()
    for part in told.parts:
        # A name that leads elsewhere is not followed: what is read here may come from anywhere.
        folder = directory / "results" / part.name
        if part.skipped or not _PART.fullmatch(part.name) or not (folder / FILE_NAME).is_file():
            continue
        with Store.read(folder) as store:
            bites += [(bite, runs) for _, bite, runs in store.bite_sums()]
            found += store.finding_sums()
            for signature, first in store.first_runs().items():
                firsts.setdefault(signature, first)
            for run in store.runs(Chosen(("fail",), bare=True)):
                for each in run.findings:
                    counts = points.setdefault(each.signature, {})
                    counts[each.fault, each.place] = counts.get((each.fault, each.place), 0) + 1
            if part.name == "random":
                measured = store.measured()
                measures = Measures(sums.spreads_of(measured), series_of_runs(measured))
    found += [
        FindingSum(_CUT_FAULT, each.invariant, each.name, each.findings, each.runs, each.money_fen)
        for each in told.findings
        if each.part == _CUTS
    ]
    signatures = tuple(_signature(each, points.get(each.signature, {}), firsts) for each in told.findings)
    return Report(
        FORMAT, "gate", told.terminal, told.harness, portable(str(directory.absolute())),
        Verdict(told.status, int(told.exit_code), tuple(_because(told)), tuple(map(_reason, told.waived)), tuple(told.checked)),
        _bound(told), tuple(_unchecked(told)),
        matrix.matrix_of(bites, found, signatures, matrix.checked_in(told.checked)), signatures, measures, _runs(told),
        facts=tuple(_facts(told)),
    )  # fmt: skip


def _read(path: Path) -> gate.GateReport:
    try:
        if path.stat().st_size > _BYTES_MOST:
            raise UsageError(f"{path}: larger than {_BYTES_MOST >> 20} MiB, which no gate's report is")
        told = msgspec.json.decode(path.read_bytes(), type=gate.GateReport)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{path}: no gate's report that this version reads ({why}); run the gate again into another --out"
        ) from None
    if told.format > gate.FORMAT:
        raise UsageError(
            f"{path} is in format {told.format}, written by harness {told.harness}; this one reads formats up to "
            f"{gate.FORMAT}: update the harness"
        )
    return told


def _signature(
    each: gate.GateFinding, points: dict[tuple[str, str], int], firsts: dict[str, tuple[str, int]]
) -> SignatureRow:
    counted = sorted(points.items(), key=lambda point: (-point[1], point[0]))
    shown = few(Point(fault, place, runs) for (fault, place), runs in counted)
    if not shown and each.part == _CUTS:
        shown = (Point(_CUT_FAULT, "", each.runs),)
    scenario, seed = firsts.get(each.signature, (each.where, None))
    return SignatureRow(
        each.signature, each.invariant, each.name, each.kind, each.summary, each.again, each.runs, each.findings,
        each.money_fen, shown, None, each.known, each.part, scenario, seed, each.shrunk, each.shrunk_again, each.not_shrunk,
    )  # fmt: skip


def _reason(each: gate.Because) -> Said:
    return Said("said", each.why, each.key)


def _because(told: gate.GateReport) -> Iterable[Said]:
    if told.new:
        yield Said("new_findings", count=len(told.new))
    for each in told.limits:
        if each.failed:
            yield Said("threshold", "" if each.value is None else f"{each.value:,.6g}", f"--fail-if {each.limit}")
    yield from map(_reason, told.because)


def _bound(told: gate.GateReport) -> Bound | None:
    bound = told.bound
    if bound is None:
        return Bound(0, 0, 0, None, "not_begun" if told.new else "nothing")
    why = "" if bound.upper_bound_95 is not None and bound.runs else "nothing" if not bound.runs else "ended_early"
    return Bound(
        bound.failed, bound.runs, bound.inconclusive, None if why else bound.upper_bound_95, why, bound.scenario,
        bound.terminals, bound.first_seed, bound.terminal_days,
    )  # fmt: skip


def _unchecked(told: gate.GateReport) -> Iterable[Unchecked]:
    for part in told.parts:
        if part.skipped:
            yield Unchecked("skipped", part.name, part.skipped)
    for each in told.unchecked:
        head, _, rest = each.what.partition(" ")
        if head.isdecimal():
            yield Unchecked("invariant", each.what, each.why)
        elif head == "check":
            yield Unchecked("check", rest, each.why)
        elif each.what.startswith("random fault "):
            yield Unchecked("never_bit", each.what.removeprefix("random fault "), each.why)
        else:
            yield Unchecked("other", each.what, each.why)
    for left in told.untried:
        yield Unchecked("other", f"{left.part}: {', '.join(left.names)}", left.why, len(left.names))
    for gone in told.vanished:
        yield Unchecked("vanished", gone)


def _runs(told: gate.GateReport) -> Runs:
    parts = tuple(
        RunsRow(
            each.name, each.declared, each.passed, each.failed, each.inconclusive, each.errors, what=each.what,
            took_s=each.took_s, skipped=each.skipped,
        )
        for each in told.parts
    )  # fmt: skip
    total = RunsRow(
        "all", sum(each.declared for each in told.parts), sum(each.passed for each in told.parts),
        sum(each.failed for each in told.parts), sum(each.inconclusive for each in told.parts),
        sum(each.errors for each in told.parts),
    )  # fmt: skip
    return Runs(total, (), parts)


def _facts(told: gate.GateReport) -> Iterable[tuple[str, str]]:
    yield "budget", f"{told.budget_s:,.6g} s"
    yield "took", f"{told.took_s:,.6g} s"
    yield "jobs", str(told.jobs)
    if told.dialect:
        yield "dialect", told.dialect

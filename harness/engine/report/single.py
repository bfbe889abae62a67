"""One run as a report: what ``harness run --out`` leaves, or a finding's bundle.

Models: the verdict and what stands beside it. Does not model: a bound; one run shows what can happen, and not how often.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.engine.report import matrix, sums
from harness.engine.report.model import (
    FORMAT,
    Bound,
    Kind,
    Measures,
    Point,
    Report,
    Runs,
    RunsRow,
    Said,
    Series,
    SignatureRow,
    Spread,
    Unchecked,
    Verdict,
)
from harness.engine.report.pages import portable
from harness.engine.report.series import series_of
from harness.engine.request import RunRequest
from harness.engine.sweep.rows import row_of
from harness.engine.verdict import Verdict as RunVerdict
from harness.history.query import HistoryFile
from harness.results.bundle import read_bundle
from harness.results.model import FindingRow, FindingSum

VERDICT = "verdict.json"
HISTORY = "history.jsonl"
_BYTES_MOST = 64 << 20
_HISTORY_BYTES_MOST = 256 << 20
"""To read as much takes some ten seconds."""


def of_directory(directory: Path) -> Report:
    """The run that left ``directory``. UsageError when its verdict cannot be read."""
    path = directory / VERDICT
    try:
        if path.stat().st_size > _BYTES_MOST:
            raise UsageError(f"{path}: larger than {_BYTES_MOST >> 20} MiB, which no verdict is")
        told = _report("run", decoded(path, path.read_bytes()), portable(str(directory.absolute())))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    series, left_out = _series(directory)
    return msgspec.structs.replace(
        told, measures=Measures(told.measures.spreads, series), left_out=(*told.left_out, *left_out)
    )


def _series(directory: Path) -> tuple[tuple[Series, ...], tuple[Said, ...]]:
    """What its history can be plotted for, and why nothing can: it is not there, of another version, or very long."""
    path = directory / HISTORY
    try:
        if path.stat().st_size > _HISTORY_BYTES_MOST:
            return (), (Said("history_long", what=HISTORY, count=path.stat().st_size >> 20),)
        return series_of(HistoryFile(path)), ()
    except (OSError, UsageError) as error:
        return (), (Said("no_history", what=HISTORY, text=str(error)),)


def of_bundle(path: Path) -> Report:
    """The run that a bundle holds. UsageError for anything but a whole bundle of a known format."""
    bundle = read_bundle(path)
    info = bundle.info
    facts = (("finding", f"{info.signature} {info.name}"), ("python", info.python))
    return _report("bundle", decoded(path, bundle.verdict), portable(str(path.absolute())), info.harness, facts)


def decoded(path: Path, data: bytes) -> RunVerdict:
    """What a verdict.json says. UsageError for what is none, or was written by a version that said less."""
    try:
        return msgspec.json.decode(data, type=RunVerdict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise UsageError(
            f"{path}: no verdict that this version of the harness reads ({why}); run the scenario again with --out"
        ) from None


def _report(
    kind: Kind, verdict: RunVerdict, source: str, harness: str = "", facts: Iterable[tuple[str, str]] = ()
) -> Report:
    signatures, found = _signatures(verdict)
    bites = [(each, 1) for each in row_of("", RunRequest(scenario="", terminal=None), verdict).bites]
    table = matrix.matrix_of(bites, found, signatures, matrix.checked_in(verdict.checked))
    failed, passed = verdict.status == "fail", verdict.status == "pass"
    inconclusive = verdict.status == "inconclusive"
    total = RunsRow(verdict.scenario, 1, int(passed), int(failed), int(inconclusive))
    return Report(
        FORMAT, kind, verdict.terminal, harness or metadata.version("terminal-fault-harness"), source,
        Verdict(verdict.status, int(verdict.exit_code), tuple(_because(verdict, len(signatures))), checked=verdict.checked),
        Bound(
            int(failed), int(failed or passed), int(inconclusive), None, "one_run",
            terminal_days=verdict.terminals * verdict.days,
        ),
        tuple(_unchecked(verdict, [each.kind for each in table.faults])),
        table, signatures, Measures(tuple(_measures(verdict))), Runs(total, (total,)),
        facts=(*_facts(verdict), *facts),
    )  # fmt: skip


def _signatures(verdict: RunVerdict) -> tuple[tuple[SignatureRow, ...], list[FindingSum]]:
    rows = row_of("", RunRequest(scenario="", terminal=None), verdict).findings
    groups: dict[str, list[FindingRow]] = {}
    for row in rows:
        groups.setdefault(row.signature, []).append(row)
    found = [FindingSum(row.fault, row.invariant, row.name, row.count, 1, row.money_fen) for row in rows]
    return tuple(
        SignatureRow(
            signature, group[0].invariant, group[0].name, group[0].kind, group[0].summary, portable(verdict.replay), 1,
            sum(row.count for row in group), sum(row.money_fen for row in group),
            tuple(Point(row.fault, row.place, 1) for row in group), scenario=verdict.scenario, seed=verdict.seed,
        )
        for signature, group in sorted(groups.items(), key=lambda each: (each[1][0].invariant, each[0]))
    ), found  # fmt: skip


def _because(verdict: RunVerdict, kinds: int) -> Iterable[Said]:
    if kinds > len(verdict.missed):
        yield Said("findings", count=kinds - len(verdict.missed))
    for each in verdict.missed:
        yield Said("threshold", f"{each.value:,.12g}, {each.bound} {each.threshold:,.12g}", each.name)
    for why in verdict.inconclusive_because:
        yield Said("said", why)


def _unchecked(verdict: RunVerdict, kinds: Iterable[str]) -> Iterable[Unchecked]:
    for fault in verdict.faults:
        if not fault.bit:
            yield Unchecked("never_bit", fault.name, fault.kind if fault.kind != fault.name else "", fault.struck)
    for each in verdict.not_checked:
        yield Unchecked("invariant", f"{each.invariant} {each.name}", each.reason)
    others = matrix.not_planned(kinds)
    if others:
        yield Unchecked("not_planned", ", ".join(others), count=len(others))


def _measures(verdict: RunVerdict) -> Iterable[Spread]:
    for each in verdict.measures:
        yield Spread(
            each.name,
            each.value,
            each.value,
            each.value,
            None,
            1,
            (),
            each.bound,
            each.threshold,
            each.missed,
            sums.meaning_of(each.name),
        )


def _facts(verdict: RunVerdict) -> Iterable[tuple[str, str]]:
    sales = verdict.sales
    yield "scenario", verdict.scenario
    yield "seed", str(verdict.seed)
    yield "terminals", f"{verdict.terminals:,}"
    yield "days", f"{verdict.days:,}"
    yield "sales", f"{sales.accepted:,} / {sales.feasible:,} / {sales.asked:,}"
    yield "events", f"{verdict.events:,}"
    yield "history", f"sha256 {verdict.history_sha256[:16]}"
    if verdict.replay:
        yield "replay", portable(verdict.replay)

"""Every number of a report is of what it says, and every reason is given: of a sweep, of a gate's parts, of one run."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import UsageError
from harness.engine.gate.report import Because, LimitView, Part, Untried
from harness.engine.gate.report import Bound as GateBound
from harness.engine.report.gather import gather
from harness.engine.report.sums import spreads_of
from harness.engine.report.sweeps import runs_of
from harness.engine.sweep.summary import Counts, CutOff, SweepSummary
from harness.results.store import Store
from tests.engine.report.results import DECLARED, FOUND_CANARY, LOST, SCENARIOS, run_of, swept
from tests.engine.report.test_gather import VERDICT, codes, gate_in


def test_a_sweep_s_rows_reasons_and_shard_are_its_own(tmp_path: Path) -> None:
    runs = [run_of(SCENARIOS[0], seed, verdict) for seed, verdict in ((1, "fail"), (2, "inconclusive"), (3, "error"))]  # type: ignore[arg-type]
    report = swept(tmp_path / "a", *runs, declared=replace(DECLARED, shard=(2, 3)))
    assert codes(report)[:2] == ["failed", "error"] and report.verdict.because[1].text == "why"
    assert report.bound is not None and report.bound.shard == (2, 3)
    assert report.runs is not None
    row, total = report.runs.rows[0], report.runs.total
    assert (row.failed_seeds, row.inconclusive_seeds) == ((1,), (2,))
    for each in (row, total):
        assert (each.passed, each.failed, each.inconclusive, each.errors) == (0, 1, 1, 1)
    assert "unknown" in [each.code for each in report.unchecked], "which invariants were judged is kept nowhere"
    one = replace(DECLARED, scenarios=DECLARED.scenarios[:1], runs=1)
    doubtful = swept(tmp_path / "b", run_of(SCENARIOS[0], 1, "inconclusive"), declared=one)
    assert codes(doubtful)[-1] == "inconclusive" and doubtful.verdict.because[-1].text == "why"
    with Store.create(make(tmp_path / "c"), replace(DECLARED, scenarios=(), runs=0)):
        pass
    nothing = gather(tmp_path / "c", cut_off=(CutOff("a", 7, 61.5),))
    assert codes(nothing) == ["no_runs", "canary_none"]
    assert ("cut_off", "a seed 7", "61.5 s") in [(each.code, each.what, each.why) for each in nothing.unchecked]


def make(directory: Path) -> Path:
    directory.mkdir()
    return directory


def test_of_many_scenarios_those_that_want_looking_at_are_kept() -> None:
    counts = [Counts(f"s{number}", 1, passed=1) for number in range(400)]
    counts[390].passed, counts[390].failed = 0, 1
    summary = SweepSummary("", 1, 1, True, Counts("all", 400), counts, [], [], [], [])
    found = runs_of(summary)
    assert len(found.rows) == 300 and found.left_out == 100
    assert found.rows[-1].label == "s390", "in the campaign's order"


def test_a_spread_s_median_and_p95_are_of_its_values() -> None:
    (found,) = spreads_of({"sale_s_p95": array("d", [*range(100, 0, -1), math.inf])})
    assert (found.least, found.median, found.p95, found.most, found.runs) == (1, 50.5, 95, 100, 100)


def test_parts_of_a_gate_are_added_up_and_what_it_waived_or_missed_is_said(tmp_path: Path) -> None:
    parts = [
        Part("checks", "known defects", 3, 2, 1),
        Part("random", "r", 5, 1, 1, 2, 1),
        Part("gone", "r", skipped="no time"),
    ]
    directory = gate_in(
        tmp_path / "gate",
        parts=parts,
        waived=[Because("k", "w")],
        untried=[Untried("checks", ("a check", "another"), 5, "no time")],
        limits=[LimitView("sale_s_p95 > 5", 9.0, True), LimitView("failed_runs > 9", 1.0, False)],
    )
    for name, value in (("random", 9.0), ("gone", 99.0)):
        with Store.create(make(directory / "results" / name), DECLARED) as store:
            store.add_all([run_of(SCENARIOS[1], 2, "fail", LOST, value=value)], [FOUND_CANARY])
    report = gather(directory)
    assert ("other", "checks: a check, another", "no time", 2) in [
        (each.code, each.what, each.why, each.count) for each in report.unchecked
    ]
    (cell,) = (each for each in report.matrix.cells if each.invariant == 1)
    assert (cell.findings, cell.runs, cell.money_fen) == (6, 2, 8_400)
    row = next(each for each in report.matrix.faults if each.kind == "power_loss")
    assert (row.runs, row.struck, row.bit) == (1, 4, 2)
    assert report.runs is not None
    total = report.runs.total
    assert (total.declared, total.passed, total.failed, total.inconclusive, total.errors) == (8, 3, 2, 2, 1)
    assert [(each.text, each.what) for each in report.verdict.waived] == [("w", "k")]
    assert [each.what for each in report.verdict.because if each.code == "threshold"] == ["--fail-if sale_s_p95 > 5"]
    assert {each.most for each in report.measures.spreads if each.name == "sale_s_p95"} == {9.0}, "of random runs alone"
    empty = GateBound("combined/random_faults", 4, 7, 0, 3, 2, 9000, 0.5)
    bound = gather(gate_in(tmp_path / "b", bound=empty)).bound
    assert bound is not None and (bound.failed, bound.upper_95, bound.why_none) == (3, None, "nothing")


def test_of_one_run_every_reason_is_said(tmp_path: Path) -> None:
    told = msgspec.structs.replace(
        VERDICT, status="inconclusive", findings=(), measures=(), inconclusive_because=("no host",)
    )
    (tmp_path / "verdict.json").write_bytes(msgspec.json.encode(told))
    report = gather(tmp_path)
    assert [each.text for each in report.verdict.because] == ["no host"]
    assert next(each.why for each in report.unchecked if each.code == "invariant") == "no inspect"
    assert report.bound is not None and report.bound.terminal_days == 6


@pytest.mark.parametrize(("name", "said"), [("gate.json", "no gate's report"), ("verdict.json", "no verdict")])
def test_what_is_far_too_large_is_not_read(name: str, said: str, tmp_path: Path) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(UsageError, match="larger than 64 MiB, which " + said.split("'", maxsplit=1)[0]):
        gather(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / "verdict.json").write_bytes(msgspec.json.encode(VERDICT))
    with (tmp_path / "history.jsonl").open("wb") as file:
        file.truncate(257 << 20)
    assert [(each.code, each.count) for each in gather(tmp_path).left_out] == [("history_long", 257)]

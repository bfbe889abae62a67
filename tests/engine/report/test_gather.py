"""What results come to as a report: a sweep's, a gate's, one run's, a bundle's, and whatever is none of these."""

from __future__ import annotations

import json
import math
import sqlite3
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import UsageError
from harness.engine.gate.report import Because, GateFinding, GateReport, Part
from harness.engine.gate.report import Bound as GateBound
from harness.engine.gate.report import Unchecked as GateUnchecked
from harness.engine.report.gather import gather
from harness.engine.report.model import FORMAT, Report, SignatureRow, Spread
from harness.engine.report.model import Verdict as Ended
from harness.engine.report.pages import PAGES_MAX, in_order, portable, with_pages
from harness.engine.verdict import FaultView, FindingView, MeasureView, NotChecked, Sales, Verdict
from harness.faults.catalogue import all_faults
from harness.results.bundle import FORMAT as BUNDLE_FORMAT
from harness.results.bundle import Bundle, BundleInfo, write_bundle
from harness.results.merge import merge
from harness.results.model import (
    CanaryRow,
    FindingRow,
    JudgedRow,
)
from harness.results.store import FILE_NAME, Store
from harness.scenario.thresholds import MEASURES
from tests.engine.report.results import DECLARED, FOUND_CANARY, LOST, SCENARIOS, TWICE, run_of, swept


def codes(report: Report) -> list[str]:
    return [each.code for each in report.verdict.because]


# ---------------------------------------------------------------- a sweep


def test_a_sweep_is_added_up_with_its_bound_its_faults_and_what_is_missing(tmp_path: Path) -> None:
    runs = [run_of(SCENARIOS[0], 1, "fail", replace(LOST, count=1, place="b.py:2 g"), replace(LOST, count=2), value=1)]
    runs += [run_of(SCENARIOS[0], 3, "fail", LOST, TWICE, value=3)]
    runs += [run_of(SCENARIOS[1], seed, "pass", value=10 + seed) for seed in range(1, 9)]
    runs += [run_of(SCENARIOS[1], 9, "inconclusive")]
    report = swept(tmp_path, *runs)
    assert (report.kind, report.verdict.status, report.verdict.exit_code) == ("sweep", "fail", 1)
    assert codes(report) == ["failed", "missing"]
    assert report.bound is not None and (report.bound.failed, report.bound.conclusive) == (2, 10)
    assert report.bound.upper_95 == pytest.approx(0.5069, abs=1e-4) and report.bound.terminal_days == 20
    cells = {(each.fault, each.invariant): each for each in report.matrix.cells}
    assert (cells["power_loss", 1].findings, cells["power_loss", 1].runs, cells["power_loss", 1].money_fen) == (
        6,
        2,
        12600,
    )
    assert cells["power_loss", 1].signatures == ("0badcafe",) and cells["", 3].findings == 1 and len(cells) == 2
    rows = {each.kind: each for each in report.matrix.faults}
    assert [each.kind for each in report.matrix.faults] == ["power_loss", "", "full_storage"]
    assert rows["full_storage"].never_bit and not rows["power_loss"].never_bit and rows["power_loss"].bit == 11
    unchecked = {each.code: each for each in report.unchecked}
    assert unchecked["missing"].count == 9 and unchecked["never_bit"].what == "full"
    assert unchecked["not_planned"].count == len(all_faults().names()) - 2
    assert "full_storage" not in unchecked["not_planned"].what.split(", ")
    first, second = report.signatures
    assert (first.signature, first.scenario, first.seed, first.runs, first.findings) == (
        "0badcafe",
        SCENARIOS[0],
        1,
        2,
        6,
    )
    assert (second.seed, second.page) == (3, 1) and [each.signature for each in report.findings] == [
        "0badcafe",
        "11111111",
    ]
    spread = next(each for each in report.measures.spreads if each.name == "sale_s_p95")
    assert (spread.least, spread.most, spread.runs, sum(spread.steps)) == (1.0, 18.0, 11, 11)
    assert report.runs is not None and [each.failed for each in report.runs.rows] == [2, 0]
    assert report.runs.reasons[0].code == "inconclusive" and report.runs.total.passed == 8


def test_what_proves_nothing_says_why_and_bounds_nothing(tmp_path: Path) -> None:
    nothing = swept(tmp_path / "0")
    assert nothing.verdict.status == "inconclusive" and "missing" in codes(nothing) and nothing.measures.spreads == ()
    assert nothing.bound is not None and (nothing.bound.upper_95, nothing.bound.why_none) == (None, "nothing")
    missed = CanaryRow("log_in_ram", (1, 2), (2,), "pass", "harness run x")
    one = replace(DECLARED, scenarios=DECLARED.scenarios[:1], runs=1)
    blind = swept(tmp_path / "blind", run_of(SCENARIOS[0], 1, "pass"), declared=one, canary=missed)
    assert blind.verdict.status == "inconclusive" and codes(blind) == ["canary_missed", "never_bit"]
    guided = swept(tmp_path / "guided", run_of(SCENARIOS[0], 1, "pass"), declared=replace(DECLARED, search="coverage"))
    assert guided.bound is not None and (guided.bound.upper_95, guided.bound.why_none) == (None, "search")
    assert guided.runs is not None and guided.runs.total.upper_95 is None


def test_what_no_run_could_judge_is_a_column_of_its_own_and_said_with_the_reason(tmp_path: Path) -> None:
    silent = swept(tmp_path, run_of(SCENARIOS[0], 1, "fail", LOST))
    assert [each.code for each in silent.unchecked if each.code in ("unknown", "invariant")] == ["unknown"]
    assert all(each.checked is None for each in silent.matrix.invariants)
    with Store.resume(tmp_path) as store:
        store.judge([JudgedRow(1, "no_lost_approval", True), JudgedRow(5, "reversal_removed", False, "no reversal")])
    for source in (tmp_path, merged(tmp_path)):
        report = gather(source)
        told = [(each.what, each.why) for each in report.unchecked if each.code in ("unknown", "invariant")]
        assert told == [("5 reversal_removed", "no reversal")] and report.verdict.checked == ("1 no_lost_approval",)
        assert {each.number: each.checked for each in report.matrix.invariants if each.number in (1, 5, 6)} == {
            1: True, 5: False, 6: False,
        }  # fmt: skip


def merged(source: Path) -> Path:
    together = source / "together"
    together.mkdir()
    merge(together, [source])
    return together


def test_numbers_without_end_seeds_beyond_63_bits_and_missed_thresholds_are_no_trouble(tmp_path: Path) -> None:
    threshold = FindingRow("22222222", 0, "threshold", "sale_s_p95 is N", 1, 0, "", 0, "sale_s_p95 is 9")
    report = swept(
        tmp_path,
        run_of(SCENARIOS[0], 2**100, "fail", threshold, value=math.inf),
        run_of(SCENARIOS[0], 4, "pass", value=math.nan),
        run_of(SCENARIOS[0], 5, "pass", value=7.0),
    )
    assert [(each.least, each.most) for each in report.measures.spreads if each.name == "sale_s_p95"] == [(7.0, 7.0)]
    assert report.signatures[0].seed == 2**100
    column = report.matrix.invariants[0]
    assert (column.number, column.name) == (0, "threshold")


def test_no_more_signatures_than_anybody_reads_and_a_page_for_the_first_of_every_invariant(tmp_path: Path) -> None:
    many = [replace(LOST, signature=f"{number:08x}", invariant=1 + number % 2) for number in range(500)]
    report = swept(tmp_path, *(run_of(SCENARIOS[0], seed, "fail", finding) for seed, finding in enumerate(many)))
    assert len(report.signatures) == 400 and len(report.findings) == PAGES_MAX
    assert [(each.code, each.count) for each in report.left_out] == [("left_signatures", 100), ("left_findings", 300)]
    assert [each.invariant for each in report.findings[:4]] == [1, 2, 1, 2]
    pages = {each.signature: each.page for each in report.signatures if each.page is not None}
    assert all(report.findings[page].signature == signature for signature, page in pages.items())


def test_a_finding_is_found_by_each_fault_that_led_to_it_however_many_its_places_are(tmp_path: Path) -> None:
    places = [replace(LOST, place=f"a.py:{line} f", count=1) for line in range(40)]
    report = swept(tmp_path, run_of(SCENARIOS[0], 1, "fail", *places, replace(LOST, fault="wrong_mac", count=1)))
    points = report.signatures[0].points
    assert {each.fault for each in points} == {"power_loss", "wrong_mac"} and len(points) == 7
    assert {each.fault: each.signatures for each in report.matrix.cells} == {
        "power_loss": ("0badcafe",), "wrong_mac": ("0badcafe",),
    }  # fmt: skip


def test_known_findings_come_last() -> None:
    rows = [SignatureRow(str(n), n % 3, "", "", "", known=n < 3, runs=n) for n in range(9)]
    assert [each.signature for each in in_order(rows)] == ["6", "7", "8", "3", "4", "5", "0", "1", "2"]


# ---------------------------------------------------------------- a gate


def gate_in(directory: Path, **changes: object) -> Path:
    told = GateReport(
        1, "0.1", "mine.py:Mine", "", 60, 2, "fail", 12.0,
        [Part("checks", "known defects", 3, 2, 1), Part("random", "random runs", skipped="something was found before")],
        [
            GateFinding("0badcafe", 1, "no_lost_approval", "k", "T01 lost", "checks", SCENARIOS[0], "harness run x", 1, 3, 4200),
            GateFinding("33333333", 2, "agreement", "k", "T01 differs", "crash points", "crashpoints/sale", "harness crashpoints",
                        1, 5, 0, True),
        ],
        ["44444444 invariant 5"],
        because=[Because("random", "random: no time")],
        unchecked=[GateUnchecked("5 reversal_removed", "no evidence"), GateUnchecked("check x", "it has no void"),
                   GateUnchecked("random fault wet", "never"), GateUnchecked("crash points of sale", "only a part")],
        checked=["1 no_lost_approval", "2 agreement"],
    )  # fmt: skip
    for name, value in changes.items():
        setattr(told, name, value)
    directory.mkdir(exist_ok=True)
    (directory / "gate.json").write_bytes(msgspec.json.encode(told))
    parts = directory / "results" / "checks"
    parts.mkdir(parents=True)
    with Store.create(parts, DECLARED) as store:
        store.add_all([run_of(SCENARIOS[0], 1, "fail", LOST)], [FOUND_CANARY])
    return directory


def test_a_gate_says_what_it_checked_what_not_and_what_is_known(tmp_path: Path) -> None:
    report = gather(gate_in(tmp_path))
    assert (report.kind, report.verdict.status, codes(report)) == ("gate", "fail", ["new_findings", "said"])
    assert [(each.code, each.what) for each in report.unchecked] == [
        ("skipped", "random"), ("invariant", "5 reversal_removed"), ("check", "x"), ("never_bit", "wet"),
        ("other", "crash points of sale"), ("vanished", "44444444 invariant 5"),
    ]  # fmt: skip
    checked = {each.number: each.checked for each in report.matrix.invariants}
    assert checked[1] and checked[2] and checked[5] is False
    cells = {(each.fault, each.invariant): each.findings for each in report.matrix.cells}
    assert cells == {("power_loss", 1): 3, ("power_loss", 2): 5}
    new, known = report.signatures
    assert (new.points[0].place, new.seed, new.known, known.known, known.seed) == ("a.py:1 f", 1, False, True, None)
    assert report.bound is not None and report.bound.why_none == "not_begun"
    assert gather(tmp_path / "gate.json").title == report.title


def test_a_gate_s_bound_is_its_random_runs_or_none(tmp_path: Path) -> None:
    bound = GateBound("combined/random_faults", 4, 7, 3000, 0, 2, 9000, 0.000998)
    report = gather(gate_in(tmp_path / "a", bound=bound))
    assert report.bound is not None and (report.bound.upper_95, report.bound.first_seed) == (0.000998, 7)
    report = gather(gate_in(tmp_path / "b", bound=msgspec.structs.replace(bound, upper_bound_95=None)))
    assert report.bound is not None and (report.bound.upper_95, report.bound.why_none) == (None, "ended_early")


# ---------------------------------------------------------------- one run, a bundle

VERDICT = Verdict(
    "fail", "cut", "mine.py:Mine", 7, 2, 3,
    (
        FindingView(1, "no_lost_approval", "T01", 5, "T01 lost 14.00 yuan", 1400, fault="power_loss", place="a.py:1 f"),
        FindingView(1, "no_lost_approval", "T02", 6, "T02 lost 15.00 yuan", 1500),
    ),
    (), ("1 no_lost_approval",), (NotChecked(2, "agreement", "no inspect"),),
    (FaultView("cut", "power_loss", "power", 2, 2), FaultView("dry", "paper_out", "device", 1, 0)),
    Sales(10, 9, 8), 100, "ab" * 32, replay="harness run cut --seed 7",
    measures=(MeasureView("sale_s_p95", 9.0, "at most", 5.0, True),),
)  # fmt: skip


def test_one_run_bounds_nothing_and_tells_each_kind_of_finding_once(tmp_path: Path) -> None:
    (tmp_path / "verdict.json").write_bytes(msgspec.json.encode(VERDICT))
    report = gather(tmp_path)
    assert report.bound is not None and (report.bound.upper_95, report.bound.why_none) == (None, "one_run")
    assert codes(report) == ["findings", "threshold"] and report.verdict.because[0].count == 1
    assert [(each.invariant, each.findings, each.money_fen) for each in report.signatures] == [(0, 1, 0), (1, 2, 2900)]
    cells = {(each.fault, each.invariant): each.findings for each in report.matrix.cells}
    assert cells == {("power_loss", 1): 1, ("", 1): 1, ("", 0): 1}
    assert [(each.code, each.what) for each in report.unchecked[:2]] == [
        ("never_bit", "dry"),
        ("invariant", "2 agreement"),
    ]
    assert report.measures.spreads == (
        Spread("sale_s_p95", 9, 9, 9, None, 1, (), "at most", 5.0, True, MEASURES["sale_s_p95"].meaning),
    )
    assert gather(tmp_path / "verdict.json") == report
    assert [each.code for each in report.left_out] == ["no_history"]


def test_a_bundle_is_told_with_the_line_that_replays_it(tmp_path: Path) -> None:
    info = BundleInfo(
        BUNDLE_FORMAT, "0.0.9", "3.11", "30", "mine.py:Mine", 7, "cut", "0badcafe", 1, "no_lost_approval", "T01 lost", "T01", 5,
        100, "ab",
    )  # fmt: skip
    path = write_bundle(tmp_path / "finding.zip", Bundle(info, "name: cut\n", msgspec.json.encode(VERDICT), b""))
    report = gather(path)
    assert (report.kind, report.harness, report.title) == ("bundle", "0.0.9", "mine.py:Mine")
    assert all(each.again.startswith("harness replay ") for each in report.findings)


# ---------------------------------------------------------------- what is none


def test_what_cannot_be_shown_is_told_with_what_would_do(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    below = tmp_path / "below" / "power" / "cut"
    below.mkdir(parents=True)
    (below / "verdict.json").write_bytes(msgspec.json.encode(VERDICT))
    old = tmp_path / "old"
    swept(old)
    with sqlite3.connect(old / FILE_NAME) as database:
        database.execute("PRAGMA user_version = 1")
    (tmp_path / "not.zip").write_bytes(b"PK nothing")
    (tmp_path / "text.sqlite").write_text("nothing")
    run = tmp_path / "run"
    run.mkdir()
    (run / "verdict.json").write_text(json.dumps({"status": "pass", "scenario": "of an older version"}))
    gate, later = tmp_path / "gate", gate_in(tmp_path / "later", format=9)
    gate.mkdir()
    (gate / "gate.json").write_text("[]")
    for source, said in (
        (tmp_path / "nowhere", "there is no "), (empty, "holds nothing to report: expected the directory of a sweep"),
        (tmp_path / "below", f"; try {below}"), (old, "is in format 1, this version of the harness reads format 2"),
        (tmp_path / "not.zip", "no bundle, or a damaged one"), (tmp_path / "text.sqlite", "is damaged or no results file"),
        (run, "no verdict that this version of the harness reads"), (gate, "no gate's report that this version reads"),
        (later, "update the harness"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as told:
            gather(source)
        assert said in str(told.value), source


def test_a_report_never_opens_a_file_that_results_name(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("secret: yes\n")
    found = GateFinding("../../secret", 1, "n", "k", "s", "checks", "w", "harness run x", shrunk=str(secret))
    report = gather(gate_in(tmp_path / "gate", findings=[found]))
    assert "secret: yes" not in msgspec.json.encode(report).decode() and report.findings[0].shrunk == ""
    kept = tmp_path / "gate" / "shrunk"
    kept.mkdir()
    (kept / "0badcafe.yaml").write_text("name: small\n")
    (kept / "00000000.yaml").write_text("name: another\n")
    (kept / "99999999.yaml").write_text("name: another\n")
    (tmp_path / "gate" / "gate.json").unlink()
    again = gate_in_place(tmp_path / "gate")
    assert [each.shrunk for each in again.findings] == ["name: small\n", ""]


def gate_in_place(directory: Path) -> Report:
    fresh = gate_in(directory.parent / "fresh")
    (directory / "gate.json").write_bytes((fresh / "gate.json").read_bytes())
    return gather(directory)


def test_pages_are_numbered_as_they_stand() -> None:
    rows = tuple(SignatureRow(f"{n}", n, "name", "", "") for n in range(3))
    report = with_pages(Report(1, "sweep", "x", "", "", Ended("fail", 1), signatures=rows))
    assert [each.page for each in report.signatures] == [0, 1, 2]


def test_lines_to_copy_name_no_place_but_that_of_a_program() -> None:
    """A program is not looked for in the present directory: shortened, its line would not run."""
    here = Path.cwd()
    assert portable(f"harness run {here}/a.yaml --terminal {here}/b.py:B") == "harness run a.yaml --terminal b.py:B"
    for program in (f"'exec:python3 -m harness.contract.stdio {here}/b.py:B'", f"exec:{here}/shop_terminal"):
        assert portable(f"harness run {here}/a.yaml --terminal {program} --seed 1") == (
            f"harness run a.yaml --terminal {program} --seed 1"
        )


def test_findings_are_listed_in_the_order_of_their_pages() -> None:
    rows = [SignatureRow(f"{number:08x}", invariant, "n", "k", "s") for number, invariant in enumerate((1, 1, 2))]
    report = with_pages(Report(FORMAT, "sweep", "t", "h", "s", Ended("fail", 1), signatures=tuple(rows)))
    assert [each.page for each in report.signatures] == [0, 1, 2]
    assert [each.signature for each in report.signatures] == [each.signature for each in report.findings]

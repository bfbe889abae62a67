"""Small gates from end to end."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.core.errors import UsageError
from harness.engine.campaign import upper_bound
from harness.engine.gate import baseline
from harness.engine.gate.baseline import KnownFinding
from harness.engine.gate.checks import checks
from harness.engine.gate.limits import parsed
from harness.engine.gate.report import Because, GateFinding, GateReport, Part
from harness.engine.gate.smallest import smaller_line
from harness.engine.gate.work import Gate, GateWanted, _fresh_store
from harness.engine.sweep.declare import Wanted
from harness.reporters.gate import outcome_of, render
from harness.results.model import Declared, DeclaredScenario
from harness.terminals.small_scenarios import hour
from tests.engine.gate_rows import row


def gate(tmp_path: Path, terminal: str, **changes: object) -> tuple[Gate, GateReport]:
    """Two checks, one flow and random runs of a small scenario."""
    random = tmp_path / "small.yaml"
    random.write_text(hour("faults: [{type: crash, per_day: 40, at: {action: sale, delay: 2 s}}]\n"))
    two = tuple(check for check in checks() if check.name in ("resend_as_new", "void_in_part"))
    wanted = GateWanted(terminal, 90.0, tmp_path / "out", 2, random=str(random), runs=3, checks=two, flows=("sale",))
    work = Gate(replace(wanted, **changes))  # type: ignore[arg-type]
    return work, work.run()


def test_who_asks_while_runs_are_listed_does_not_wait_for_them(tmp_path: Path) -> None:
    scenario = tmp_path / "small.yaml"
    scenario.write_text(hour(""))
    work = Gate(GateWanted("reference", 90.0, tmp_path / "out", 1))
    part = Part("checks", "")
    work._begun_s = time.monotonic()
    work.stop()  # there is no sweep yet that could be told
    work._swept(part, Wanted((str(scenario),), 3, terminal="reference", swarm=False))
    assert not work.tally.rows.get("checks") and part.passed == 0
    assert Because("checks", "checks: interrupted") in work.tally.because


@pytest.mark.slow
def test_a_good_release_passes_and_the_bound_is_of_its_random_runs_alone(tmp_path: Path) -> None:
    wanted = {"require": ("1", "void"), "limits": (parsed("sale_s_p95 > 60"),)}
    work, report = gate(tmp_path, "reference", **wanted)
    assert report.status == "pass", render(report)
    random = work.tally.rows["random"]
    assert [each.name for each in report.parts] == ["checks", "crash points", "random"]
    assert report.bound is not None and report.bound.runs == len(random) >= 1
    assert [run.seed for run in sorted(random, key=lambda each: each.seed)] == list(range(1, len(random) + 1))
    assert report.bound.upper_bound_95 == upper_bound(0, len(random))
    said = render(report)
    assert f"0 of {len(random):,} random runs failed: below " in said and "✓ fail if sale_s_p95 > 60" in said
    assert [(each.scenario, each.verdict) for each in work.tally.rows["crash points"]] == [("crashpoints/sale", "pass")]
    assert outcome_of(report, random).status == "pass"
    assert msgspec.json.decode(msgspec.json.encode(report), type=GateReport) == report


@pytest.mark.slow
def test_a_bad_one_fails_early_and_its_finding_is_made_small_and_runs_again(tmp_path: Path) -> None:
    _, report = gate(tmp_path, "resend_as_new", flows=())
    assert report.status == "fail" and report.parts[-1].skipped == "something was found before"
    found = next(each for each in report.new if each.invariant == 3)
    assert found.part == "checks" and found.shrunk_again.startswith("harness run ")
    assert "sale" in Path(found.shrunk).read_text()
    known = baseline.Baseline(1, "x", tuple(KnownFinding(each.signature) for each in report.findings))
    again, known_now = gate(tmp_path, "resend_as_new", flows=(), runs=1, baseline=known)
    assert not known_now.new and known_now.findings and again.tally.rows["checks"]


def test_what_is_not_made_small_is_told_with_the_command_that_does() -> None:
    found = GateFinding("0badcafe", 1, "lost", "", "", "checks", "x", "harness run x.yaml --terminal my.py:T --seed 1")
    assert smaller_line(found, "my.py:T") == "", "nobody asked for it"
    found.not_shrunk, to = "a gate makes the first 3 small", "--out reports/shrunk/0badcafe.yaml"
    assert (
        smaller_line(found, "my.py:T") == f"harness shrink x.yaml --terminal my.py:T --seed 1 --signature 0badcafe {to}"
    )
    found.again += " --without power"
    rest = "--out reports/again; harness shrink reports/again/finding.zip --signature 0badcafe"
    assert smaller_line(found, "my.py:T") == f"{found.again} {rest} --terminal my.py:T {to}"
    assert smaller_line(found, "reference") == f"{found.again} {rest} {to}"
    found.shrunk_again = "harness run small.yaml"
    assert smaller_line(found, "reference") == "", "it is small"


@pytest.mark.slow
def test_what_a_cut_finds_fails_with_a_line_that_judges_the_very_state_again(tmp_path: Path) -> None:
    _, report = gate(tmp_path, "no_directory_fsync", checks=())
    assert report.status == "fail", render(report)
    assert [(each.part, each.names) for each in report.untried] == [("random", (str(tmp_path / "small.yaml"),))]
    (found,) = (each for each in report.new if each.invariant == 1)
    assert found.not_shrunk and f"replay: {found.again}" in render(report)
    again = CliRunner().invoke(cli, [*shlex.split(found.again)[1:], "--json"], standalone_mode=False)
    flow = json.loads(again.output)["flows"][0]
    assert again.return_value == 1 and found.summary in {each["example"]["summary"] for each in flow["found"]}


@pytest.mark.slow
def test_what_was_required_and_not_checked_is_no_pass_and_waiving_is_listed(tmp_path: Path) -> None:
    asked = {"require": ("18", "read_log"), "waive": ("require:read_log", "require:reed_log")}
    _, report = gate(tmp_path, "reference", flows=(), checks=(), runs=1, **asked)
    assert report.status == "inconclusive"
    assert [each.key for each in report.because] == ["require:18"]
    assert [each.key for each in report.waived] == ["require:read_log"] and "waived: " in render(report)
    assert report.unused_waivers == ["require:reed_log"] and "--waive require:reed_log stood for nothing" in render(
        report
    )


def test_a_results_file_of_an_earlier_gate_gives_way_and_one_that_is_in_use_does_not(tmp_path: Path) -> None:
    declared = Declared((DeclaredScenario("power/x", "ab"),), 1, "mine")
    with _fresh_store(tmp_path / "checks", declared) as store:
        store.add(row(1))
        with pytest.raises(UsageError, match="another sweep"):
            _fresh_store(tmp_path / "checks", declared)
    with _fresh_store(tmp_path / "checks", declared) as store:
        assert not store.finished()
    (tmp_path / "checks" / "results.sqlite").write_bytes(b"\0" * 5_000)
    (tmp_path / "checks" / "mine.yaml").write_text("kept")
    with _fresh_store(tmp_path / "checks", declared) as store:
        assert not store.finished()
    assert (tmp_path / "checks" / "mine.yaml").read_text() == "kept"


def test_without_time_nothing_is_shown_and_that_cannot_be_waived(tmp_path: Path) -> None:
    parts = ("checks", "crash points", "random", "nothing")
    _, report = gate(tmp_path, "reference", budget_s=1.0, waive=parts)
    assert report.status == "inconclusive" and [each.key for each in report.because] == ["nothing"]
    assert {each.key for each in report.waived} == set(parts[:3])

"""Two releases on the same decisions: the reference, and a mutant of it, both ways round and each beside itself."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, UsageError
from harness.engine.compare.report import CompareReport, Pair, PairView, report_of
from harness.engine.compare.work import Comparison, Wanted, _Started
from harness.engine.keeping import KINDS_MAX
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.reporters.compare import render
from harness.results.model import FindingRow, Measure, RunRow, RunVerdict

SCENARIO = """\
name: answers that stay away
terminals: 2
days: {count: 1, open: "09:00", close: "11:00"}
sales_per_day: 12
host: {no_reply: 20%, decline: 0%}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false}
acceptance: 50%
"""


@functools.cache
def compared(terminal: str, against: str) -> tuple[CompareReport, tuple[str, ...]]:
    """Two pairs of runs; the report, and the names of the decisions kept."""
    with tempfile.TemporaryDirectory() as place:
        scenario = Path(place) / "answers.yaml"
        scenario.write_text(SCENARIO)
        kept = Path(place) / "decisions"
        wanted = Wanted((str(scenario),), terminal, against, runs=2)
        (Path(place) / "scratch").mkdir()
        report = Comparison(wanted, Path(place) / "scratch", 2, kept).run(lambda _: None)
        assert list((Path(place) / "scratch").iterdir()) == []
        return report, tuple(sorted(each.name for each in kept.iterdir())) if kept.exists() else ()


def test_a_release_beside_itself_is_the_same_to_the_byte() -> None:
    report, kept = compared("reference", "reference")
    assert report.exit_code == ExitCode.PASS
    assert report.differences == [] and kept == ()
    assert [(pair.missing, pair.same_history, pair.divergence) for pair in report.pairs] == [(0, True, None)] * 2
    assert all(each.difference == 0 and each.better == 0 for each in report.measures)
    assert {"acceptance_percent", "sale_s_p95"} <= {each.name for each in report.measures}


def test_what_a_mutant_breaks_is_new() -> None:
    report, kept = compared("silent_charge", "reference")
    assert report.exit_code == ExitCode.VIOLATED
    assert {each.status for each in report.differences} == {"new"}
    assert {3, 5, 31} <= {each.invariant for each in report.of("new")}
    assert all(each.terminal_runs and not each.against_runs for each in report.differences)
    assert len(kept) == 2


def test_the_other_way_round_it_is_fixed() -> None:
    forth, back = compared("silent_charge", "reference")[0], compared("reference", "silent_charge")[0]
    assert back.exit_code == ExitCode.PASS
    assert {each.status for each in back.differences} == {"fixed"}
    assert {each.signature for each in back.differences} & {each.signature for each in forth.differences}


def test_a_mutant_beside_itself_has_nothing_new() -> None:
    report, _ = compared("silent_charge", "silent_charge")
    assert report.exit_code == ExitCode.PASS
    assert {each.status for each in report.differences} == {"unchanged"} and report.differences
    assert all(pair.same_history and not pair.missing for pair in report.pairs)


def test_the_first_divergence_is_what_the_customer_sees() -> None:
    report, _ = compared("silent_charge", "reference")
    first = report.first
    assert first is not None
    assert "declined" in first.terminal_does and "unknown" in first.against_does
    assert sum(pair.missing for pair in report.pairs) > 0  # the reversals that the mutant does not send
    text = render(report)
    assert "the first divergence" in text and first.terminal_does in text and "decisions of the baseline" in text


def test_software_that_is_none_is_told_before_anything_else() -> None:
    with tempfile.TemporaryDirectory() as place:
        scenario = Path(place) / "answers.yaml"
        scenario.write_text(SCENARIO)
        work = Comparison(Wanted((str(scenario),), "reference", "referense", runs=2), Path(place), 2)
        with pytest.raises(UsageError, match="did you mean 'reference'"):
            work.run(lambda _: None)


# ---------------------------------------------------------------- what counts as the same


def _finding(summary: str, signature: str = "aa", invariant: int = 24) -> FindingRow:
    return FindingRow(signature, invariant, "returns_to_service", "kind", 1, 100, "T01", 5, summary)


def _pair(
    mine: tuple[FindingRow, ...], theirs: tuple[FindingRow, ...], verdicts: tuple[RunVerdict, RunVerdict] | None = None,
    seed: int = 1,
) -> Pair:  # fmt: skip
    of_mine: RunVerdict = "fail" if mine else "pass"
    of_theirs: RunVerdict = "fail" if theirs else "pass"
    one, other = verdicts or (of_mine, of_theirs)
    measures = (Measure("recovery_s_max", 10.0 + seed), Measure("acceptance_percent", 90.0))
    view = PairView("s", seed, one, other, 0, same_history=False, again="again")
    return Pair(
        view,
        RunRow("s", seed, (), one, measures=measures, findings=mine),
        RunRow("s", seed, (), other, measures=(Measure("recovery_s_max", 8.0),), findings=theirs),
    )


def _statuses(*pairs: Pair) -> list[str]:
    return [each.status for each in report_of("b", "a", 1, len(pairs), pairs).differences]


def test_a_line_of_code_that_moved_is_the_same_finding() -> None:
    before, after = (
        _finding("It dies at store.py:17 in boot.", "aa"),
        _finding("It dies at shop/store.py:21 in boot.", "bb"),
    )
    assert _statuses(_pair((after,), (before,))) == ["unchanged"]
    assert _statuses(_pair((_finding("It dies at store.py:17 in sale."),), (before,))) == ["new", "fixed"]
    # At two places of one release it is one run all the same.
    (both,) = report_of("b", "a", 1, 1, [_pair((before, after), (before, after))]).differences
    assert (both.terminal_runs, both.against_runs, both.terminal_findings, both.against_findings) == (1, 1, 2, 2)


def test_what_shows_in_another_pair_is_not_new() -> None:
    found = _finding("It dies.")
    assert _statuses(_pair((found,), (), seed=1), _pair((), (found,), seed=2)) == ["unchanged"]


def test_beside_a_run_that_proves_nothing_nothing_is_new() -> None:
    found = _finding("It dies.")
    report = report_of("b", "a", 1, 1, [_pair((found,), (), ("fail", "inconclusive"))])
    assert [each.status for each in report.differences] == ["unproven"]
    assert report.exit_code == ExitCode.INCONCLUSIVE and report.measures == []
    other = _finding("It loses a sale.", "cc", 1)
    beside = report_of("b", "a", 1, 2, [_pair((found,), (), ("fail", "inconclusive")), _pair((other,), (), seed=2)])
    assert [(each.status, each.invariant) for each in beside.differences] == [("new", 1), ("unproven", 24)]
    two = [_pair((found,), (), ("fail", "inconclusive")), _pair((found,), (), seed=2)]
    assert report_of("b", "a", 1, 2, two).exit_code == ExitCode.VIOLATED


def test_a_run_with_more_findings_than_are_kept_is_named() -> None:
    many = tuple(_finding("It dies.", f"{number:08x}") for number in range(KINDS_MAX))
    report = report_of("b", "a", 1, 2, [_pair(many, (_finding("It dies."),)), _pair((), many, seed=2)])
    assert not report_of("b", "a", 1, 1, [_pair((replace(many[0], count=9_999),), many[1:])]).cut_off
    assert report.cut_off == ["s, seed 1, b", "s, seed 2, a"]


def test_pairs_that_are_missing_or_broke_are_no_pass() -> None:
    passed = _pair((), ())
    assert report_of("b", "a", 1, 1, [passed]).exit_code == ExitCode.PASS
    assert report_of("b", "a", 1, 2, [passed]).exit_code == ExitCode.INCONCLUSIVE
    assert report_of("b", "a", 1, 0, []).exit_code == ExitCode.INCONCLUSIVE
    broken = _pair((), (), ("error", "inconclusive"))
    assert report_of("b", "a", 1, 1, [broken]).exit_code == ExitCode.HARNESS_ERROR


def test_two_runs_without_a_history_are_not_the_same_one(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text(SCENARIO)
    work = Comparison(Wanted((str(scenario),), "reference", "reference", runs=1), tmp_path, 1)
    request = RunRequest(str(scenario))
    for digests, same in ((("", ""), False), (("ab", "ab"), True), (("ab", "cd"), False), (("ab", ""), False)):
        (tmp_path / "pair").mkdir()
        rows = [RunRow("s", 1, (), "inconclusive", history_sha256=each) for each in digests]
        pair = work._finished(_Started("s", 1, request, tmp_path / "pair"), rows[0], rows[1], 0)
        assert pair.view.same_history is same


def test_measures_stand_side_by_side() -> None:
    pairs = [_pair((), (), seed=seed) for seed in (1, 2, 3)]
    (measure,) = report_of("b", "a", 1, 3, pairs).measures
    assert (measure.name, measure.terminal.median, measure.terminal.least, measure.terminal.most) == (
        "recovery_s_max", 12.0, 11.0, 13.0,
    )  # fmt: skip
    assert (measure.against.median, measure.difference, measure.better) == (8.0, 4.0, -1)  # slower is worse


def test_a_resolved_scenario_is_one_pair_under_its_own_seed(tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text(SCENARIO)
    resolved = tmp_path / "resolved.yaml"
    request = RunRequest(scenario=str(tmp_path / "answers.yaml"), seed=5, resolved_out=str(resolved))
    recorded = launch(request)
    (tmp_path / "scratch").mkdir()
    pairs: list[Pair] = []
    work = Comparison(Wanted((str(resolved),), "reference", "reference", runs=3), tmp_path / "scratch", 2)
    report = work.run(pairs.append)
    assert report.declared == 1 and report.exit_code == ExitCode.PASS
    (pair,) = pairs
    assert pair.view.seed == 5 and pair.view.same_history and not pair.view.missing
    assert pair.terminal.history_sha256 == recorded.history_sha256

"""Crash points as a report: where a cut does harm, what was not judged, and a page for each finding, its state judged again."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import UsageError
from harness.engine.crashpoints.launch import launch
from harness.engine.crashpoints.report import FORMAT, CrashReport, FlowReport
from harness.engine.crashpoints.request import CrashRequest
from harness.engine.report.crashes import CRASHES
from harness.engine.report.finding import Telling
from harness.engine.report.gather import gather
from harness.engine.report.model import CutCell, Report
from harness.scenario import find
from tests.engine.report.cuts import OFFLINE, SALE, VOID, kept, told_of


def test_flows_steps_and_media_say_where_harm_comes_and_what_was_left_is_told(tmp_path: Path) -> None:
    report = gather(kept(tmp_path, told_of(SALE, VOID, OFFLINE, harness="0.9")))
    assert (report.kind, report.verdict.status, report.title, report.harness) == (
        "crashpoints",
        "fail",
        "mine.py:M",
        "0.9",
    )
    because = [(each.code, each.what, each.count, each.of) for each in report.verdict.because]
    assert because == [("cuts_found", "sale", 10, 30), ("said", "", 0, 0), ("said", "", 0, 0)], (
        "and what one medium keeps"
    )
    assert report.runs is not None and [
        (each.label, each.declared, each.passed, each.failed, each.skipped) for each in report.runs.rows
    ] == [("sale", 35, 20, 10, ""), ("void", 4, 4, 0, ""), ("offline", 0, 0, 0, "it has no offline sales")]
    assert report.bound is not None
    assert (report.bound.upper_95, report.bound.why_none, report.bound.failed) == (None, "every_state", 10)
    (cuts,) = report.cuts
    assert (cuts.flow, cuts.media) == ("sale", ("fat", "ext4")) and cuts.cells[0] == CutCell(
        "after 0200 sent", "fat", 10, 9
    )
    unchecked = {(each.code, each.what): each for each in report.unchecked}
    assert unchecked["skipped", "offline"].why == "it has no offline sales" and unchecked["missing", "sale"].count == 5
    told = [each.why for each in report.unchecked if each.code == "other"]
    assert "interrupted" in told and any("--state ab" in each for each in told)
    assert "at 2 of 20 instants not every image was listed" in told and any(
        "no software survives" in each for each in told
    )
    assert unchecked["invariant", "5 reversal_removed"].why == "no reversal", "neither flow could judge it"
    assert ("invariant", "24 returns_to_service") not in unchecked and "24 returns_to_service" in report.verdict.checked
    assert {(each.fault, each.invariant): each.findings for each in report.matrix.cells} == {
        ("power_loss", 1): 14, ("power_loss", 17): 7,
    }  # fmt: skip


def test_each_finding_has_a_page_with_what_the_file_tells_though_nothing_is_run(tmp_path: Path) -> None:
    for report in (gather(kept(tmp_path, told_of(SALE))), gather(tmp_path / CRASHES, Telling())):
        assert len({each.signature for each in report.signatures}) == len(report.findings) == 3, "one kind, two places"
        assert [each.page for each in report.signatures] == [0, 1, 2]
        places = {point.place for each in report.signatures for point in each.points}
        assert places == {f"write /data/a, in till.py:120 {place}" for place in ("store", "mark")}
        for page in report.findings:
            assert page.cut is not None and page.cut.where == "sale, after 0200 sent, fat"
            assert page.cut.losses == ("data: the append was lost",) and page.severity == "critical"
            assert page.told_before == ("  one event", "> a guilty one") and page.steps == ()
    assert {each.why_empty for each in report.findings} == {"software"}, "it does not ship"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (told_of(FlowReport("sale", "", judged=3)), "pass"),
        (told_of(VOID), "inconclusive"),
        (told_of(FlowReport("sale", "", judged=3, left=1)), "inconclusive"),
        (told_of(OFFLINE), "inconclusive"),
        (told_of(FlowReport("all", "")), "inconclusive"),
        (told_of(), "inconclusive"),
    ],
)
def test_what_was_not_judged_keeps_it_from_a_pass(tmp_path: Path, told: CrashReport, status: str) -> None:
    report = gather(kept(tmp_path, told))
    assert (report.verdict.status, report.verdict.exit_code) == (status, int(told.exit_code))
    assert report.findings == () and (status == "pass") == (not report.unchecked and not report.verdict.because)


def test_files_of_before_and_later_and_of_other_commands(tmp_path: Path) -> None:
    old = msgspec.json.decode(msgspec.json.encode(told_of(SALE)))
    for name in ("format", "harness"):
        del old[name]
    del old["flows"][0]["failing"]
    (tmp_path / CRASHES).write_bytes(json.dumps(old).encode())
    report = gather(tmp_path)
    assert report.runs is not None and report.runs.rows[0].failed == 9, "those of the worst medium"
    for written, said in (
        (b'{"scenario": 5}', "no crash points that this version reads"),
        (
            msgspec.json.encode(told_of(format=FORMAT + 1, harness="9.9")),
            "written by harness 9.9; this one reads formats up to",
        ),
        (b"[" * 100_000, "no crash points that this version reads"),
    ):
        (tmp_path / CRASHES).write_bytes(written)
        with pytest.raises(UsageError, match=said):
            gather(tmp_path)
    for name, said in (
        ("history.jsonl", "every event so far"),
        ("failing_calls.json", "failing_calls.txt there has every finding"),
        ("books.json", "it is of `harness host`, which serves and does not judge"),
    ):
        place = tmp_path / name.partition(".")[0]
        place.mkdir()
        (place / name).write_text("{}")
        for source in (place, place / name):
            with pytest.raises(UsageError, match="holds no verdict to report") as told:
                gather(source)
            assert said in str(told.value) and "expected the directory of a sweep" in str(told.value)


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A few states of a terminal that never makes anything durable, each finding's state judged again."""
    scenario = find.scenario_file("power/plain_counter").absolute()
    request = CrashRequest(
        str(scenario), "no_fsync", flows=("sale",), profiles=("ext4-ordered",), images_limit=2, states_limit=60
    )
    report = launch(request, 1)
    assert report.harness and report.flows[0].failing == report.flows[0].profile("ext4-ordered").failing
    return gather(kept(tmp_path_factory.mktemp("explored"), report), Telling(jobs=2))


def test_states_are_judged_again_and_told_each_with_its_own_cut(explored: Report) -> None:
    assert len(explored.findings) >= 3
    for page in explored.findings:
        assert (page.why_empty, page.why_no_disk, page.device) == ("", "crash_point", "T01"), page.name
        assert any(each.kind == "PowerLost" for each in page.steps) and page.why is not None and page.why.guilty
        assert page.cut is not None and page.cut.where.startswith("sale, ") and "no_fsync.py:" in page.cut.step
        places = {each.kind: {step.place for step in page.steps if step.kind == each.kind} for each in page.steps}
        approved = [each for each in page.steps if each.kind == "ScreenShown" and ("kind", "approved") in each.facts]
        # Before the cut and after it, in lives of their own.
        assert approved and all(".py:" in each.place for each in approved)
        assert places["ReceiptPrinted"] and all(".py:" in place for place in places["ReceiptPrinted"])
        assert places["LedgerChanged"] == places["IntentOpened"] == places["MessageDelivered"] == {""}

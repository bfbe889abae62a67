"""One release on the data of another: the reference comes through up, down, up again; what leaves something behind does not."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, UsageError
from harness.engine.crashpoints.afterwards import Afterwards
from harness.engine.crashpoints.report import CrashReport, Example, FlowReport, Found
from harness.engine.upgrade.child import excuse, excuse_cuts
from harness.engine.upgrade.launch import launch
from harness.engine.upgrade.report import Stage, StageFinding, UpgradeReport
from harness.engine.upgrade.request import UpgradeRequest
from harness.engine.upgrade.stages import refused, ruled
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Event,
    LedgerChanged,
    PhaseStarted,
    ScreenShown,
    SoftwareDied,
)
from harness.reporters.upgrade import render
from tests.sut.firmware import c_firmware

ROOT = Path(__file__).parents[3]
OWN = f"{Path(__file__).with_name('forgetful_releases.py')}"
BEFORE = "reference_v1"


@functools.cache
def upgraded(
    before: str, after: str, data: tuple[str, ...] = (), stages: tuple[str, ...] = (), *, cuts: bool = False, image: str = "",
    state: str = "",
) -> UpgradeReport:  # fmt: skip
    request = UpgradeRequest(
        scenario=str(ROOT / "scenarios/power/plain_counter.yaml"), terminal=after, before=before, data=data, stages=stages,
        cuts=cuts, image=image, state=state,
    )  # fmt: skip
    return launch(request, 1)


def _verdicts(report: UpgradeReport) -> dict[tuple[str, str], str]:
    return {(stage.data, stage.stage): stage.verdict for stage in report.stages}


def _found(stage: Stage) -> set[int]:
    return {each.invariant for each in stage.findings}


def test_the_reference_comes_through_with_all_that_the_release_before_can_leave() -> None:
    report = upgraded(BEFORE, "reference")
    assert report.exit_code == ExitCode.PASS, render(report)
    expected = {"up": "pass", "down": "refused", "up again": "pass"}
    kinds = ("doubt", "offline", "hold", "settled")
    assert _verdicts(report) == {(kind, stage): verdict for kind in kinds for stage, verdict in expected.items()}
    down = next(stage for stage in report.stages if stage.stage == "down")
    assert "DATA OF A LATER RELEASE" in down.because and not down.sales
    # The queue is told to the host as well: one sale more.
    up = {stage.data: stage.sales for stage in report.stages if stage.stage == "up"}
    assert up == {"doubt": 3, "offline": 4, "hold": 3, "settled": 3}


def test_a_release_on_its_own_data_works_both_ways() -> None:
    report = upgraded("reference", "reference", ("doubt",))
    assert set(_verdicts(report).values()) == {"pass"} and report.exit_code == ExitCode.PASS


def test_a_migration_that_leaves_a_reversal_behind_fails_without_a_cut() -> None:
    report = upgraded(BEFORE, "migration_drops_doubt", ("doubt", "settled"))
    assert report.exit_code == ExitCode.VIOLATED
    assert _verdicts(report)["settled", "up"] == "pass"
    (up,) = [stage for stage in report.stages if (stage.data, stage.stage) == ("doubt", "up")]
    assert {2, 31} <= _found(up) and up.findings[0].story
    text = render(report)
    assert "an update was installed: reference_v1 1 gave way to reference 2" in text
    assert up.again in text and "--data doubt --stage up --no-cuts" in up.again


def test_a_migration_that_deletes_unsent_payments_fails_on_the_queue_alone() -> None:
    report = upgraded(BEFORE, f"{OWN}:DropsQueue", ("doubt", "offline"))
    assert _verdicts(report)["doubt", "up"] == "pass"
    (up,) = [stage for stage in report.stages if (stage.data, stage.stage) == ("offline", "up")]
    assert up.verdict == "fail" and _found(up) & {1, 2, 25}


def test_a_migration_in_place_fails_only_when_it_is_cut() -> None:
    report = upgraded(BEFORE, "migrated_in_place", ("doubt",), ("up",), cuts=True)
    assert _verdicts(report) == {("doubt", "up"): "pass"}
    assert report.exit_code == ExitCode.VIOLATED
    (flow,) = report.cuts.flows
    assert flow.judged > 10 and 1 in {found.invariant for found in flow.found}
    example = next(found.example for found in flow.found if found.invariant == 1)
    assert f"--data doubt --stage up --state {example.state}" in example.replay
    again = upgraded(BEFORE, "migrated_in_place", ("doubt",), ("up",), cuts=True, state=example.state)
    assert again.cuts.flows[0].judged == 1 and 1 in {found.invariant for found in again.cuts.flows[0].found}
    assert "start_generation" in render(report)


def test_every_first_boot_of_the_reference_can_be_cut() -> None:
    report = upgraded(BEFORE, "reference", ("doubt",), cuts=True)
    assert report.exit_code == ExitCode.PASS, render(report)
    assert [flow.flow for flow in report.cuts.flows] == ["doubt/up", "doubt/down", "doubt/up again"]
    assert all(flow.judged and not flow.found for flow in report.cuts.flows)


def test_an_old_release_that_begins_anew_over_newer_data_fails_going_down() -> None:
    before = "harness.terminals.mutants.downgrade_overwrites:BeforeIt"
    report = upgraded(before, "downgrade_overwrites", ("settled",))
    verdicts = _verdicts(report)
    assert (verdicts["settled", "up"], verdicts["settled", "down"]) == ("pass", "fail")


def test_dying_of_newer_data_is_no_refusal() -> None:
    report = upgraded(f"{OWN}:DiesOfNewerData", "reference", ("settled",))
    (down,) = [stage for stage in report.stages if stage.stage == "down"]
    assert down.verdict == "fail" and 24 in _found(down)


def test_data_from_the_field_takes_the_place_of_trade(tmp_path: Path) -> None:
    image = _image(tmp_path)
    sound = upgraded(BEFORE, "reference", image=image)
    assert _verdicts(sound) == {("image", "up"): "pass", ("image", "down"): "refused", ("image", "up again"): "pass"}
    formats = upgraded(BEFORE, "update_formats", stages=("up",), image=image)
    assert _verdicts(formats) == {("image", "up"): "fail"}
    assert f"--image {image}" in formats.stages[0].again


def _image(tmp_path: Path) -> str:
    from harness.engine.launch import launch as run
    from harness.engine.request import RunRequest, SnapshotRequest

    scenario = tmp_path / "small.yaml"
    scenario.write_text(
        'name: small\nterminals: 1\ndays: {count: 1, open: "09:00", close: "10:00"}\nsales_per_day: 20\n'
        "host: {no_reply: 0%, decline: 0%}\n"
    )
    taken = SnapshotRequest(("09:50",), str(tmp_path / "taken"))
    run(RunRequest(scenario=str(scenario), terminal=BEFORE, snapshot=taken))
    (directory,) = (tmp_path / "taken").iterdir()
    assert json.loads((directory / "snapshot.json").read_text())["source"]["scenario"] == "small"
    return str(directory)


def test_programs_are_upgraded_like_classes() -> None:
    firmware = c_firmware()
    report = upgraded(firmware, firmware, ("settled",), ("up",))
    assert _verdicts(report) == {("settled", "up"): "pass"}
    assert report.exit_code == ExitCode.PASS


def test_two_dialects_are_refused() -> None:
    with pytest.raises(UsageError, match="one host cannot serve both"):
        upgraded("reference", "reference_international", ("doubt",))


def test_nothing_tried_is_no_pass() -> None:
    report = upgraded("reference", f"{OWN}:NoHolds", ("hold",))
    assert set(_verdicts(report).values()) == {"skipped"}
    assert report.exit_code == ExitCode.INCONCLUSIVE


def test_a_cut_that_fails_or_proves_nothing_keeps_from_a_pass_like_a_stage() -> None:
    found = Found(1, "no_lost_approval", "critical", "x", [], 1, 5, Example("0a", 1, 1, 5, "p", "", "", (), "", "", ()))

    def code(*verdicts: str, flow: FlowReport | None = None) -> ExitCode:
        cuts = CrashReport("s", "b", "d", 1, 1, flows=[] if flow is None else [flow])
        return UpgradeReport("a", "b", "d", 1, [Stage("doubt", "up", "b", each) for each in verdicts], cuts).exit_code

    whole, left = FlowReport("doubt/up", "", judged=5), FlowReport("doubt/up", "", judged=5, left=2)
    assert code("pass", "refused", "skipped", flow=whole) == code("pass") == ExitCode.PASS
    assert code("pass", flow=left) == code("pass", "inconclusive", flow=whole) == ExitCode.INCONCLUSIVE
    assert code("skipped") == code() == ExitCode.INCONCLUSIVE
    failing = FlowReport("doubt/up", "", judged=5, found=[found])
    assert code("pass", flow=failing) == code("inconclusive", "fail", flow=left) == ExitCode.VIOLATED


SOLD = LedgerChanged(3, "T01", 1, "sale", "APPROVED", "", "000001", "000002", 100, "")
SETTLED = (
    PhaseStarted(5, "final_settlement"), ActionStarted(6, "T01", 9, "settle"), ActionEnded(7, "T01", 9, "approved"),
)  # fmt: skip


def test_a_stage_that_shows_nothing_is_no_pass() -> None:
    lost = StageFinding(1, "no_lost_approval", "T01 lost it.", 1, 100, "critical", [])

    def of(
        *events: Event, found: bool = False, why: tuple[str, ...] = (), settles: bool = True, name: str = "up"
    ) -> str:
        lived = Afterwards(events, None, came_up=True, at_us=9)
        stage = ruled(Stage("doubt", name, "b"), lived, [lost] if found else [], why, settles=settles)
        assert bool(stage.because) == (stage.verdict in ("inconclusive", "refused"))
        return f"{stage.verdict}: {stage.because}" if stage.because else stage.verdict

    assert of(SOLD, *SETTLED) == "pass"
    failed = (SOLD, *SETTLED[:2], ActionEnded(7, "T01", 9, "failed"))
    assert of(*failed).startswith("inconclusive: the last settlement failed")
    assert of(*failed, settles=False) == "pass"  # it has none
    assert of(*SETTLED).startswith("inconclusive: no sale was booked")
    assert of(SOLD, *SETTLED, why=("the host was not asked", "more")) == "inconclusive: the host was not asked"
    assert of(*failed, found=True, why=("it",)) == "fail"  # what was found was found
    refusal = (ScreenShown(2, "T01", 1, "refused", "LATER DATA"), ActionEnded(3, "T01", 1, "refused", "newer"))
    assert of(*refusal, name="down") == "refused: LATER DATA"
    assert of(*refusal, *SETTLED, name="up").startswith("inconclusive")  # only an older release may refuse


def test_what_is_lost_with_another_pads_key_proves_nothing() -> None:
    lost = StageFinding(1, "no_lost_approval", "T01 lost it.", 1, 100, "critical", [])
    failed, passed = Stage("image", "up", "b", "fail", findings=[lost]), Stage("image", "up", "b", "pass")
    for stage in (failed, passed):
        excuse(stage)
    assert (failed.verdict, failed.findings, passed.verdict) == ("inconclusive", [], "pass")
    assert "another" in failed.because or "in the field had sealed" in failed.because
    found = Found(1, "no_lost_approval", "critical", "x", [], 1, 5, Example("0a", 1, 1, 5, "p", "", "", (), "", "", ()))
    cut, sound = FlowReport("image/up", "", judged=5, found=[found]), FlowReport("image/up", "", judged=5)
    for report in (cut, sound):
        excuse_cuts(report)
    assert (cut.found, len(cut.because), sound.because) == ([], 1, [])


def test_a_refusal_comes_up_says_so_and_does_nothing_else() -> None:
    said = (
        ScreenShown(2, "T01", 1, "refused", "DATA OF A LATER RELEASE"),
        ActionEnded(3, "T01", 1, "refused", "newer"),
    )

    def of(*more: Event, came_up: bool = True) -> str:
        return refused(Afterwards((*said, *more), None, came_up, 9))

    assert of() == "DATA OF A LATER RELEASE"
    assert of(came_up=False) == ""
    assert of(SoftwareDied(4, "T01", "exception", "KeyError")) == ""
    assert of(ActionEnded(5, "T01", 2, "approved")) == ""
    assert of(LedgerChanged(5, "T01", 1, "sale", "APPROVED", "", "000001", "000002", 100, "")) == ""
    assert refused(Afterwards((), None, came_up=True, at_us=9)) == ""  # nobody asked anything of it

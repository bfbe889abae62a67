"""Findings told in full, from one run done again under somebody's eyes: events, messages and disk, the nearest run without."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.core.errors import UsageError
from harness.engine.crashpoints.launch import launch as launch_crash
from harness.engine.crashpoints.request import replay_line as crash_line
from harness.engine.launch import launch
from harness.engine.report.again import crash_request_of, request_of
from harness.engine.report.finding import Case, Telling, Turn, tell_all
from harness.engine.report.gather import gather
from harness.engine.report.model import Difference, Disk, File, FindingPage, Report
from harness.engine.report.nearest import Guilty, difference
from harness.engine.report.observing import Observed, ObservedRequest, read_observed
from harness.engine.report.running import Children, Deadline
from harness.engine.report.stories import disks_at
from harness.engine.request import RunRequest, SnapshotRequest, replay_line
from harness.engine.verdict import Verdict
from harness.history.codec import read_history
from harness.history.events import MessageSent, PowerLost, ScreenShown
from harness.invariants.kinds import kind_of, signature
from harness.terminals.small_scenarios import hour
from tests.reporters.html.reading import card_numbers, data

CUT = """
profile: posix-weak
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: [3, 3]}
    off_for: 45 s
"""
WATCHED = "harness.engine.report.observing:execute"


@dataclass(frozen=True)
class Told:
    """A run's directory, and what is told of it."""

    directory: Path
    verdict: Verdict
    report: Report

    def page(self, name: str) -> FindingPage:
        return next(each for each in self.report.findings if each.name == name)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A terminal that rewrites one file in place, whose power goes in the middle of the third sale."""
    place = tmp_path_factory.mktemp("told")
    (place / "cut.yaml").write_text(hour(CUT))
    directory = place / "run"
    request = RunRequest(scenario=str(place / "cut.yaml"), terminal="jsonfile", out_dir=str(directory))
    verdict = launch(request)
    assert verdict.status == "fail"
    return Told(directory, verdict, gather(directory, Telling(jobs=2)))


def test_every_kind_of_finding_has_a_page_with_its_guilty_events_among_those_of_its_terminal(told: Told) -> None:
    assert {each.name for each in told.report.findings} == {each.name for each in told.verdict.findings}
    events = dict(read_history(told.directory / "history.jsonl"))
    for page in told.report.findings:
        finding = next(each for each in told.verdict.findings if each.name == page.name)
        assert page.device == "T01" and page.severity == finding.severity and page.why_empty == ""
        numbers = [each.number for each in page.steps]
        assert numbers == sorted(set(numbers)) and all(events[each.number].at_us == each.at_us for each in page.steps)
        assert tuple(each.number for each in page.steps if each.guilty) == finding.events
        assert page.why is not None and page.why.guilty == finding.events and page.why.sentence and page.why.evidence


def test_lanes_and_bands_say_who_acted_under_which_fault(told: Told) -> None:
    page = told.page("agreement")
    lanes = {each.kind: each.lane for each in page.steps}
    assert {lanes[each] for each in ("ActionStarted", "ScreenShown", "MessageSent", "LedgerChanged")} == {
        "operator", "terminal", "link", "host",
    }  # fmt: skip
    lost = next(each for each in page.steps if each.kind == "PowerLost")
    cut, dark = (next(each for each in page.bands if each.kind == kind) for kind in ("power_loss", "no_power"))
    assert (cut.from_us, cut.until_us, cut.bit, cut.damage) == (lost.at_us, lost.at_us, True, True)
    assert (dark.from_us, dark.until_us) == (lost.at_us, lost.at_us + 45_000_000)


def test_each_message_of_the_terminal_is_there_field_by_field_and_no_card_number_is(told: Told) -> None:
    page = told.page("agreement")
    sent = [each for _, each in read_history(told.directory / "history.jsonl") if isinstance(each, MessageSent)]
    assert [each.number for each in page.messages] == [each.message for each in sent]
    for event, message in zip(sent, page.messages, strict=True):
        fields = {each.number: each for each in message.fields if each.number}
        assert (message.mti, message.error, message.fate) == (event.mti, "", "delivered")
        assert fields["11"].value == event.stan and fields["11"].name == "systems trace audit number"
        if event.amount_fen:
            assert fields["4"].parts == (("yuan", f"{event.amount_fen / 100:,.2f}"),)
        if event.mti == "0200":
            assert "*" in fields["2"].value and (fields["35"].value, fields["35"].hidden) == ("", 35)
        if event.batch:
            assert ("batch", event.batch) in fields["60"].parts
    assert card_numbers(msgspec.json.encode(page).decode()) == []


def test_the_disk_at_an_event_is_what_a_snapshot_of_that_instant_keeps(told: Told, tmp_path: Path) -> None:
    page = told.page("agreement")
    lost = next(each for each in page.steps if each.kind == "PowerLost").number
    screens = [each for each in page.steps if each.kind == "ScreenShown" and each.number < lost]
    approved = max(each.number for each in screens if ("kind", "approved") in each.facts)
    files = _laid(page.disks, approved)
    at_risk = {path for path, each in files.items() if each.changed or each.volatile_bytes != each.durable_bytes}
    assert at_risk, "this terminal shows approved before anything is on the medium"
    for volatile in (False, True):
        place = tmp_path / ("seen" if volatile else "durable")
        snapshot = SnapshotRequest((str(approved),), str(place), volatile=volatile)
        launch(RunRequest(scenario=str(told.directory / "resolved.yaml"), terminal="jsonfile", snapshot=snapshot))
        kept = place / str(approved) / "data"
        sizes = {f"/data/{each.relative_to(kept)}": each.stat().st_size for each in kept.rglob("*") if each.is_file()}
        expected = {
            path: each.volatile_bytes if volatile else each.durable_bytes
            for path, each in files.items()
            if not each.directory and path.startswith("/data/")
        }
        assert sizes == {path: size for path, size in expected.items() if size is not None}
    after = next(each.number for each in page.steps if each.kind == "Booted" and each.number > lost)
    assert all(
        each.volatile_bytes == each.durable_bytes and not each.changed for each in _laid(page.disks, after).values()
    ), "what a cut left is all on the medium"
    taken = next(
        each for each in page.disks if each.number >= lost and each.volume == "data" and (each.files or each.gone)
    )
    assert next(each for each in page.steps if each.number == taken.number).kind == "StorageAfterPowerLoss"


def _laid(disks: tuple[Disk, ...], number: int) -> dict[str, File]:
    files: dict[str, File] = {}
    for each in disks:
        if each.number <= number:
            files = {path: file for path, file in files.items() if path not in each.gone}
            files.update((file.path, file) for file in each.files)
    return files


def test_watching_changes_nothing(told: Told, tmp_path: Path) -> None:
    request = ObservedRequest(
        scenario=str(told.directory / "resolved.yaml"), terminal="jsonfile", out_dir=str(tmp_path), watched=("T01",)
    )
    assert launch(request, inside=WATCHED).history_sha256 == told.verdict.history_sha256
    assert read_observed(tmp_path)["T01"].why_no_disk == ""


def test_the_nearest_run_without_it_is_the_same_without_the_fault_and_parts_where_that_strikes(told: Told) -> None:
    page = told.page("agreement")
    found = page.difference
    assert found is not None and (found.without, found.passes, found.why_none) == (("power",), True, "")
    assert found.same > 10 and found.event is not None
    events = dict(read_history(told.directory / "history.jsonl"))
    assert isinstance(events[found.event], PowerLost)
    assert "POWER LOST" in found.here[0].text and "screen: approved" in found.there[0].text
    again = request_of(found.again)
    assert again is not None and again.without == ("power",)
    shown = [each for _, each in read_history(told.directory / "history.jsonl") if isinstance(each, ScreenShown)]
    assert sum(each.at_us < found.at_us for each in shown) > 3


def test_a_run_that_shows_it_too_is_not_the_nearest_without_it_and_time_may_be_over(told: Told) -> None:
    finding = next(each for each in told.verdict.findings if each.name == "agreement")
    guilty = Guilty(
        RunRequest(scenario=str(told.directory.parent / "cut.yaml"), terminal="jsonfile", seed=1),
        told.directory / "resolved.yaml", told.verdict, finding, told.directory,
    )  # fmt: skip
    passed = msgspec.structs.replace(told.verdict, status="pass", findings=())
    asked: list[RunRequest] = []

    def run(answers: list[Verdict]) -> Callable[[RunRequest], tuple[Verdict, Path] | None]:
        left = iter(answers)
        asked.clear()

        def answer(request: RunRequest) -> tuple[Verdict, Path] | None:
            asked.append(request)
            verdict = next(left, None)
            return None if verdict is None else (verdict, told.directory)

        return answer

    found = difference(guilty, run([told.verdict, msgspec.structs.replace(passed, seed=2)]))
    assert (found.why_none, found.seed, found.without, found.tried) == ("same", 2, (), 2)
    assert [(each.without, each.seed) for each in asked] == [(("power",), 1), ((), 2)]
    assert asked[0].scenario == str(guilty.pinned) and asked[1].scenario == guilty.request.scenario
    assert difference(guilty, run([told.verdict] * 9)).why_none == "every_run" and len(asked) == 3
    elsewhere = tuple(msgspec.structs.replace(each, device="T02") for each in told.verdict.findings)
    found = difference(guilty, run([msgspec.structs.replace(told.verdict, findings=elsewhere)]))
    assert (found.without, found.passes, found.tried) == (("power",), False, 1), "another terminal's is another"
    late = difference(guilty, run([told.verdict]))
    assert (late.why_none, late.tried) == ("no_time", 1)


def test_where_the_host_was_silent_the_nearest_run_has_one_that_answers(tmp_path: Path) -> None:
    """In what was written down, too: there every silence is pinned."""
    scenario = tmp_path / "silent.yaml"
    scenario.write_text(hour("").replace("no_reply: 0%", "no_reply: 25%"))
    request = RunRequest(str(scenario), "silent_charge", seed=1, out_dir=str(tmp_path / "out"))
    launch(request)
    pages = {each.name: each for each in gather(tmp_path / "out", Telling(jobs=2)).findings}
    page = pages["no_silent_charge"]
    assert page.fault == "host.no_reply" and page.difference is not None
    assert (page.difference.without, page.difference.passes) == (("host.no_reply",), True)
    assert "host answers 0210" in page.difference.there[0].text
    around = {each.number: each.kind for each in page.steps if each.number in page.around}
    assert set(around.values()) == {"RequestUnanswered"}
    again = request_of(page.difference.again)
    assert again is not None and again.without == ("host.no_reply",)


def test_what_makes_it_small_is_a_command_for_the_bundle_that_is_there_or_what_a_gate_has_made(told: Told) -> None:
    page = told.page("agreement")
    # `harness run` leaves the bundle; here only the run itself was done.
    assert page.shrunk_again.startswith("harness run ")
    assert page.shrunk_again.endswith(f" --signature {page.signature} --after power_loss"), "that very defect"
    made = told.directory / "shrunk"
    made.mkdir()
    (made / f"{page.signature}.yaml").write_text("name: small\n")
    (told.directory / "finding.zip").write_bytes(b"")
    pages = {each.name: each for each in gather(told.directory).findings}
    assert pages["agreement"].shrunk == "name: small\n"
    assert "finding.zip" in pages["exclusive_fate"].shrunk_again
    assert {each.why_empty for each in pages.values()} == {"not_asked"}


# ---------------------------------------------------------------- without a run


def _page(**known: str) -> FindingPage:
    return FindingPage("0123abcd", 1, "no_lost_approval", "T01 lost it.", **known)  # type: ignore[arg-type]


def test_software_that_does_not_ship_is_not_run_unless_the_command_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(hour())
    mark = tmp_path / "it ran"
    (tmp_path / "mine.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Mine: pass\n")
    line = f"harness run {tmp_path}/mine.yaml --terminal {tmp_path}/mine.py:Mine --seed 1"
    (page,) = tell_all([Case(_page(again=line))], Telling())
    assert (page.why_empty, page.steps, mark.exists()) == ("software", (), False)
    assert page.why is not None and page.why.sentence, "what the invariant says is told in any case"


def test_a_state_of_crash_points_is_judged_again_and_told() -> None:
    line = (
        "harness crashpoints power/plain_counter --terminal no_fsync --flow sale --profile ext4-ordered --images 2 "
        "--state 102443e889b7"
    )
    request = crash_request_of(line)
    assert request is not None
    assert crash_line(request, "power/plain_counter", "no_fsync", "sale", "ext4-ordered", request.state) == line
    for wrong in (
        f"{line} --out x",
        line.replace(" --state 102443e889b7", ""),
        line.replace("--images 2", "--images x"),
        line[3:],
    ):
        assert crash_request_of(wrong) is None, wrong
    known = {17: ("record_atomicity", "T01 holds 1 damaged records."), 3: ("no_double_charge", "whatever")}
    cases = [Case(FindingPage("ffffffff", number, *said, again=line)) for number, said in known.items()]
    missed = tell_all(cases, Telling(jobs=2, each_s=60))
    assert [each.why_empty for each in missed] == ["not_again"] * 2, "neither says what was found"
    report = launch_crash(msgspec.structs.replace(request), 1)
    (found,) = [each for flow in report.flows for each in flow.found if each.invariant == 17]
    mark = signature(17, kind_of(found.example.summary))
    (page,) = tell_all([Case(FindingPage(mark, 17, found.name, "", again=line))], Telling(each_s=60))
    assert page.summary == found.example.summary and page.cut is not None and page.cut.losses == found.example.losses
    assert page.device == "T01" and page.why is not None and len(page.why.guilty) == 2
    first, second = (next(each for each in page.steps if each.number == number) for number in page.why.guilty)
    assert (first.kind, second.kind) == ("PowerLost", "Inspected") and "damaged" in second.text
    assert (page.why_no_disk, page.difference) == ("crash_point", Difference(why_none="crash_point"))


def test_findings_beyond_the_number_or_without_a_run_to_do_again_say_so() -> None:
    lines = (
        "harness crashpoints power/no_such --terminal no_fsync --state 4",
        "rm -rf /",
        "harness run there/is/none --terminal reference",
    )
    heard: list[Turn] = []
    cases = [Case(_page(again=each)) for each in (*lines, lines[0])]
    pages = tell_all(cases, Telling(pages_max=3, on_turn=heard.append))
    assert [each.why_empty for each in pages] == ["no_run", "no_run", "no_run", "more_findings"]
    assert [(each.numbers, each.of, each.over) for each in heard] == [
        ((number,), 3, over) for number in (1, 2, 3) for over in (False, True)
    ]
    assert [each.pages for each in heard[1::2]] == [(each,) for each in pages[:3]]
    heard.clear()
    tell_all(cases, Telling(all_s=-1, on_turn=heard.append))
    # The first is told whatever the time; of the others none begins.
    assert [(each.numbers, each.over) for each in heard] == [
        ((1, 4), False), ((1, 4), True), ((2,), True), ((3,), True)
    ]  # fmt: skip


def test_a_history_that_cannot_be_read_costs_its_own_page_only(told: Told, tmp_path: Path) -> None:
    for name in ("verdict.json", "history.jsonl"):
        (tmp_path / name).write_bytes((told.directory / name).read_bytes())
    with (tmp_path / "history.jsonl").open("ab") as history:
        history.write(b'{"event":"OfALaterVersion","at_us":1}\n')
    page = msgspec.structs.replace(told.page("agreement"), again="", steps=(), why=None)
    broken, other = tell_all([Case(page, directory=tmp_path), Case(page, directory=told.directory)], Telling())
    assert (broken.why_empty, broken.steps) == ("failed", ()) and "OfALaterVersion" in broken.told
    assert (other.why_empty, other.why_no_disk, len(other.steps)) == ("", "not_run", len(told.page("agreement").steps))
    assert [each.fields for each in other.messages] == [()] * len(other.messages)


def test_a_run_for_which_there_is_no_time_is_ended(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(hour("days: 300\nsales_per_day: 500"))
    request = RunRequest(scenario=str(tmp_path / "long.yaml"), terminal="reference")
    deadline = Deadline.after(1.0)
    children = Children()
    assert children.run(request, deadline) is None and -5 < deadline.left_s < 0.5
    children.stop()
    assert children.run(request, Deadline.after(60)) is None, "nothing begins any more"


def test_more_time_is_given_to_each_run_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Telling | None] = []

    def gathered(_source: Path, how: Telling | None, **_more: object) -> Report:
        asked.append(how)
        raise UsageError("enough")

    monkeypatch.setattr("harness.cli.report._gathered", gathered)
    for arguments in ([], ["--max-time", "5min"], ["--max-time", "2s"]):
        assert CliRunner().invoke(cli, ["report", str(tmp_path), *arguments]).exit_code
    assert [(how.all_s, how.each_s, how.first_s) for how in asked if how] == [
        (6.0, 20.0, 90.0), (300.0, 300.0, 0.0), (2.0, 20.0, 0.0)
    ]  # fmt: skip


def test_the_first_finding_has_time_of_its_own(told: Told) -> None:
    page = told.page("agreement")
    cases = [Case(_page(again=page.again)), Case(_page(again=page.again.replace("--seed 1", "--seed 2")))]
    slow = Telling(each_s=-1.0, jobs=1)
    assert [each.why_empty for each in tell_all(cases, slow)] == ["no_time", "no_time"]
    first, second = tell_all(cases, replace(slow, first_s=60.0))
    assert first.why_empty != "no_time" and second.why_empty == "no_time"


def test_ctrl_c_ends_what_runs_and_leaves_the_report_of_what_was_told(told: Told, tmp_path: Path) -> None:
    directory = tmp_path / "run"
    directory.mkdir()
    for name in ("verdict.json", "history.jsonl"):
        (directory / name).write_bytes((told.directory / name).read_bytes())
    (directory / "resolved.yaml").write_text(hour("days: 300\nsales_per_day: 500"))
    command = [sys.executable, "-m", "harness.cli.main", "report", str(directory)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = Deadline.after(30)
    while not any(each.read_text() for each in Path(f"/proc/{running.pid}/task").glob("*/children")):
        assert deadline.left_s > 0 and running.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    said, complained = running.communicate(timeout=20)
    assert running.returncode == 0 and complained.splitlines()[0].startswith("telling 3 findings in full"), complained
    assert complained.count("\n") == 2, complained
    assert "report.html" in said
    pages = [each for name, each in data(directory / "report.html").items() if name.startswith("finding-")]
    assert pages and all(each["why_no_disk"] == "no_time" and each["steps"] for each in pages)  # type: ignore[index, call-overload]


def test_a_line_that_replays_a_run_is_read_as_that_run_and_no_other_line_is(tmp_path: Path) -> None:
    scenario = tmp_path / "a scenario.yaml"
    scenario.write_text(hour())
    for request in (
        RunRequest(scenario=str(scenario), terminal="reference", seed=3),
        RunRequest(
            scenario=str(scenario), terminal="exec:./it --with 'an option'", dialect="my.yaml", seed=1 << 100, days=2,
            terminals=3, device="legacy", profile="posix-weak", disk="vfs", without=("host", "power"),
            images=("=/some where", "T02=/other"),
        ),
    ):  # fmt: skip
        line = replay_line(request, request.scenario, request.terminal or "", request.seed or 1)
        assert request_of(line) == request
        for wrong in (
            f"{line} --out x",
            f"{line} ; true",
            f"sudo {line}",
            line.replace("harness run", "harness sweep"),
            f"{line} '",
        ):
            assert request_of(wrong) is None, wrong


@pytest.mark.parametrize("shown", [(0, 1, 2, 3, 4, 5), (5,), (1, 4), (3,), (0, 5)])
def test_the_disk_of_a_shown_event_hangs_not_on_which_others_are_shown(shown: tuple[int, ...]) -> None:
    changes = (
        Disk(0, "data", (File("/a", 1, 1), File("/b", 2, None)), done=("one",)),
        Disk(1, "data", (File("/a", 3, 1, True),)),
        Disk(2, "data", (), ("/a",), done=("two", "three")),
        Disk(2, "cache", (File("/c", 5, None),)),
        Disk(4, "data", (File("/a", 9, None), File("/b", 2, 2))),
    )
    kept = disks_at(Observed(disks=changes), shown)
    assert {each.number for each in kept} <= set(shown)
    for number in shown:
        assert _laid(kept, number) == _laid(changes, number)
    told = sum(len(each.done) + each.done_left_out for each in kept)
    assert told == 3, "of what was done nothing goes uncounted"

"""The benchmark measures what it says; its figures are looked at for sense, never for speed."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.engine.bench import host_speed, programs
from harness.engine.bench.figures import Figure, Report, Share, render
from harness.engine.bench.plain_loop import PlainLoop, Step, steps_of
from harness.engine.bench.rooms import room_of
from harness.engine.bench.workbench import count_actions, load_reference, trading_day
from harness.workload.cards import presentation
from tests.sut.firmware import needs

CARD = presentation(0.25, False, "00010000001")
STEPS = [
    Step("sign_on", 0, None),
    Step("sale", 1234, CARD),
    Step("sale", 99, CARD),
    Step("void", 0, None),
    Step("settle", 0, None),
]


@pytest.mark.soak
def test_the_command_gives_a_report_that_makes_sense() -> None:
    command = [sys.executable, "-m", "harness.cli.main", "bench", "--quick", "--json", "--sales", "20"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=90)
    report = msgspec.json.decode(done.stdout, type=Report)
    by_name = {figure.name: figure.value for figure in report.figures}
    ratio = next(value for name, value in by_name.items() if "plain loop, by CPU time" in name)
    assert 1.0 < ratio < 100.0
    for figure in report.figures:
        assert 0.0 < figure.value < 1e6, figure
        assert figure.spread is None or figure.spread[0] <= figure.value <= figure.spread[1], figure
    # The two sides of the ratio are told one by one, and they belong to it.
    in_run, in_loop = by_name["one operator action in a run"], by_name["one operator action in the plain loop"]
    assert 0.5 < in_run / in_loop / ratio < 2.0
    assert sum(share.percent for share in report.rooms) == pytest.approx(100.0)
    assert {"harness/sut", "harness/iso8583", "harness/storage", "simpy"} <= {share.room for share in report.rooms}


def test_the_plain_loop_does_the_work_of_the_recorded_day(tmp_path: Path) -> None:
    day = trading_day(load_reference(), 1, 12, tmp_path)
    steps = steps_of(tmp_path / "history.jsonl")
    assert len(steps) == day.actions == count_actions(tmp_path / "history.jsonl")
    plain = PlainLoop.record(steps)
    assert sum(outcome == "sale approved" for outcome in plain.outcomes) >= day.verdict.sales.accepted > 5
    assert "settle done" in plain.outcomes
    # One reply for each sale, sign-on and settlement at least: nothing is answered from memory.
    assert len(plain.replies) >= len(plain.outcomes)
    plain.play()


def test_a_program_lives_its_day_and_its_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("cc")
    monkeypatch.setattr(programs, "ROUNDS", 12)
    monkeypatch.setattr(programs, "_CUT_ROUNDS", 4)
    before = os.sched_getaffinity(0)
    figures, notes = programs.measure(1)
    assert os.sched_getaffinity(0) == before
    by_name = {figure.name: figure for figure in figures}
    assert by_name["a day in C against the program bare, by CPU time"].value > 0.5
    assert by_name["power loss at the n-th operation, with restart"].value > 0.5
    assert by_name["crash states of a program's recorded run, light check, a second"].value > 100
    assert len(by_name) + 2 * len(notes) == 8


def test_a_fleet_is_served_and_every_sale_is_answered() -> None:
    before = os.sched_getaffinity(0)
    by_clock, by_cpu = host_speed.measure(20, 1)
    assert os.sched_getaffinity(0) == before
    assert 10 < by_clock.value < 1e6 and 10 < by_cpu.value < 1e6


def test_the_plain_loop_is_the_whole_terminal() -> None:
    plain = PlainLoop.record(STEPS)
    assert plain.outcomes == ("sign_on done", "sale approved", "sale approved", "void approved", "settle done")


def test_a_replay_that_goes_another_way_is_no_measurement() -> None:
    plain = PlainLoop.record(STEPS)
    spoilt = PlainLoop(plain.steps, (*plain.replies[:2], plain.replies[1], *plain.replies[3:]), plain.outcomes)
    with pytest.raises(AssertionError, match="recorded"):
        spoilt.play()


def test_misses_are_told_as_misses() -> None:
    report = Report(
        200,
        3,
        (
            Figure("too slow", 5.0, "x", 4.0, True),
            Figure("fast enough", 30.0, "", 25.0, False),
            Figure("too few", 20.0, "", 25.0, False),
            Figure("told only", 7.0, "us"),
        ),
        (Share("harness/sut", 60.0), Share("everything else", 40.0)),
    )
    lines = {line[:12].strip(): line for line in render(report).splitlines()}
    assert "MISS" in lines["too slow"] and "at most 4" in lines["too slow"]
    assert " ok" in lines["fast enough"] and "at least 25" in lines["fast enough"]
    assert "MISS" in lines["too few"]
    assert "MISS" not in lines["told only"] and " ok" not in lines["told only"]


def test_files_belong_to_rooms() -> None:
    assert room_of("/somewhere/harness/harness/sut/virtual/clock.py") == "harness/sut"
    assert room_of("/venv/lib/python3.11/site-packages/simpy/core.py") == "simpy"
    assert room_of("/usr/lib/python3.11/socket.py") == "standard library"

"""Launching a run: what the command line says is what runs, and whatever becomes of the child is told for what it was."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import ExitCode, HarnessError, UsageError
from harness.engine.child import adjusted
from harness.engine.launch import _kept, _verdict_of_the_dead, launch
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict
from harness.scenario.load import load_file, load_text
from harness.scenario.plan import Plan
from harness.sut.limits import Ended

SCENARIO = """
name: small
terminals: 2
days: {count: 2, open: "09:00", close: "10:00"}
sales_per_day: 8
seed: 77
profile: ext4-ordered
device: {volumes: {data: {profile: fat}}}
host: {no_reply: 0%, decline: 0%}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false}
faults: [{type: crash, devices: [T01], at: {action: sale, occurrence: 4}}]
"""
SPINNING = """
from harness.contract import *

class App(Terminal):
    manifest = Manifest(name="app")

    def boot(self):
        while True:
            pass
"""


def request(tmp_path: Path, **changes: object) -> RunRequest:
    scenario = tmp_path / "small.yaml"
    scenario.write_text(SCENARIO)
    return msgspec.structs.replace(RunRequest(scenario=str(scenario)), **changes)


def plan(**changes: object) -> Plan:
    return adjusted(load_text(SCENARIO), msgspec.structs.replace(RunRequest(scenario="x"), **changes))


# ---------------------------------------------------------------- what the command line says


def test_nothing_said_changes_nothing() -> None:
    assert plan() == load_text(SCENARIO)


def test_days_terminals_and_disk_are_the_command_line_s() -> None:
    assert plan(days=5).days.count == 5
    assert plan(days=5).days.open_us == load_text(SCENARIO).days.open_us
    assert plan(terminals=9).terminals == 9
    assert plan(disk="pyfakefs").disk == "pyfakefs"


def test_the_profile_is_the_command_line_s_for_every_volume() -> None:
    asked = plan(profile="posix-weak")
    assert asked.profile == "posix-weak"
    assert {volume.profile or asked.profile for volume in asked.device.volumes} == {"posix-weak"}
    with pytest.raises(UsageError, match="posix-weka"):
        plan(profile="posix-weka")


@pytest.mark.slow
def test_what_was_asked_for_is_what_ran(tmp_path: Path) -> None:
    asked = request(
        tmp_path,
        terminal="stan_in_ram",
        seed=5,
        days=1,
        terminals=3,
        profile="posix-weak",
        out_dir=str(tmp_path / "out"),
        resolved_out=str(tmp_path / "resolved.yaml"),
    )
    verdict = launch(asked)
    assert (verdict.terminal, verdict.seed, verdict.days, verdict.terminals) == ("stan_in_ram", 5, 1, 3)
    # The software that was asked for, and no other, has this defect.
    assert verdict.status == "fail"
    assert {finding.invariant for finding in verdict.findings} == {8}
    flags = "--terminal stan_in_ram --seed 5 --days 1 --terminals 3 --profile posix-weak"
    assert verdict.replay == f"harness run {asked.scenario} {flags}"
    assert msgspec.json.decode((tmp_path / "out" / "verdict.json").read_bytes(), type=Verdict) == verdict
    history = (tmp_path / "out" / "history.jsonl").read_bytes().splitlines()
    assert len(history) == verdict.events
    assert {"posix-weak"} == set(msgspec.json.decode(history[0])["profiles"])
    # A finding leaves what replays it.
    for resolved in (tmp_path / "out" / "resolved.yaml", tmp_path / "resolved.yaml"):
        assert "decisions: |" in resolved.read_text()


@pytest.mark.slow
def test_the_seed_is_the_scenario_s_when_none_is_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "out"
    verdict = launch(request(tmp_path, days=1, out_dir=str(out)))
    assert (verdict.seed, verdict.terminal, verdict.status) == (77, "reference", "pass")
    assert not (out / "resolved.yaml").exists()
    assert not (out / "decisions.tsv").exists()


# ---------------------------------------------------------------- what becomes of the child


@pytest.mark.slow
def test_a_child_that_was_killed_by_somebody_else_is_nobody_s_fault(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SPINNING)
    killers: list[threading.Timer] = []

    def started(child: int) -> None:
        killers.append(threading.Timer(2.5, os.kill, (child, signal.SIGKILL)))
        killers[0].start()

    asked = request(
        tmp_path,
        terminal=f"{tmp_path}/app.py:App",
        spin_patience_s=60,
        spin_s=60.0,
        out_dir=str(tmp_path / "out"),
        days=1,
    )
    verdict = launch(asked, on_start=started)
    killers[0].join()
    assert (verdict.status, verdict.findings) == ("inconclusive", ())
    assert verdict.exit_code == ExitCode.INCONCLUSIVE
    (why,) = verdict.inconclusive_because
    assert "something outside ended it" in why
    assert verdict.replay.endswith("--seed 77 --days 1")
    assert msgspec.json.decode((tmp_path / "out" / "verdict.json").read_bytes(), type=Verdict) == verdict


@pytest.mark.slow
def test_software_that_never_gives_control_back_fails_by_name(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SPINNING.replace("while True:\n            pass", "sum(iter(int, 1))"))
    verdict = launch(request(tmp_path, terminal=f"{tmp_path}/app.py:App", spin_s=2.0, spin_patience_s=1))
    assert verdict.status == "fail"
    assert {(finding.invariant, finding.device) for finding in verdict.findings} <= {(24, "T01"), (24, "T02")}
    assert verdict.findings


@pytest.mark.slow
def test_software_at_which_the_time_of_the_run_is_over_fails_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engine.launch._GRACE_S", 1.0)
    (tmp_path / "app.py").write_text(SPINNING)
    asked = request(tmp_path, terminal=f"{tmp_path}/app.py:App", wall_limit_s=2.0, spin_s=40.0, spin_patience_s=40)
    verdict = launch(asked)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.device == "T01"
    assert "still running when the time of the whole run was over" in finding.summary


@pytest.mark.slow
def test_a_mistake_of_the_harness_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="the run broke inside the harness") as raised:
        launch(request(tmp_path, seed="seven"))
    assert raised.value.exit_code == ExitCode.HARNESS_ERROR


@pytest.mark.slow
def test_a_child_that_crashed_while_the_harness_ran_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="the run broke inside the harness"):
        launch(request(tmp_path), on_start=lambda child: os.kill(child, signal.SIGSEGV))


@pytest.mark.slow
def test_memory_that_is_over_with_nobody_to_name_is_inconclusive(tmp_path: Path) -> None:
    verdict = launch(request(tmp_path, memory_limit_bytes=24 << 20))
    assert (verdict.status, verdict.findings, verdict.checked) == ("inconclusive", (), ())
    assert len(verdict.inconclusive_because) == 1


@pytest.mark.slow
def test_time_that_is_over_before_recovery_ended_is_inconclusive_and_no_error(tmp_path: Path) -> None:
    out = tmp_path / "out"
    verdict = launch(request(tmp_path, wall_limit_s=0.001, out_dir=str(out)))
    assert (verdict.status, verdict.findings) == ("inconclusive", ())
    assert "0.001 s of wall time were over in phase" in verdict.inconclusive_because[0]
    assert msgspec.json.decode((out / "verdict.json").read_bytes(), type=Verdict) == verdict


@pytest.mark.slow
def test_what_the_user_can_mend_is_a_usage_error_and_what_not_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no terminal named 'refrence'"):
        launch(request(tmp_path, terminal="refrence"))
    with pytest.raises(UsageError, match="has at most 127 bits"):
        launch(request(tmp_path, seed=1 << 127))
    (tmp_path / "resolved.yaml").mkdir()
    with pytest.raises(HarnessError, match="cannot write") as raised:
        launch(request(tmp_path, days=1, resolved_out=str(tmp_path / "resolved.yaml")))
    assert raised.value.exit_code == ExitCode.HARNESS_ERROR


# ---------------------------------------------------------------- what is left of a run that was killed

HANGS_IN_C = """
from harness.terminals.reference.terminal import ReferenceTerminal

class App(ReferenceTerminal):
    def sale(self, request):
        if self.device.tid.endswith("2") and request.number > 400:
            sum(iter(int, 1))
        return super().sale(request)
"""


@pytest.mark.slow
def test_a_killed_run_leaves_what_goes_the_same_way_again(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(HANGS_IN_C)
    first = tmp_path / "first"
    asked = request(tmp_path, terminal=f"{tmp_path}/app.py:App", spin_s=1.0, spin_patience_s=1, out_dir=str(first))
    busy = SCENARIO.replace("sales_per_day: 8", "sales_per_day: 600").replace('close: "10:00"', 'close: "20:00"')
    (tmp_path / "small.yaml").write_text(busy)
    killed = launch(asked)
    assert [(each.invariant, each.device) for each in killed.findings] == [(24, "T02")]
    known = load_file(first / "resolved.yaml")
    assert known.seed == 77 and known.unpinned == "drawn"
    assert known.decisions is not None and len(known.decisions) > 1000
    assert not (first / "decisions.tsv").exists()
    second = tmp_path / "second"
    again = launch(
        msgspec.structs.replace(asked, scenario=str(first / "resolved.yaml"), seed=None, out_dir=str(second))
    )
    assert [(each.invariant, each.device, each.summary) for each in again.findings] == [
        (each.invariant, each.device, each.summary) for each in killed.findings
    ]
    before, after = ((where / "history.jsonl").read_bytes() for where in (first, second))
    common = min(len(before), len(after))
    assert common > 10_000 and before[:common] == after[:common]


def test_what_was_written_last_of_a_killed_run_is_cut_off_and_pins_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "decisions.tsv").write_text("T01/a\t7\nT01/b\t'x'\nT01/c\t123")
    asked = request(tmp_path, out_dir=str(out), resolved_out=str(tmp_path / "asked.yaml"), days=1)
    ended = Ended("crashed", detail="signal 9", exit_code=-signal.SIGKILL)
    _kept(asked, _verdict_of_the_dead(asked, ended))
    for path in (out / "resolved.yaml", tmp_path / "asked.yaml"):
        known = load_file(path)
        assert known.decisions == {"T01/a": 7, "T01/b": "x"}
        assert (known.unpinned, known.days.count, known.seed) == ("drawn", 1, 77)

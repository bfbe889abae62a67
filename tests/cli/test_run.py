"""``harness run`` as CI and people run it: exit codes, artefacts, interrupts, several scenarios, a full disk underneath."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, SMALL, Harness

HANGS = """
from harness.contract import *
class App(Terminal):
    manifest = Manifest(name="app")
    def sale(self, request):
        if self.device.tid.endswith("2"):
            import itertools; sum(itertools.repeat(1))
        return Refused("never")
"""
REFUSES = """
from harness.contract import *
class App(Terminal):
    manifest = Manifest(name="app")
    def sale(self, request):
        return Refused("never")
"""


@pytest.mark.slow
def test_pass_fail_and_inconclusive_have_their_exit_codes(harness: Harness, place: Path) -> None:
    (place / "refuses.py").write_text(REFUSES)
    (place / "vacuous.yaml").write_text(SMALL + "must_happen: [a_probe_that_nobody_reaches]\n")
    passed = harness("run", "small.yaml")
    assert passed.returncode == 0 and "\nPASS " in passed.stdout
    failed = harness("run", "small.yaml", "--terminal", "refuses.py:App")
    assert failed.returncode == 1 and "\nFAIL " in failed.stdout
    vacuous = harness("run", "vacuous.yaml")
    assert vacuous.returncode == 2 and "a_probe_that_nobody_reaches" in vacuous.stdout
    assert passed.stderr == failed.stderr == vacuous.stderr == ""


@pytest.mark.slow
def test_json_is_one_object_a_line_and_errors_are_objects_too(harness: Harness, place: Path) -> None:
    folder = place / "both"
    folder.mkdir()
    (folder / "a.yaml").write_text("name: [\n")
    (folder / "b.yaml").write_text(SMALL)
    done = harness("run", "both", "--json")
    error, verdict = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 4 and error["exit_code"] == 4 and "a.yaml:2:1: not YAML" in error["error"]
    assert verdict["status"] == "pass" and verdict["sales"]["accepted"] > 0


@pytest.mark.slow
def test_out_keeps_what_replays_the_run_and_leaves_nothing_else(harness: Harness, place: Path) -> None:
    done = harness("run", "power/cut_between_reply_and_commit", "--terminal", "no_fsync", "--out", "kept", "--json")
    assert done.returncode == 1
    verdict = json.loads(done.stdout)
    assert sorted(os.listdir(place / "kept")) == ["finding.zip", "history.jsonl", "resolved.yaml", "verdict.json"]
    assert json.loads((place / "kept" / "verdict.json").read_text()) == verdict
    assert sum(1 for _ in (place / "kept" / "history.jsonl").open()) == verdict["events"]
    # A directory of results can be run as it is, and goes the same way.
    again = harness("run", "kept", "--terminal", "no_fsync", "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["findings"] == verdict["findings"]


@pytest.mark.slow
def test_software_that_hangs_in_one_scenario_does_not_keep_the_next_from_running(harness: Harness, place: Path) -> None:
    (place / "hangs.py").write_text(HANGS)
    folder = place / "two"
    folder.mkdir()
    (folder / "a.yaml").write_text(SMALL.replace("small", "first").replace("terminals: 1", "terminals: 2"))
    (folder / "b.yaml").write_text(SMALL.replace("small", "second"))
    done = harness("run", "two", "--terminal", "hangs.py:App", "--wall-limit", "4", "--json")
    first, second = [json.loads(line) for line in done.stdout.splitlines()]
    assert (first["scenario"], first["status"], first["findings"][0]["device"]) == ("first", "fail", "T02")
    assert second["scenario"] == "second" and second["events"] > 0
    assert done.returncode == 1
    assert os.listdir(place / "tmp") == []


def _started(place: Path, *arguments: str) -> subprocess.Popen[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    return subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", "run", *arguments],
        cwd=place, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def _child_of(parent: subprocess.Popen[str]) -> int:
    """The process that runs the scenario, once there is one: it is forked off a child that has its imports behind it."""
    for _ in range(1_000):
        for child in _children(parent.pid):
            if grandchildren := _children(child):
                return grandchildren[0]
        time.sleep(0.02)
    raise AssertionError("no child was started")


def _children(parent: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_at_any_time_gives_a_verdict_and_starts_nothing_more(
    place: Path, after_s: float, number: signal.Signals
) -> None:
    (place / "other.yaml").write_text(SMALL)
    run = _started(place, "small.yaml", "other.yaml", "--days", "366", "--terminals", "40", "--json")
    while not _children(run.pid):
        time.sleep(0.02)
    time.sleep(after_s)
    os.killpg(run.pid, number)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 2, err
    (verdict,) = [json.loads(line) for line in out.splitlines()]
    assert verdict["status"] == "inconclusive" and "interrupted on day" in verdict["inconclusive_because"][0]
    assert "1 of 2 scenarios were not run" in err and "Traceback" not in err


@pytest.mark.slow
def test_a_second_interrupt_stops_at_once(harness: Harness, place: Path) -> None:
    (place / "hangs.py").write_text(HANGS)
    run = _started(place, "small.yaml", "--terminals", "2", "--terminal", "hangs.py:App")
    child = _child_of(run)
    time.sleep(2.0)
    for _ in range(2):
        os.killpg(run.pid, signal.SIGINT)
        time.sleep(0.2)
    _, err = run.communicate(timeout=10)
    assert run.returncode == 2 and err.endswith("interrupted\n") and "Traceback" not in err
    # Killed it is at once; whoever inherits it takes a moment to take note of that.
    until_s = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.slow
def test_a_child_killed_from_outside_is_inconclusive_and_nobodys_fault(place: Path) -> None:
    run = _started(place, "small.yaml", "--days", "366", "--terminals", "40", "--json")
    child = _child_of(run)
    time.sleep(1.5)
    os.kill(child, signal.SIGKILL)
    out, _ = run.communicate(timeout=60)
    verdict = json.loads(out)
    assert run.returncode == 2 and verdict["findings"] == []
    assert "something outside ended it" in verdict["inconclusive_because"][0]


@pytest.mark.slow
def test_a_full_disk_of_the_host_stops_the_run_and_is_not_taken_for_the_terminals(
    harness: Harness, place: Path
) -> None:
    full = place / "full"
    full.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full], check=False, capture_output=True
    ).returncode:
        pytest.skip("no right to mount a file system here")
    try:
        done = harness("run", "small.yaml", "--terminals", "8", "--days", "3", "--out", full / "out")
    finally:
        subprocess.run(["umount", full], check=True)
    assert done.returncode == 3
    assert (
        done.stderr
        == f"error: cannot write {full}/out/history.jsonl: No space left on device; the run was stopped, nothing was judged\n"
    )

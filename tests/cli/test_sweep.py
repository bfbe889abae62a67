"""``harness sweep`` and ``harness results`` as a user runs them, and kills them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.results.store import Store

from .conftest import ROOT, SMALL, Harness


def _started(place: Path, *arguments: str) -> subprocess.Popen[str]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "TMPDIR": str(place / "tmp")}
    return subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", "sweep", *arguments],
        cwd=place, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def _finished(place: Path) -> int:
    path = place / "out" / "results.sqlite"
    if not path.exists():
        return 0
    try:
        with Store.read(path) as store:
            return len(store.finished())
    except Exception:
        return 0  # not written down yet


def _await_runs(place: Path, run: subprocess.Popen[str], count: int) -> None:
    deadline_s = time.monotonic() + 60
    while _finished(place) < count:
        assert time.monotonic() < deadline_s and run.poll() is None
        time.sleep(0.05)


def _children_of(run: subprocess.Popen[str]) -> list[int]:
    """Its children, and theirs: runs are forked off a process that has their imports behind it."""
    return [each for child in _forked_by(run.pid) for each in (child, *_forked_by(child))]


def _forked_by(process: int) -> list[int]:
    threads = list(Path(f"/proc/{process}/task").iterdir())
    return [int(child) for each in threads for child in (each / "children").read_text().split()]


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"  # whoever adopted it may not have looked yet


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 4, "Missing option '--out'"),
        (["small.yaml", "--out", ""], 4, "--out is empty"),
        (["smal.yaml", "--out", "out"], 4, "there is no file smal.yaml"),
        (["small.yaml", "--out", "out", "--resume"], 4, "no sweep to resume in out"),
        (["small.yaml", "--out", "out", "--profile", "ext5"], 4, "no storage profile named 'ext5'"),
        (["small.yaml", "--out", "out", "--terminal", "referense", "--runs", "1"], 4, "did you mean 'reference'?"),
        (["small.yaml", "--out", "out", "--shard", "3/2"], 4, "expected one of several parts, such as 3/8, found 3/2"),
        (
            ["campaigns/release", "small.yaml", "--out", "out"],
            4,
            "campaigns/release is a campaign, and a sweep of its own",
        ),
        (["small.yaml", "--out", "out", "--executor", "dask"], 4, "--executor dask needs --scheduler ADDR"),
        (["small.yaml", "--out", "out", "--scheduler", "tcp://x:1"], 4, "--scheduler is for --executor dask"),
        (["small.yaml", "--out", "/proc/x"], 4, "cannot make the directory /proc/x"),
        (["empty", "--out", "out"], 5, "no scenario file in empty"),
    ],
)
def test_wrong_use_is_told_and_leaves_no_results(
    harness: Harness, place: Path, arguments: list[str], code: int, message: str
) -> None:
    (place / "empty").mkdir()
    done = harness("sweep", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (place / "out" / "results.sqlite").exists()


def test_merge_into_nothing_is_refused(harness: Harness, place: Path) -> None:
    done = harness("merge", "", "part")
    assert done.returncode == 4 and "OUT is empty" in done.stderr
    assert not (place / "results.sqlite").exists()


@pytest.mark.slow
def test_kill_9_in_the_middle_and_resume_count_every_run_once(harness: Harness, place: Path) -> None:
    (place / "small.yaml").write_text(SMALL.replace("count: 1", "count: 3"))
    run = _started(place, "small.yaml", "--runs", "4", "--jobs", "2", "--out", "out")
    _await_runs(place, run, 1)
    children = _children_of(run)
    assert len(children) >= 2
    run.kill()
    run.communicate(timeout=10)
    deadline_s = time.monotonic() + 20  # one that has only just been started goes once it looks for its parent
    while any(_is_alive(child) for child in children):
        assert time.monotonic() < deadline_s, "a worker outlived its sweep"
        time.sleep(0.05)
    assert 1 <= _finished(place) < 4
    assert harness("sweep", "small.yaml", "--out", "out").returncode == 4  # not over it
    done = harness("sweep", "--out", "out", "--resume", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert (summary["total"]["passed"], summary["total"]["declared"]) == (4, 4)
    with Store.read(place / "out") as store:
        assert [row.seed for row in store.runs()] == [1, 2, 3, 4]


@pytest.mark.slow
def test_an_interrupt_prints_what_is_finished_and_a_second_sweep_is_refused(harness: Harness, place: Path) -> None:
    run = _started(place, "small.yaml", "--runs", "500", "--jobs", "1", "--out", "out")
    _await_runs(place, run, 1)
    second = harness("sweep", "--out", "out", "--resume")
    assert second.returncode == 4 and f"another sweep (process {run.pid}) is writing to out" in second.stderr
    os.kill(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=30)
    assert run.returncode == 2 and "Traceback" not in err, err
    assert "of 500 declared runs are not finished (--resume)" in out and "interrupted" in err
    assert list((place / "tmp").iterdir()) == []


@pytest.mark.slow
def test_failing_runs_are_listed_by_signature_and_run_again_as_it_says(harness: Harness, place: Path) -> None:
    text = SMALL + "faults: [{type: host_silent, at: {action: sale, occurrence: 2}}]\n"
    (place / "small.yaml").write_text(text)
    done = harness("sweep", "small.yaml", "--runs", "2", "--terminal", "never_resent", "--out", "out")
    assert done.returncode == 1 and "2 of 2 random runs failed: below 100.00 % at 95 %" in done.stdout
    # Its report does runs again, and says so while it does.
    assert re.search(
        r"^telling 4 findings in full; .*\npages 1-4 of 4: 15 settlement_frees_space, .* \(\d+ s\)$",
        done.stderr,
        re.MULTILINE,
    )
    again = next(line.split("replay: harness ")[1] for line in done.stdout.splitlines() if "replay: " in line)
    assert harness(*again.split()).returncode == 1
    assert (
        harness("results", "out").stdout + "report: out/report.html\n" == done.stdout and "no bundle" not in done.stderr
    )
    said = json.loads(harness("results", "out", "--json").stdout)
    assert (said["status"], said["exit_code"], said["because"]) == ("fail", 1, [])
    kept = {each["signature"]: each["bundle_again"] for each in said["signatures"]}
    assert {path.name for path in (place / "out" / "bundles").iterdir()} == {f"{signature}.zip" for signature in kept}
    for line in kept.values():
        assert line in done.stdout and line.startswith("harness replay out/bundles/")
    replayed = harness(*line.split()[1:])
    assert replayed.returncode == 1 and "the same" in replayed.stdout, replayed.stdout
    # Where bundles cannot be written nothing else is lost.
    (place / "none").mkdir()
    (place / "none" / "bundles").write_text("in their place")
    poor = harness("sweep", "small.yaml", "--runs", "2", "--terminal", "never_resent", "--out", "none")
    assert poor.returncode == 1 and poor.stdout.count("replay: ") == done.stdout.count("replay: ")
    assert all(f"no bundle of {signature}: cannot make the directory" in poor.stderr for signature in kept)
    found = next(line.split()[0] for line in done.stdout.splitlines() if "invariant 22 " in line)
    listed = harness("results", "out", "--signature", found, "--json").stdout.splitlines()
    assert [json.loads(line)["seed"] for line in listed] == [1, 2]
    assert harness("results", "out", "--verdict", "pass").returncode == 5
    (place / "out" / "results.sqlite").write_bytes(b"\0" * 9000)
    broken = harness("results", "out")
    assert broken.returncode == 4 and "is damaged or no results file" in broken.stderr


CAMPAIGN = """\
name: small campaign
runs: 2
matrices:
  - {scenarios: [small.yaml], faults: [none, {type: crash, at: {action: sale, occurrence: 2}}], merchants: [stall]}
"""


@pytest.mark.slow
def test_shards_of_a_campaign_are_merged_to_what_the_whole_of_it_declares(harness: Harness, place: Path) -> None:
    (place / "c.yaml").write_text(CAMPAIGN)
    for number in (1, 2):
        done = harness("sweep", "c.yaml", "--shard", f"{number}/2", "--out", f"part{number}")
        assert done.returncode == 0 and f"shard {number} of 2" in done.stdout, done.stdout + done.stderr
    done = harness("merge", "whole", "part1", "part2", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 0 and summary["total"]["passed"] == 4 and summary["shard"] is None
    assert [each["scenario"] for each in summary["scenarios"]] == ["small: none, stall", "small: crash, stall"]


HANGS = """\
import itertools
from harness.contract import Manifest, Terminal
class Hangs(Terminal):
    manifest = Manifest(name="hangs")
    def run(self):
        sum(itertools.repeat(0, 10**15))
"""


@pytest.mark.soak
def test_runs_that_hang_are_recorded_and_the_sweep_goes_on(harness: Harness, place: Path) -> None:
    (place / "hangs.py").write_text(HANGS)
    arguments = [
        "--terminal",
        "hangs.py:Hangs",
        "--runs",
        "3",
        "--jobs",
        "1",
        "--wall-limit",
        "2",
        "--out",
        "out",
        "--json",
    ]
    done = harness("sweep", "small.yaml", *arguments)
    summary = json.loads(done.stdout)
    assert done.returncode == 1 and summary["total"]["failed"] == 3, done.stdout + done.stderr
    assert {each["invariant"] for each in summary["signatures"]} == {24}
    assert summary["canaries"][0]["missed"] == []


@pytest.mark.soak
def test_kill_9_of_workers_and_of_the_sweep_at_50_moments_counts_every_run_once(harness: Harness, place: Path) -> None:
    drawn = random.Random(6)
    (place / "other.yaml").write_text(SMALL.replace("name: small", "name: other"))
    arguments = ["small.yaml", "other.yaml", "--runs", "150", "--jobs", "2", "--out", "out"]
    kills, sessions = 0, 0
    while kills < 50:
        run = _started(place, *(arguments if not sessions else ["--resume", "--out", "out"]))
        sessions += 1
        while not _children_of(run):  # it has to get going first, which takes its time on a busy machine
            assert run.poll() is None
            time.sleep(0.02)
        deadline_s = time.monotonic() + drawn.uniform(0.5, 5.0)
        while kills < 50 and run.poll() is None and time.monotonic() < deadline_s:
            time.sleep(drawn.uniform(0.05, 0.7))
            children = _children_of(run) if run.poll() is None else []
            if children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(drawn.choice(children), signal.SIGKILL)
                    kills += 1
        if run.poll() is None:
            run.kill()
            kills += 1
        run.communicate(timeout=20)
    done = harness("sweep", "--resume", "--out", "out", "--json", timeout=600)
    assert "Traceback" not in done.stderr and not done.stderr, done.stderr
    with Store.read(place / "out") as store:
        rows = list(store.runs())
        assert [(row.scenario, row.seed) for row in rows] == [
            (str(place / name), seed) for name in ("other.yaml", "small.yaml") for seed in range(1, 151)
        ]
        # A run whose worker was killed twice is inconclusive, and says so; nothing else came to anything but a pass.
        assert {row.verdict for row in rows} <= {"pass", "inconclusive"}
        stopped = [row.because for row in rows if row.verdict == "inconclusive"]
        assert all("something outside ended it" in because[0] for because in stopped) and len(stopped) < 10

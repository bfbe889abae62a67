"""``harness assay`` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, Harness


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_fsyn"], "no mutant named 'no_fsyn'; did you mean 'no_fsync'?"),
        (["tinydb"], "'tinydb'; it is no mutant"),
        (["--budget", "soon"], "expected a duration with its unit"),
        (["--budget", "nan"], "expected a duration with its unit"),
        (["--budget", "0"], "expected 1 s to 100 days"),
        (["--out", ""], "--out is empty"),
        (["missing.py:App"], "there is no file"),
    ],
)
def test_wrong_use_is_told_with_the_fix(harness: Harness, arguments: list[str], message: str) -> None:
    done = harness("assay", *arguments)
    assert done.returncode == 4, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_kill_is_printed_kept_and_runs_again_as_it_says(harness: Harness, place: Path) -> None:
    done = harness("assay", "silent_charge", "--out", "kept")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    (again,) = [line.split("again: harness ")[1] for line in done.stdout.splitlines() if "again: " in line]
    assert harness(*again.split()).returncode == 1
    assert json.loads((place / "kept" / "assay.json").read_bytes())["mutants"][0]["state"] == "killed"


@pytest.mark.soak
def test_an_interrupt_leaves_the_partial_table(place: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "TMPDIR": str(place / "tmp")}
    run = subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", "assay", "--jobs", "1", "--json"],
        cwd=place, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    children = Path(f"/proc/{run.pid}/task")
    deadline_s = time.monotonic() + 60
    while not any((each / "children").read_text() for each in children.iterdir()):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    time.sleep(1.0)
    os.kill(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=30)
    report = json.loads(out)
    assert run.returncode == 2, err
    assert "interrupted" in err and "Traceback" not in err
    assert report["stopped"] == "interrupted" and len(report["mutants"]) > 10
    assert report["mutants"][-1]["state"] == "not_tried"
    assert list((place / "tmp").iterdir()) == []

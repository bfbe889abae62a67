"""Ctrl-C and SIGTERM, from a command's first moment on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.cli.stopping import Stopping, stopping

from .conftest import ROOT

ASKS = """\
import os, signal, sys
where = sys.argv.pop(1)
def asks(frame, event, _):
    if event == "call" and frame.f_code.co_name == where:
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGTERM)
sys.setprofile(asks)
from harness.cli.main import main
main()
"""
EARLY = {
    "hunt": (["--symptom", "charged twice", "small.yaml"], "given_stages", "INTERRUPTED   before it was found"),
    "sweep": (["small.yaml", "--runs", "3", "--out", "out"], "planned", "3 of 3 declared runs are not finished"),
    "compare": (["small.yaml", "--terminal", "reference", "--against", "reference"], "selected", "of 10 pairs"),
    "gate": (["--terminal", "reference", "--budget", "20s", "--out", "out"], "parts_of", "checks: interrupted"),
    "assay": (["leak"], "tasks_of", "NOT TRIED: interrupted"),
    "shrink": (["small.yaml"], "selected", ""),
    "crashpoints": (["--flow", "sale"], "launch", "not all was judged: interrupted"),
    "run": (["small.yaml"], "launch", "INCONCLUSIVE"),
}
"""By command: a call, the function in which somebody asks, before anything is run, and what is told all the same."""


@pytest.mark.parametrize("command", EARLY)
def test_who_asks_before_anything_runs_is_told_what_there_is(place: Path, command: str) -> None:
    arguments, where, told = EARLY[command]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "TMPDIR": str(place / "tmp")}
    done = subprocess.run(
        [sys.executable, "-c", ASKS, where, command, *arguments],
        cwd=place, env=environ, text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert "\ninterrupted: " in done.stderr and told in done.stdout


def test_two_signals_of_one_wish_are_one_and_the_second_wish_breaks_off() -> None:
    told: list[str] = []
    asked = Stopping("telling", breaks_off=True)
    asked.hear()
    asked.tell(lambda: told.append("late"))  # there was nobody to be told before
    asked.hear()  # at once, as of timeout(1)
    assert told == ["late"]
    time.sleep(0.06)
    with pytest.raises(KeyboardInterrupt):
        asked.hear()
    once = Stopping("telling")
    once.tell(lambda: told.append("once"))
    once.hear()
    time.sleep(0.06)
    once.hear()
    assert told == ["late", "once"]


def test_who_heard_signals_before_hears_them_again() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopping("telling") as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert asked.asked and signal.getsignal(signal.SIGTERM) == asked.hear
    assert signal.getsignal(signal.SIGTERM) == before

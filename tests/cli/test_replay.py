"""``harness replay`` and ``harness shrink`` as commands: exit codes, what is refused, the debugger on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import sys
import time
from pathlib import Path

import pytest

from .conftest import ROOT, Harness

CASE = """\
name: lost
days: {count: 1, open: "09:00", close: "10:00"}
host: {no_reply: 0%, decline: 0%}
people: {attempts: 1}
actions: [{do: sale, time: "09:05", times: 2}]
faults: [{type: host_silent, at: {action: sale, occurrence: 2}}]
"""


@pytest.fixture
def bundle(harness: Harness, place: Path) -> Path:
    (place / "case.yaml").write_text(CASE)
    done = harness("run", "case.yaml", "--terminal", "silent_charge", "--out", "run")
    assert (done.returncode, done.stderr) == (1, "")
    return place / "run" / "finding.zip"


@pytest.mark.slow
def test_a_bundle_is_replayed_refused_and_made_small(harness: Harness, place: Path, bundle: Path) -> None:
    done = harness("replay", bundle.parent, "--until", "end")
    assert (done.returncode, done.stderr) == (1, ""), done.stderr
    assert "the same finding came again\nthe history is the same, event by event" in done.stdout
    assert "the last events up to end" in done.stdout

    never = harness("replay", bundle, "--until", "99999999")
    assert never.returncode == 1 and "99999999 did not come in this run of " in never.stdout
    assert "the last events up to" not in never.stdout and "; its last events\n" in never.stdout
    # Who copies what a run resolved to runs the same software.
    assert "  software: silent_charge\n" in (place / "run" / "resolved.yaml").read_text()

    mended = harness("replay", bundle, "--terminal", "reference", "--json")
    said = json.loads(mended.stdout)
    assert mended.returncode == 0 and said["again"] is False and said["parted"]["event"] > 0

    for arguments, why in (
        (("--break",), "--break needs a terminal to talk to"),
        (("--break", "--json"), "--break goes without --disk-out and --json"),
        (("--until", "yesterday"), "--until yesterday: expected a time such as 26h"),
    ):
        refused = harness("replay", bundle, *arguments)
        assert refused.returncode == 4 and why in refused.stderr, refused.stderr
    (place / "torn.zip").write_bytes(bundle.read_bytes()[:-9])
    torn = harness("replay", "torn.zip")
    assert torn.returncode == 4 and torn.stderr.startswith("error: torn.zip: no bundle, or a damaged one: ")

    itself = harness("shrink", bundle, "--out", bundle)
    assert itself.returncode == 4 and "that is the bundle itself" in itself.stderr

    (place / "empty.zip").mkdir()
    none = harness("replay", "empty.zip")
    assert none.returncode == 4 and none.stderr.startswith("error: empty.zip holds no bundle; expected a finding.zip")
    for named, why in (("empty.zip", "empty.zip is a directory, and no bundle"), ("none.zip", "none.zip is no file")):
        other = harness("shrink", named)
        assert other.returncode == 4 and f"error: {why}; expected a finding.zip" in other.stderr, other.stderr

    small = harness("shrink", bundle.parent, "--out", "small.yaml", "--budget", "5s", "--json")
    assert (small.returncode, small.stderr) == (0, "")
    assert json.loads(small.stdout)["after"]["actions"] == 1
    assert harness("run", "small.yaml").returncode == 1
    nothing = harness("shrink", "small.yaml", "--terminal", "reference")
    assert nothing.returncode == 4 and "there is nothing to shrink" in nothing.stderr
    same = harness("shrink", "small.yaml", "--out", "small.yaml")
    assert same.returncode == 4 and "that is the scenario itself" in same.stderr


@pytest.mark.slow
def test_the_debugger_stops_at_the_event_in_the_software_that_caused_it(place: Path, bundle: Path) -> None:
    history = (place / "run" / "history.jsonl").read_text().splitlines()
    sent = next(number for number, line in enumerate(history) if '"MessageSent"' in line and '"0200"' in line)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place)
        os.environ["PYTHONPATH"] = str(ROOT)
        arguments = ["replay", "run/finding.zip", "--break", "--until", str(sent)]
        os.execv(sys.executable, [sys.executable, "-m", "harness.cli.main", *arguments])
    shown = ""
    for typed in ("where", "continue"):
        shown += _until_asked(terminal)
        os.write(terminal, f"{typed}\n".encode())
    shown += _until_asked(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 1, shown
    assert f"event {sent}: day 1 09:05" in shown and "harness/terminals/" in shown
    assert "FAIL " in shown and "Traceback" not in shown


def _until_asked(terminal: int) -> str:
    """What is shown up to the next prompt, or to the end."""
    shown = b""
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s and not shown.endswith(b"(harness) "):
        ready, _, _ = select.select([terminal], [], [], 1.0)
        try:
            shown += os.read(terminal, 65_536) if ready else b""
        except OSError:
            break  # the other side is closed
    return shown.decode("utf-8", "replace")

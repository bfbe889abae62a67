"""``harness crashpoints`` as a user runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from harness.cli.crashpoints import _interrupts_to
from tests.cli.conftest import ROOT, Harness


def said(ended):
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--flow", "sael"), ("sael", "sale")),
        (("--profile", "ubfs"), ("ubfs", "ubifs")),
        (("--device", "androyd-ext4"), ("androyd-ext4", "android-ext4")),
        (("--profile", "all,fat"), ("--profile all",)),
        (("--depth", "3"), ("--depth", "3")),
        (("--out", ""), ("--out",)),
        (("no/such_scenario",), ("no/such_scenario",)),
        (("--terminal", "referense"), ("referense", "reference")),
        (("--terminal", ""), ("--terminal is empty",)),
        (("--flow", ""), ("--flow", "is empty")),
        (("--flow", "sale", "--profile", " , "), ("--profile", "is empty")),
        (("--fail", "", "--flow", "boot"), ("--fail", "is empty")),
        (("--wall-limit", "nan"), ("--wall-limit", "nan is no number")),
        (("--fail", "eio", "--wall-limit", "inf"), ("--wall-limit", "inf is no number")),
    ],
)
def test_what_does_not_exist_is_named_with_the_nearest(harness: Harness, arguments, words):
    ended = harness("crashpoints", *arguments)
    assert ended.returncode == 4, said(ended)
    for word in words:
        assert word in said(ended)
    assert "Traceback" not in said(ended)


@pytest.mark.slow
def test_a_pass_says_what_was_listed(harness: Harness):
    ended = harness("crashpoints", "--flow", "sale", "--profile", "ext4-ordered,fat")
    assert ended.returncode == 0, said(ended)
    assert "PASS" in ended.stdout and "sale: one card sale" in ended.stdout
    rows = re.findall(r"^  (ext4-ordered|fat) +(\d+) +(\d+) +(\d+) +0  exhaustive$", ended.stdout, re.MULTILINE)
    assert [name for name, *_ in rows] == ["ext4-ordered", "fat"]
    assert all(int(points) > 20 and int(states) >= int(points) for _, points, states, _ in rows)
    assert "after 0200 sent" in ended.stdout and "after screen approved" in ended.stdout


@pytest.mark.slow
def test_a_finding_names_the_step_and_is_found_again_by_its_line(harness: Harness, place):
    ended = harness(
        "crashpoints", "--flow", "sale", "--terminal", "no_directory_fsync", "--profile", "ext4-ordered,fat",
        "--out", "kept",
    )  # fmt: skip
    assert ended.returncode == 1, said(ended)
    assert "lost       data: the creation of /journal.0 was lost" in ended.stdout
    assert "no_directory_fsync.py:" in ended.stdout
    assert "keeps invariant 1 no_lost_approval on ext4-ordered, breaks it on fat" in ended.stdout
    report = json.loads((place / "kept" / "crashpoints.json").read_text())
    said_last = "report: kept/report.html\n"
    assert (place / "kept" / "crashpoints.txt").read_text() == ended.stdout.removesuffix(said_last).removesuffix("\n")
    assert ended.stdout.endswith(said_last) and (place / "kept" / "report.html").stat().st_size > 100_000
    example = report["flows"][0]["found"][0]["example"]
    files = place / "kept" / example["image"]
    assert (files / "data").is_dir() and not (files / "data" / "journal.0").exists()
    line = example["replay"].split()
    assert line[:2] == ["harness", "crashpoints"]
    again = harness(*line[1:], "--json")
    assert again.returncode == 1, said(again)
    found = json.loads(again.stdout)["flows"][0]
    assert found["judged"] == 1 and found["found"][0]["example"]["summary"] == example["summary"]


@pytest.mark.slow
def test_where_nothing_can_be_kept_the_findings_are_said_all_the_same(harness: Harness, place):
    """A file in the way stands for every reason that a disk gives."""
    (place / "kept").mkdir()
    (place / "kept" / "states").write_text("")
    (place / "kept" / "crashpoints.json").mkdir()
    ended = harness(
        "crashpoints", "--flow", "sale", "--profile", "fat", "--terminal", "no_directory_fsync", "--out", "kept", "--json"
    )  # fmt: skip
    flow = json.loads(ended.stdout)["flows"][0]
    assert flow["found"] and not flow["found"][0]["example"]["image"]
    assert flow["notes"][0].startswith("files of states are missing: sale-") and "Not a directory" in flow["notes"][0]
    assert ended.returncode == 3 and "crashpoints.json: Is a directory" in ended.stderr


@pytest.mark.slow
def test_software_without_the_action_is_told_and_proves_nothing(harness: Harness, place):
    (place / "few.py").write_text(
        "from harness.contract import Manifest, Terminal\n"
        "class Few(Terminal):\n"
        "    manifest = Manifest(name='few', actions=frozenset({'reprint'}))\n"
        "    def reprint(self, action):\n"
        "        raise NotImplementedError\n"
    )
    ended = harness("crashpoints", "--terminal", "few.py:Few", "--flow", "sale", "--flow", "void")
    assert ended.returncode == 2, said(ended)
    assert "not explored: " in ended.stdout and "has no sale, void" in ended.stdout


@pytest.mark.slow
def test_a_state_that_does_not_boot_is_a_finding(harness: Harness, place):
    (place / "brittle.py").write_text(
        "import json, os\n"
        "from harness.contract import Approved, Manifest, Terminal\n"
        "class Brittle(Terminal):\n"
        "    manifest = Manifest(name='brittle', actions=frozenset({'sale'}), recovery_timeout_s=20)\n"
        "    def boot(self):\n"
        "        self.path = self.device.volumes['data'] + '/state'\n"
        "        self.count = json.load(open(self.path)) if os.path.exists(self.path) else 0\n"
        "    def sale(self, action):\n"
        "        self.device.card.read(timeout_s=60)\n"
        "        self.count += 1\n"
        "        with open(self.path, 'w') as file:\n"
        "            json.dump(self.count, file)\n"
        "        return Approved('000001', '000001')\n"
    )
    ended = harness("crashpoints", "--terminal", "brittle.py:Brittle", "--flow", "sale", "--out", "kept", "--json")
    assert ended.returncode == 1, said(ended)
    found = json.loads(ended.stdout)["flows"][0]["found"]
    boots = [each for each in found if each["invariant"] == 24]
    assert boots and "JSONDecodeError" in boots[0]["example"]["summary"]
    assert (place / "kept" / boots[0]["example"]["image"] / "data" / "state").read_bytes() in (b"", b"\0")


@pytest.mark.slow
def test_ctrl_c_tells_what_was_judged(place):
    command = [sys.executable, "-m", "harness.cli.main", "crashpoints", "--profile", "all", "--depth", "2"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place / "tmp")}
    with subprocess.Popen(
        command, cwd=place, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        time.sleep(8)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert "not all was judged: interrupted" in out and "were listed and not judged" in out
    assert "Traceback" not in err and not list((place / "tmp").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "where"),
    [
        (("--terminal", "no_fsync"), "| true"),
        (("--terminal", "silent_charge", "--fail", "reset"), "| true"),
        (("--terminal", "no_fsync"), ">&-"),
    ],
)
def test_a_reader_that_left_does_not_turn_a_failure_into_a_pass(place, options, where):
    command = f"{sys.executable} -m harness.cli.main crashpoints --flow sale {' '.join(options)}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place / "tmp")}
    ended = subprocess.run(
        ["bash", "-c", f"{command} {where}; exit ${{PIPESTATUS[0]}}"],
        cwd=place, env=environ, text=True, capture_output=True, check=False, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 1, said(ended)


@pytest.mark.slow
def test_timeout_signals_twice_and_is_told_what_was_judged(place):
    """timeout(1) signals its child and then the group that the child is in."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place / "tmp")}
    command = [sys.executable, "-m", "harness.cli.main", "crashpoints", "--profile", "all", "--depth", "2"]
    ended = subprocess.run(
        ["timeout", "--preserve-status", "8", *command],
        cwd=place, env=environ, text=True, capture_output=True, check=False, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 2 and "not all was judged: interrupted" in ended.stdout, said(ended)


def test_ctrl_c_before_a_process_is_there_reaches_it_when_it_is() -> None:
    children: list[int] = []
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as late,
        _interrupts_to(children) as started,
    ):
        os.kill(os.getpid(), signal.SIGINT)
        started(late.pid)
        assert late.wait(timeout=30) != 0 and children == [late.pid]

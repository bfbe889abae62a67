"""What a careless user gets: the documented exit code, one message that names the value and the fix, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Harness

KINDS = ("faults", "invariants", "terminals", "scenarios", "profiles", "devices", "merchants", "dialects")

BAD_MANIFEST = """
from harness.contract import *
class T(Terminal):
    manifest = Manifest(name='x', actions=frozenset({'sail'}))
"""

# arguments, exit code, words in the message
WRONG: dict[str, tuple[list[str], int, str]] = {
    "no command": ([], 4, "Run scenarios against terminal software"),
    "wrong command": (["rum"], 4, "no command 'rum'; did you mean 'run'?"),
    "wrong option": (["run", "--wat"], 4, "No such option"),
    "list of nothing": (["list"], 4, "Missing argument 'KIND'"),
    "wrong kind": (["list", "fault"], 4, "did you mean 'faults'?"),
    "unknown thing": (["explain", "powerloss"], 4, "did you mean 'power_loss'?"),
    "wrong scenario": (["run", "power/cut_betwen_reply_and_commit"], 4, "did you mean 'power/cut_between_reply_and_commit'?"),
    "missing file": (["run", "reports/first/resolved.yaml"], 4, "there is no file reports/first/resolved.yaml"),
    "empty scenario": (["run", ""], 4, "expected the name of a scenario or a path, found nothing"),
    "a name that no path can be": (["lint", "x" * 3000], 4, "File name too long"),
    "empty lint": (["lint", " "], 4, "expected the name of a scenario or a path, found nothing"),
    "empty directory": (["run", "empty"], 5, "no scenario file in empty"),
    "lint of an empty directory": (["lint", "empty"], 5, "no scenario file in empty"),
    "no day": (["run", "small.yaml", "--days", "0"], 4, "0 is not in the range"),
    "too many terminals": (["run", "small.yaml", "--terminals", "100000"], 4, "--terminals: expected 1 to 2000, found 100000"),
    "wrong profile": (["run", "small.yaml", "--profile", "ext5-ordered"], 4, "did you mean 'ext4-ordered'?"),
    "wrong device": (["run", "small.yaml", "--device", "mpos-row"], 4, "named 'mpos-row'; did you mean 'mpos-raw'?"),
    "wrong family": (["run", "small.yaml", "--without", "powr"], 4, "no family of faults named 'powr'; did you mean 'power'?"),
    "wrong disk": (["run", "small.yaml", "--disk", "nope"], 4, "is not one of 'vfs', 'pyfakefs'"),
    "empty terminal": (["run", "small.yaml", "--terminal", ""], 4, "--terminal is empty"),
    "wrong terminal": (["run", "small.yaml", "--terminal", "referense"], 4, "did you mean 'reference'?"),
    "missing terminal file": (["run", "small.yaml", "--terminal", "mine.py:T"], 4, "there is no file"),
    "terminal without manifest": (["run", "small.yaml", "--terminal", "bare.py:T"], 4, "bare.py:2: class T has no `manifest`"),
    "unknown action": (["run", "small.yaml", "--terminal", "sail.py:T"], 4, "no action is called 'sail'; did you mean 'sale'?"),
    "scenario that is none": (["run", "none.txt"], 4, "none.txt:1:1"),
    "software as scenario": (["run", "bare.py"], 4, "bare.py is terminal software, and a scenario is expected"),
    "class as scenario": (["sweep", "bare.py:T", "--out", "out"], 4, "with --terminal bare.py:T"),
    "program as scenario": (["run", "my till"], 4, "with --terminal 'exec:'\"'\"'./my till'"),
    "SPEC as scenario": (["hunt", "exec:./till", "--symptom", "charged twice"], 4, "with --terminal exec:./till ("),
    "software as gate's scenario": (["gate", "--terminal", "x", "--random", "bare.py"], 4, "with --terminal bare.py"),
    "out is a file": (["run", "small.yaml", "--out", "bare.py"], 4, "is a file"),
    "out below a file": (["run", "small.yaml", "--out", "bare.py/sub"], 4, "cannot make the directory"),
    "out where nobody may": (["run", "small.yaml", "--out", "/proc/x"], 4, "cannot make the directory /proc/x"),
    "out nowhere": (["run", "small.yaml", "--out", ""], 4, "--out is empty"),
    "resolved-out nowhere": (["run", "small.yaml", "--resolved-out", "bare.py/f.yaml"], 4, "cannot make the directory"),
    "resolved-out of several": (["run", "power", "--resolved-out", "f.yaml"], 4, "--resolved-out takes one scenario"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_told_in_a_message_with_its_exit_code(harness: Harness, place: Path, case: str) -> None:
    (place / "empty").mkdir()
    (place / "bare.py").write_text("class T:\n    def run(self): pass\n")
    (place / "none.txt").write_text((place / "bare.py").read_text())
    (place / "my till").write_bytes(b"\x7fELF\2\1\1")
    (place / "sail.py").write_text(BAD_MANIFEST)
    arguments, code, words = WRONG[case]
    done = harness(*arguments)
    assert (done.returncode, words in " ".join((done.stdout + done.stderr).split())) == (code, True), done
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_lists_are_quick_and_the_same_as_json(harness: Harness, kind: str) -> None:
    taken_s = []
    for _ in range(3):
        started_s = time.monotonic()
        lines = harness("list", kind).stdout.splitlines()
        taken_s.append(time.monotonic() - started_s)
    rows = json.loads(harness("list", kind, "--json").stdout)
    assert [f"{row['name']} {row['summary']}".split() for row in rows] == [line.split() for line in lines] and rows
    # 0.4 s on a machine that does nothing else; tests run beside others.
    assert min(taken_s) < 1.0


def test_everything_listed_is_explained(harness: Harness) -> None:
    for kind in KINDS:
        row = json.loads(harness("list", kind, "--json").stdout)[0]
        said = harness("explain", row["name"])
        assert said.returncode == 0 and said.stdout.startswith(f"{kind[:-1]} {row['name']}\n")
        assert json.loads(harness("explain", row["name"], "--json").stdout)["kind"] == kind[:-1]


@pytest.mark.parametrize("command", ["", "run", "list", "explain", "lint", "bench", "soak"])
def test_help_of_every_command(harness: Harness, command: str) -> None:
    done = harness(*command.split(), "-h")
    assert done.returncode == 0 and done.stdout.startswith("Usage:")
    # Every option says what it does: no line of the table is empty on its right.
    assert [line for line in done.stdout.splitlines() if line.strip().startswith("--") and len(line.split()) < 2] == []


BROKEN = """\
nmae: ten errors
terminals: -3
days: {count: 0, start: 2026-13-45}
faults:
  - {type: power_lss}
  - 17
acceptance: 900 %
"""


def test_lint_knows_a_dialect_file_by_its_base(harness: Harness, place: Path) -> None:
    (place / "bank.yaml").write_text("name: bank\nbase: international\n")
    (place / "bad bank.yaml").write_text("name: bank\nbase: nations\nline: {tpdu: 5}\n")
    done = harness("lint", "bank.yaml", "bad bank.yaml")
    assert done.returncode == 4
    assert "bank.yaml: ok" in done.stdout and "bad bank.yaml:2:7: base: no dialect named 'nations'" in done.stdout
    assert "line.tpdu: expected a size with its unit" in done.stdout


def test_lint_says_all_errors_at_once_with_line_and_column(harness: Harness, place: Path) -> None:
    file = place / "broken.yaml"
    file.write_text(BROKEN)
    done = harness("lint", "small.yaml", "broken.yaml")
    assert done.returncode == 4
    assert done.stdout.splitlines() == [
        f"{place}/small.yaml: ok",
        f"{file}:1:1: missing key 'name'",
        f"{file}:1:1: nmae: unknown key 'nmae'; did you mean 'name'?",
        f"{file}:2:12: terminals.count: expected a whole number from 0 up, found -3",
        f"{file}:3:25: days.start: expected a date such as 2026-03-02, found '2026-13-45'",
        f"{file}:5:12: faults[0].type: no fault named 'power_lss'; did you mean 'power_loss'?",
        f"{file}:6:5: faults[1]: expected a fault such as '- type: power_loss'",
        f"{file}:7:13: acceptance: expected at most 100%, found '900 %'",
        f"{file}: 7 problems; nothing was run",
    ]
    rows = [json.loads(line) for line in harness("lint", "broken.yaml", "--json").stdout.splitlines()]
    assert [(row["line"], row["column"]) for row in rows] == [
        (1, 1),
        (1, 1),
        (2, 12),
        (3, 25),
        (5, 12),
        (6, 5),
        (7, 13),
    ]


HOSTILE_FILES = {
    "bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 9)) for c in b"abcdefgh"),
    "binary": bytes(range(256)) * 10,
    "python tag": b'name: !!python/object/apply:os.system ["touch pwned"]\n',
    "6 MB": b"name: x\nfaults:\n"
    + b"  - {type: power_loss, note: 0123456789012345678901234567890123456789}\n" * 80_000,
    "empty": b"",
    "deep": b"name: " + b"[" * 400 + b"]" * 400,
    "own child": b"name: &a [*a]\n",
}


@pytest.mark.parametrize("case", HOSTILE_FILES)
def test_hostile_scenario_files_are_refused_in_seconds(harness: Harness, place: Path, case: str) -> None:
    (place / "it.yaml").write_bytes(HOSTILE_FILES[case])
    started_s = time.monotonic()
    done = harness("run", "it.yaml")
    assert done.returncode == 4 and f"{place}/it.yaml:" in done.stderr, done
    assert time.monotonic() - started_s < 15
    assert "Traceback" not in done.stderr and not (place / "pwned").exists()


def test_a_reader_that_goes_away_changes_no_exit_code(harness: Harness) -> None:
    for arguments, code in ((["list", "faults"], 0), (["-h"], 0), (["run", "small.yaml", "--json"], 0)):
        reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
        reader.wait()
        assert reader.stdin is not None
        done = harness(*arguments, stdout=reader.stdin)
        reader.stdin.close()
        assert (done.returncode, done.stderr) == (code, "")


def test_output_that_cannot_be_written_is_no_violation(harness: Harness) -> None:
    with open("/dev/full", "w") as full:
        done = harness("list", "faults", stdout=full)
    assert (done.returncode, done.stderr) == (3, "error: No space left on device\n")


def test_names_that_are_no_utf_8_are_told_and_no_error_of_the_harness(harness: Harness, place: Path) -> None:
    odd = os.fsdecode(b"odd\xff")
    (place / f"{odd}.yaml").write_text("name: x\ndevice: legcay\n")
    (place / odd / "data").mkdir(parents=True)
    for arguments in (
        ["run", f"{odd}.yaml"],
        ["run", "small.yaml", "--image", odd],
        ["run", "small.yaml", "--profile", odd],
        ["crashpoints", "--flow", "boot", "--terminal", f"{odd}:T"],
    ):
        done = harness(*arguments)
        assert done.returncode == 4 and "Traceback" not in done.stderr, done.stderr
        assert "odd" in done.stderr
    done = harness("lint", "--json", f"{odd}.yaml")
    assert done.returncode == 4 and json.loads(done.stdout)["file"].endswith("odd\\xff.yaml")


def test_a_fifo_among_the_scenarios_of_a_directory_is_not_waited_for(harness: Harness, place: Path) -> None:
    os.mkfifo(place / "waits.yaml")
    done = harness("lint", ".", timeout=30)
    assert done.returncode == 0 and "small.yaml: ok" in done.stdout and "waits" not in done.stdout


def test_crashpoints_tells_its_errors_as_json_too(harness: Harness, place: Path) -> None:
    for arguments in ((), ("--fail", "eio")):
        done = harness("crashpoints", "--flow", "boot", "--terminal", "referense", "--json", *arguments)
        said = json.loads(done.stdout)
        assert done.returncode == said["exit_code"] == 4 and "did you mean 'reference'?" in said["error"]

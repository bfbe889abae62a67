"""``harness crashpoints --fail`` as a user runs it."""

import json
import shlex

import pytest

from tests.cli.conftest import Harness


def said(ended):
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fail", "eoi"), ("eoi", "eio")),
        (("--fail", "all,eio"), ("--fail all",)),
        (("--fail", "eio", "--depth", "2"), ("--depth",)),
        (("--fail", "eio", "--state", "0123456789ab"), ("--state",)),
        (("--fail", "eio", "--profile", "fat,ubifs"), ("--profile", "one")),
        (("--call", "3"), ("--call", "--fail")),
        (("--for-good",), ("--for-good", "--fail")),
        (("--fail", "eio", "--call", "0"), ("--call",)),
    ],
)
def test_what_makes_no_sense_is_named(harness: Harness, arguments, words):
    ended = harness("crashpoints", *arguments)
    assert ended.returncode == 4, said(ended)
    for word in words:
        assert word in said(ended)
    assert "Traceback" not in said(ended)


def test_a_pass_says_what_was_tried_and_what_it_could_not_try(harness: Harness):
    ended = harness("crashpoints", "--flow", "sale", "--fail", "enospc,reset")
    assert ended.returncode == 0, said(ended)
    assert "PASS" in ended.stdout and "the flow makes no such call" in ended.stdout
    row = next(line.split() for line in ended.stdout.splitlines() if line.startswith("  reset"))
    assert row == ["reset", "3", "6", "6", "6", "0"]


def test_a_finding_replays_by_the_line_that_it_prints(harness: Harness, tmp_path):
    out = tmp_path / "out"
    arguments = ("--terminal", "silent_charge", "--flow", "sale", "--fail", "reset")
    ended = harness("crashpoints", *arguments, "--json", "--out", str(out))
    assert ended.returncode == 1, said(ended)
    report = json.loads(ended.stdout)
    assert report == json.loads((out / "failing_calls.json").read_bytes())
    assert "failing in" in (out / "failing_calls.txt").read_text(encoding="utf-8")
    (flow,) = report["flows"]
    found = flow["found"][0]
    program, command, *line = shlex.split(found["example"]["replay"])
    assert (program, command) == ("harness", "crashpoints") and "--call" in line and "--for-good" not in line
    again = harness("crashpoints", *line, "--json")
    assert again.returncode == 1, said(again)
    examples = [each["example"] for each in json.loads(again.stdout)["flows"][0]["found"]]
    assert found["example"] in examples


def test_time_that_runs_out_is_said_and_is_no_pass(harness: Harness):
    ended = harness("crashpoints", "--fail", "memory", "--jobs", "1", "--wall-limit", "1")
    assert ended.returncode == 2, said(ended)
    assert "the time limit of 1 s was reached" in ended.stdout and "trials were not played" in ended.stdout

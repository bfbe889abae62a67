"""``harness upgrade`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Harness

PAIR = ("--from", "reference_v1", "--to", "reference")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "reference"], "Missing option '--from'"),
        ([*PAIR, "--data", "doubts"], "did you mean 'doubt'?"),
        ([*PAIR, "--image", "nowhere"], "there is no directory"),
        ([*PAIR, "--image", "ran"], "it holds history.jsonl, so it is what `harness run --out` leaves"),
        ([*PAIR, "--image", ".", "--data", "doubt"], "give one of them"),
        ([*PAIR, "--no-cuts", "--depth", "2"], "--no-cuts cuts nothing: give one of them"),
        ([*PAIR, "--state", "abc"], "give one --data and one --stage"),
    ],
)
def test_wrong_use_is_told(harness: Harness, place: Path, arguments: list[str], message: str) -> None:
    (place / "ran").mkdir(exist_ok=True)
    (place / "ran" / "history.jsonl").touch()
    done = harness("upgrade", *arguments)
    assert done.returncode == 4 and message in done.stderr, done.stderr


def test_a_report_in_both_forms(harness: Harness, place: Path) -> None:
    done = harness("upgrade", *PAIR, "--data", "settled", "--no-cuts", "--out", "out", "--json")
    assert done.returncode == 0 and done.stderr == ""
    report = json.loads(done.stdout)
    assert [stage["verdict"] for stage in report["stages"]] == ["pass", "refused", "pass"]
    assert json.loads((place / "out" / "upgrade.json").read_text()) == report
    assert "settled   up        pass" in (place / "out" / "upgrade.txt").read_text()

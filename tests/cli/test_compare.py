"""``harness compare`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Harness


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["small.yaml", "--terminal", "reference"], 4, "Missing option '--against'"),
        (["small.yaml", "--terminal", "reference", "--against", " "], 4, "--against is empty"),
        (["smal.yaml", "--terminal", "reference", "--against", "reference"], 4, "there is no file smal.yaml"),
        (["small.yaml", "--terminal", "reference", "--against", "reference", "--out", ""], 4, "--out is empty"),
    ],
)
def test_wrong_use_is_told(harness: Harness, arguments: list[str], code: int, message: str) -> None:
    done = harness("compare", *arguments)
    assert done.returncode == code and message in done.stderr, done.stderr


def test_the_report_is_printed_and_kept(harness: Harness, place: Path) -> None:
    sides = ("--terminal", "leftover_taken", "--against", "stan_in_ram")
    done = harness("compare", "small.yaml", *sides, "--runs", "1", "--out", "out", "--json")
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert done.returncode == (1 if any(each["status"] == "new" for each in report["differences"]) else 0)
    assert json.loads((place / "out" / "compare.json").read_text()) == report
    assert (place / "out" / "compare.txt").read_text().startswith("compare · leftover_taken · against stan_in_ram")

"""What a sweep says while it runs: each kind of finding once, how far it is, and no more than its time allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.cli.watching import Watch
from harness.results.model import FindingRow, RunRow

FOUND = FindingRow("0badcafe", 1, "lost", "kind", 2, 100, "T01", 5, "T01 lost it", "power_loss", "a.py:1 f: write")
FAILED = RunRow("s", 1, (), "fail", replay="harness run s --seed 1", findings=(FOUND, replace(FOUND, fault="crash")))


def test_each_kind_of_finding_is_told_once_with_the_line_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch(4, None, live=False)
    for run in (FAILED, replace(FAILED, seed=2), RunRow("s", 3, (), "pass")):
        watch.told(run)
    watch.close()
    out, err = capsys.readouterr()
    # A log gets a line every half minute, and these at once.
    assert out == "" and err.splitlines() == [
        "new finding 0badcafe: invariant 1 lost after power_loss", "  harness run s --seed 1",
    ]  # fmt: skip


def test_on_a_terminal_one_line_is_written_over_and_its_time_is_no_longer_than_the_sweeps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = Watch(100_000_000, 90.0, live=True)
    watch.told(FAILED)
    watch.close()
    lines = [line.rstrip() for line in capsys.readouterr().err.replace("\r", "\n").split("\n") if line.strip()]
    assert lines[2].startswith("1 of 100,000,000 runs  1 failed, 0 inconclusive, 1 kind of finding  ")
    assert lines[2].endswith((" 1 min 29 s left", " 1 min 30 s left"))

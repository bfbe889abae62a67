"""``harness sweep --search coverage`` as a user runs it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from .conftest import Harness

BUSY = """\
name: a busy hour
terminals: 2
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 20
acceptance: 50%
faults:
  - {type: power_loss, name: cut_in_flight, per_day: 2, at: {message: {direction: up, mti: "0200", moment: sent}}}
  - {type: partition, per_day: 2, lift_after: 5 min}
"""


def test_what_it_finds_runs_again_and_bounds_nothing(harness: Harness, place: Path) -> None:
    (place / "busy.yaml").write_text(BUSY)
    command = ("sweep", "busy.yaml", "--terminal", "reversal_after_send", "--runs", "5", "--out", "out")
    done = harness(*command, "--search", "coverage", "--json")
    assert done.returncode == 1 and done.stderr == "", done.stderr
    summary = json.loads(done.stdout)
    assert summary["search"] == "coverage"
    total = summary["total"]
    assert total["passed"] + total["failed"] + total["inconclusive"] == 5 and total["failed"]
    assert total["upper_bound_95"] == 1.0 == summary["scenarios"][0]["upper_bound_95"]
    text = harness("results", "out").stdout
    assert "guided by coverage" in text and "no rate is bounded" in text and "random runs failed" not in text

    # Only runs that came to something leave a file, and a file alone gives the same findings again.
    found = next(each for each in summary["signatures"] if each["invariant"] == 4)
    again = harness(*shlex.split(found["again"])[1:], "--json")
    assert again.returncode == 1
    assert found["summary"] in [each["summary"] for each in json.loads(again.stdout)["findings"]]
    assert len(list((place / "out" / "guided" / "0001").iterdir())) == 5 - total["passed"]

    for options, message in (
        (("--search", "coverage", "--resume"), "a guided search chooses each run by those before it"),
        (("--search", "coverage", "--shard", "1/2"), "a guided search chooses each run by those before it"),
        (("--resume",), "--search was coverage in the sweep that is resumed"),
    ):
        refused = harness(*command, *options)
        assert refused.returncode == 4 and message in refused.stderr, refused.stderr

"""A sweep whose runs are chosen by what those before them did: it counts every run once, and bounds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.search.sweep import GuidedSweep, refuse_what_it_cannot
from harness.engine.sweep.summary import summary_of
from harness.engine.sweep.work import Wanted, declare, planned, resumed
from harness.reporters.sweep import render
from harness.results.model import RunRow
from harness.results.store import Store

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


def test_what_it_finds_runs_again_and_bounds_nothing(tmp_path: Path) -> None:
    (tmp_path / "busy.yaml").write_text(BUSY)
    wanted = Wanted((str(tmp_path / "busy.yaml"),), 5, "reversal_after_send", first_seed=7, search="coverage")
    declared = declare(wanted)
    rows: list[RunRow] = []
    with Store.create(tmp_path, declared) as store:
        work = GuidedSweep(declared, planned(declared, 60.0, tmp_path), store, 2, out_dir=tmp_path)
        assert work.left == 5
        work.run(rows.append)
        assert work.left == 0
        summary = summary_of(store)
        kept = list(store.runs())

    assert {row.seed for row in rows} == set(range(7, 12)) == {row.seed for row in kept}  # numbers, in place of seeds
    assert summary.search == "coverage" and summary.canary_found and not summary.missing
    assert summary.total.failed and summary.total.upper_bound_95 == 1.0 == summary.scenarios[0].upper_bound_95
    text = render(summary)
    assert "guided by coverage" in text and "no rate is bounded" in text and "random runs failed" not in text

    # Only runs that came to something leave a file, and the file alone gives the same findings again.
    files = {str(each) for each in (tmp_path / "guided" / "0001").iterdir()}
    failed = [row for row in kept if row.verdict != "pass"]
    assert len(files) == len(failed)
    (path,) = [each for each in failed[0].replay.split() if each in files]
    again = launch(RunRequest(scenario=path, terminal="reversal_after_send"))
    assert again.history_sha256 == failed[0].history_sha256

    with pytest.raises(UsageError, match="--search was coverage in the sweep that is resumed"):
        resumed(declared, Wanted())


def test_it_goes_on_from_no_file_and_comes_in_no_parts() -> None:
    refuse_what_it_cannot("random", resume=True, shard=(1, 2))
    refuse_what_it_cannot(None, resume=True, shard=None)
    for resume, shard, option in ((True, None, "--resume"), (False, (1, 2), "--shard")):
        with pytest.raises(UsageError, match=f"{option}: a guided search chooses each run by those before it"):
            refuse_what_it_cannot("coverage", resume=resume, shard=shard)

"""``harness coverage`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from harness.cli.coverage import BITES_FILE

from .conftest import Harness


def test_rows_come_as_json_and_the_exit_code_says_whether_one_is_missing(harness: Harness, place: Path) -> None:
    done = harness("coverage", "--json")
    rows = json.loads(done.stdout)
    missing = [row["missing"] for row in rows]
    assert len(rows) == 103 and missing == sorted(missing, reverse=True)
    assert done.returncode == (1 if any(missing) else 0) and done.stderr == ""
    row = next(row for row in rows if row["id"] == "a1.settlement_needs_space")
    assert (
        row["item"] == "“结算失败,请清理缓存”"
        and row["class"] == "F"
        and row["seen_by"] == ["15 settlement_frees_space"]
    )
    scenario = next(each for each in row["scenarios"] if each["name"] == "storage/settle_when_data_volume_full")
    assert scenario["happens"][0] == "full_storage" and scenario["last_bite"] is None
    assert not (place / BITES_FILE).exists()


def test_what_was_kept_of_the_last_run_is_shown_and_a_broken_note_is_no_error(harness: Harness, place: Path) -> None:
    (place / BITES_FILE).parent.mkdir()
    (place / BITES_FILE).write_text(
        json.dumps({"power/store_wide_cut": "pass with seed 1: power_loss bit 2 of 12 times"})
    )
    shown = harness("coverage").stdout
    assert "        last bite: pass with seed 1: power_loss bit 2 of 12 times\n" in shown
    assert shown.splitlines()[-1].startswith("103 rows: ")
    (place / BITES_FILE).write_text("{")
    assert "last bite" not in harness("coverage").stdout


def test_a_run_keeps_what_bit_and_leaves_the_rest_as_it_was(harness: Harness, place: Path) -> None:
    assert harness("coverage", "power/store_wide_cut").returncode == 4
    (place / BITES_FILE).parent.mkdir()
    (place / BITES_FILE).write_text(json.dumps({"power/store_wide_cut": "kept"}))
    done = harness("coverage", "--run", "paper_runs_out", "--json")
    assert done.stderr == "running operator/paper_runs_out\n"
    bites = json.loads((place / BITES_FILE).read_text())
    assert list(bites) == ["operator/paper_runs_out", "power/store_wide_cut"]
    assert bites["power/store_wide_cut"] == "kept"
    assert bites["operator/paper_runs_out"].startswith("pass with seed 1: paper_out bit 3 of 3 times")

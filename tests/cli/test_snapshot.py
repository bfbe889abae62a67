"""``harness snapshot``, ``harness diff`` and ``harness run --image`` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import SMALL, Harness


def names(place: Path) -> list[str]:
    return sorted(str(each.relative_to(place)) for each in place.rglob("*"))


def test_from_a_snapshot_to_a_run_that_begins_on_it(harness: Harness, place: Path) -> None:
    done = harness("snapshot", "small.yaml", "--at", "09:30", "--out", "snap")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout == "snap: 1 of 1 snapshots; the run itself: pass\n"
    assert names(place / "snap") == ["data", "data/journal.0", "data/journal.1", "snapshot.json", "system"]
    record = json.loads((place / "snap/snapshot.json").read_text())
    assert record["source"]["at"] == "day 1 09:30:00.000" and record["format"] == 1

    run = harness("run", "small.yaml", "--image", "snap", "--out", "out", "--json")
    verdict = json.loads(run.stdout)
    assert (run.returncode, verdict["status"]) == (0, "pass"), run.stdout
    assert verdict["replay"].endswith(f"--image {place}/snap")
    history = (place / "out/history.jsonl").read_text()
    assert '"event":"ImageLoaded","at_us":0,"device":"T01"' in history
    # No staging directory, no card number, no key is left anywhere.
    assert sorted(each.name for each in place.iterdir()) == ["out", "small.yaml", "snap", "tmp"]
    assert not [each for each in (place / "tmp").iterdir() if each.name.startswith("harness")]


def test_several_instants_and_their_differences(harness: Harness, place: Path) -> None:
    done = harness("snapshot", "small.yaml", "--at", "09:01", "--at", "09:30", "--at", "end", "--out", "s")
    assert done.returncode == 0, done.stderr
    assert sorted(each.name for each in (place / "s").iterdir()) == ["09_01", "09_30", "end"]
    same = harness("diff", "s/end", "s/end")
    assert (same.returncode, same.stdout) == (0, "no difference\n")
    differ = harness("diff", "s/09_01", "s/09_30")
    assert differ.returncode == 1
    assert "data/journal.0: " in differ.stdout and "they differ from byte" in differ.stdout
    assert "  - 0000" in differ.stdout and "  + 0000" in differ.stdout
    told = [json.loads(line) for line in harness("diff", "s/09_01", "s/09_30", "--json").stdout.splitlines()]
    assert {"data/journal.0", "(NVRAM)"} <= {each["path"] for each in told}
    assert all(each["offset"] >= 0 for each in told if each["what"] == "another content")


def test_a_resolved_scenario_names_the_image_that_it_needs(harness: Harness, place: Path) -> None:
    (place / "field").mkdir()
    (place / "field/terminal.json").write_text('{"sett')
    done = harness("run", "small.yaml", "--terminal", "jsonfile", "--image", "field", "--out", "out")
    assert done.returncode == 1 and "invariant 24 returns_to_service" in done.stdout
    resolved = (place / "out/resolved.yaml").read_text()
    assert f'run it with --image "{place}/field"' in resolved
    line = next(line for line in done.stdout.splitlines() if line.startswith("replay: ")).split()
    again = harness(*line[2:], "--json")
    sha = json.loads((place / "out/verdict.json").read_text())["history_sha256"]
    assert json.loads(again.stdout)["history_sha256"] == sha


def test_an_instant_that_does_not_come_is_inconclusive_and_writes_the_others(harness: Harness, place: Path) -> None:
    (place / "cuts.yaml").write_text(SMALL + 'faults: [{type: power_loss, at: {time: "09:20:00"}}]\n')
    done = harness("snapshot", "cuts.yaml", "--at", "power_loss#1", "--at", "power_loss#7", "--out", "s")
    assert done.returncode == 2 and "not written: power_loss#7 did not come in this run" in done.stderr
    assert [each.name for each in (place / "s").iterdir()] == ["power_loss#1"]


# arguments and words in the message; all exit with 4
WRONG: dict[str, tuple[list[str], str]] = {
    "no instant": (["snapshot", "small.yaml", "--out", "s"], "Missing option '--at'"),
    "no directory": (["snapshot", "small.yaml", "--at", "end"], "Missing option '--out'"),
    "instant beyond": (["snapshot", "small.yaml", "--at", "day9", "--out", "s"], "1 trading days"),
    "many scenarios": (["snapshot", "power", "--at", "end", "--out", "s"], "snapshots are taken of one scenario"),
    "full directory": (["snapshot", "small.yaml", "--at", "end", "--out", "tmp"], "exists and is no empty directory"),
    "out is a file": (
        ["snapshot", "small.yaml", "--at", "end", "--out", "small.yaml"],
        "exists and is no empty directory",
    ),
    "out nowhere": (["snapshot", "small.yaml", "--at", "end", "--out", "small.yaml/s"], "cannot be made"),
    "no image": (["run", "small.yaml", "--image", "none"], "there is no directory"),
    "empty image": (["run", "small.yaml", "--image", ""], "--image is empty"),
    "hostile image": (["run", "small.yaml", "--image", "hostile"], "hostile/passwd: is a symbolic link"),
    "diff of nothing": (["diff", "none", "tmp"], "none: no such file"),
    "diff of one": (["diff", "tmp"], "Missing argument 'SECOND'"),
    "hostile diff": (["diff", "hostile", "hostile"], "hostile/passwd: is a symbolic link"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_told_in_a_message_with_its_exit_code(harness: Harness, place: Path, case: str) -> None:
    (place / "hostile").mkdir()
    (place / "hostile/passwd").symlink_to("/etc/passwd")
    (place / "tmp/kept").touch()
    arguments, words = WRONG[case]
    before = names(place)
    done = harness(*arguments)
    assert done.returncode == 4, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr
    assert [each for each in names(place) if "__pycache__" not in each] == before, "nothing is left behind"

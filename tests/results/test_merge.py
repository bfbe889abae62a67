"""Merging: every run once, whichever file it is in; files of other sweeps, damaged ones and runs that differ are refused."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import HarnessError, UsageError
from harness.results.merge import merge
from harness.results.model import CanaryRow, Declared, RunRow, is_of_shard
from harness.results.store import FILE_NAME, Store

from .test_store import DECLARED, RUN

LABEL = DECLARED.scenarios[0].label
CANARY = CanaryRow("log_in_ram", (1,), ())


def file_of(directory: Path, runs: Iterable[RunRow], declared: Declared = DECLARED) -> Path:
    directory.mkdir()
    with Store.create(directory, declared) as store:
        store.add_all(runs, [CANARY])
    return directory


def run_of(seed: int) -> RunRow:
    return replace(RUN, scenario=LABEL, seed=seed)


def shards(place: Path, count: int, runs: int = 100) -> list[Path]:
    declared = replace(DECLARED, runs=runs)
    parts = [replace(declared, shard=(number, count)) for number in range(1, count + 1)]
    return [file_of(place / f"{part.shard}", map(run_of, part.seeds_of(DECLARED.scenarios[0])), part) for part in parts]


def test_shards_part_the_runs_and_a_run_stays_in_its_shard_however_many_there_are() -> None:
    (scenario,) = DECLARED.scenarios
    parts = [list(replace(DECLARED, shard=(number, 8)).seeds_of(scenario)) for number in range(1, 9)]
    assert sorted(seed for part in parts for seed in part) == list(range(1, 1001))
    assert all(90 < len(part) < 160 for part in parts)
    assert [replace(DECLARED, shard=(n, 8)).runs_in_all for n in range(1, 9)] == [len(part) for part in parts]
    assert list(replace(DECLARED, runs=50, shard=(3, 8)).seeds_of(scenario)) == [
        each for each in parts[2] if each <= 50
    ]
    # Pinned: shards of other machines, and of tomorrow, must be the same parts.
    assert [seed for seed in range(1, 40) if is_of_shard("power/plain_counter", seed, (3, 8))] == PINNED


PINNED = [1, 5, 6, 16, 22, 24, 26]


def test_shards_come_together_and_every_run_is_counted_once(tmp_path: Path) -> None:
    parts = shards(tmp_path, 3)
    (tmp_path / "out").mkdir()
    merge(tmp_path / "out", [*parts, parts[1] / FILE_NAME])
    with Store.read(tmp_path / "out") as store:
        assert store.declared() == replace(DECLARED, runs=100)
        assert list(store.runs()) == [run_of(seed) for seed in range(1, 101)]
        assert store.canaries() == (CANARY,) * 4


def test_of_two_tries_of_one_run_the_one_that_came_to_its_end_counts(tmp_path: Path) -> None:
    stopped = RunRow(LABEL, 1, (), "inconclusive", ("something outside ended it",))
    parts = [
        file_of(tmp_path / "a", [stopped, replace(stopped, seed=2, verdict="error"), run_of(3)]),
        file_of(tmp_path / "b", [run_of(1), run_of(2), replace(run_of(3), replay="harness run elsewhere")]),
    ]
    for name, files in (("one", parts), ("two", parts[::-1])):
        (tmp_path / name).mkdir()
        merge(tmp_path / name, files)
        with Store.read(tmp_path / name) as store:
            assert [(run.seed, run.verdict) for run in store.runs()] == [(1, "fail"), (2, "fail"), (3, "fail")]


def test_what_is_no_part_of_the_same_sweep_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    whole = file_of(tmp_path / "whole", map(run_of, range(1, 20)))
    other = file_of(tmp_path / "other", [], replace(DECLARED, terminal="naive"))
    differs = file_of(tmp_path / "differs", [replace(run_of(7), history_sha256="another")])
    others = tuple(replace(each, digest="another", label="elsewhere") for each in DECLARED.scenarios)
    scenarios = file_of(tmp_path / "scenarios", [], replace(DECLARED, scenarios=others))
    damaged = file_of(tmp_path / "damaged", map(run_of, range(1, 20)))
    (damaged / FILE_NAME).write_bytes((damaged / FILE_NAME).read_bytes()[:9000])
    for files, what in (
        ([whole, other], r"other is of another sweep than .*whole: terminal is 'naive' there and 'reference' here"),
        ([whole, scenarios], rf"scenarios is 'elsewhere' there and '{LABEL}' here"),
        ([whole, differs], r"seed 7 ended as fail in .*whole and as fail in .*differs, with other histories"),
        ([whole, damaged], "is damaged or no results file"),
        ([whole, tmp_path / "nowhere"], "there is no file"),
        ([], "nothing to merge"),
    ):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        with pytest.raises(UsageError, match=what):
            merge(out, files)
        assert not (out / FILE_NAME).exists()
    with pytest.raises(UsageError, match="holds a sweep already"):
        merge(whole, [whole])
    with Store.read(whole) as store:
        assert len(store.finished()) == 19


def test_a_disk_that_is_full_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    parts = shards(tmp_path, 2, runs=400)
    out = tmp_path / "out"
    out.mkdir()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))
        with pytest.raises(HarnessError):
            merge(out, parts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in out.iterdir() if path.name.startswith(FILE_NAME)]
    merge(out, parts)
    with Store.read(out) as store:
        assert len(store.finished()) == 400

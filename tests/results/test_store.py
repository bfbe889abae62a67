"""The results file: whole or not at all after a kill, one writer, and one clear message for whatever is wrong with it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError, UsageError
from harness.engine.sweep.summary import summarise, summary_of
from harness.results.model import VERDICTS, BiteRow, Declared, DeclaredScenario, FindingRow, JudgedRow, Measure, RunRow
from harness.results.opening import FORMAT
from harness.results.store import FILE_NAME, Chosen, Store

ROOT = Path(__file__).parents[2]
DECLARED = Declared((DeclaredScenario("power/plain_counter", "abcd"),), 1000, "reference", device="legacy", harness="0")
FOUND = FindingRow(
    "0badcafe", 1, "no_lost_approval", "T.. lost N yuan", 3, 4200, "T07", 1_000, "T07 lost 14.00 yuan", "power_loss",
    "a.py:1 f: write",
)  # fmt: skip
RUN = RunRow(
    "power/plain_counter", 7, ("host", "power"), "fail", ("why, and 'why' \"not\"",), "harness run x --seed 7", "00ff",
    (Measure("events", 1e6), Measure("acceptance_percent", 99.25)), (FOUND, replace(FOUND, signature="11")),
    (BiteRow("cut", "power_loss", "power", 3, 1),),
)  # fmt: skip


def run_of(seed: int) -> RunRow:
    return replace(RUN, seed=seed)


def filled(directory: Path, runs: int = 40) -> Path:
    with Store.create(directory, DECLARED) as store:
        for seed in range(runs):
            store.add(run_of(seed))
    return directory / FILE_NAME


# ---------------------------------------------------------------- what it holds


def test_everything_comes_back_as_it_was_put_in(tmp_path: Path) -> None:
    rows = [RUN, replace(RUN, seed=-3, verdict="pass", findings=()), RunRow("other", 2**100, (), "inconclusive")]
    with Store.create(tmp_path, DECLARED) as store:
        for row in rows:
            store.add(row)
        assert store.finished() == {row.key for row in rows}
        assert list(store.runs()) == sorted(rows, key=lambda row: row.key)
    with Store.read(tmp_path) as store:
        assert store.declared() == DECLARED
        assert list(store.runs()) == sorted(rows, key=lambda row: row.key)
    # One plain file that can be copied, beside the lock.
    assert sorted(each.name for each in tmp_path.iterdir()) == [FILE_NAME, "sweep.lock"]


def test_a_run_is_kept_once_and_only_an_error_is_replaced(tmp_path: Path) -> None:
    with Store.create(tmp_path, DECLARED) as store:
        store.add(replace(RUN, verdict="error"))
        assert store.finished() == set()
        store.add(RUN)
        with pytest.raises(HarnessError, match="kept twice"):
            store.add(replace(RUN, verdict="pass"))
        assert list(store.runs()) == [RUN]


@st.composite
def rows(draw: st.DrawFn) -> RunRow:
    """A run that may have been: few scenarios, faults and signatures, so that they meet."""
    verdict = draw(st.sampled_from(VERDICTS))
    names = draw(st.permutations(["terminal_days", "events"]))
    planned = draw(st.lists(st.sampled_from(["cut", "full"]), unique=True))
    point = st.sampled_from([("", ""), ("crash", "a.py:1 f"), ("crash", "")])
    found = [
        replace(FOUND, signature=draw(st.sampled_from(["0badcafe", "0bad", "11"])), fault=fault, place=place)
        for fault, place in draw(st.lists(point, max_size=3))
    ]
    return RunRow(
        draw(st.sampled_from(["power/plain_counter", "b"])), draw(st.integers(-5, 5) | st.just(1 << 80)), (), verdict,
        ("why",) * (verdict not in ("pass", "fail")), "harness run x", "00",
        tuple(Measure(name, draw(st.integers(0, 9))) for name in names),
        tuple({(each.signature, each.fault, each.place): each for each in found}.values()) if verdict == "fail" else (),
        tuple(BiteRow(name, "kind", "family", draw(st.integers(0, 9)), draw(st.integers(0, 9))) for name in planned),
    )  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(rows(), max_size=12, unique_by=lambda row: row.key))
def test_the_sums_of_a_file_are_those_of_its_runs_and_runs_are_chosen_by_verdict_and_signature(
    runs: list[RunRow],
) -> None:
    runs.sort(key=lambda run: run.key)
    with TemporaryDirectory() as place, Store.create(Path(place), DECLARED) as store:
        store.add_all(runs, [])
        assert list(store.runs()) == runs
        whole = summarise(DECLARED, runs, [])
        for each in whole.scenarios:
            # Which scenario that was not declared comes first is nobody's matter.
            assert each in summary_of(store).scenarios
        whole.scenarios = summary_of(store).scenarios
        assert summary_of(store) == whole
        for verdict in VERDICTS:
            assert list(store.runs(Chosen((verdict,)))) == [run for run in runs if run.verdict == verdict]
        for prefix in ("0bad", "0badc", "1", "2", "%", "_"):
            found = [run for run in runs if any(each.signature.startswith(prefix) for each in run.findings)]
            bare = [replace(run, measures=(), bites=()) for run in found]
            assert list(store.runs(Chosen(signature=prefix, bare=True))) == bare


def test_it_can_be_read_while_a_sweep_writes_to_it(tmp_path: Path) -> None:
    with Store.create(tmp_path, DECLARED) as writer:
        writer.add(run_of(1))
        with Store.read(tmp_path) as reader:
            runs = reader.runs()
            assert next(runs) == run_of(1)
            writer.add(run_of(2))
            assert list(runs) == []
            assert [run.seed for run in reader.runs()] == [1, 2]


def test_it_can_be_read_where_nothing_may_be_written(tmp_path: Path) -> None:
    path = filled(tmp_path / "made" if (tmp_path / "made").mkdir() is None else tmp_path)
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with Store.read(path) as store:
            assert len(list(store.runs())) == 40
    finally:
        path.parent.chmod(0o755)


# ---------------------------------------------------------------- whose it is


def test_a_second_sweep_on_the_same_results_is_refused_and_the_first_one_named(tmp_path: Path) -> None:
    with Store.create(tmp_path, DECLARED) as store:
        store.add(RUN)
        for open_it in (lambda: Store.create(tmp_path, DECLARED), lambda: Store.resume(tmp_path)):
            with pytest.raises(UsageError, match=rf"another sweep \(process {os.getpid()}\) is writing to"):
                open_it()
    with Store.resume(tmp_path) as store:
        assert store.finished() == {RUN.key}


def test_results_are_not_begun_anew_over_others(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(UsageError, match=r"holds a sweep already; go on with it \(--resume\) or give another --out"):
        Store.create(tmp_path, DECLARED)


def test_there_must_be_something_to_resume_or_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sweep to resume"):
        Store.resume(tmp_path)
    with pytest.raises(UsageError, match="there is no file"):
        Store.read(tmp_path / "results.sqlite")


def test_a_sweep_that_was_killed_before_it_was_written_down_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA application_id = {0x54464831}")
    database.close()
    with pytest.raises(UsageError, match="leave out --resume"):
        Store.resume(tmp_path)
    with Store.create(tmp_path, DECLARED) as store:
        store.add(RUN)
    path.unlink()
    path.touch()
    filled(tmp_path)


def test_what_could_not_begin_leaves_no_results(tmp_path: Path) -> None:
    Store.create(tmp_path, DECLARED).discard()
    assert not (tmp_path / FILE_NAME).exists()
    filled(tmp_path)


# ---------------------------------------------------------------- what is wrong with it


def _cut_short(path: Path) -> None:
    os.truncate(path, 9_000)


def _text(path: Path) -> None:
    path.write_text("verdict,seed\npass,1\n" * 100)


def _written_over(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def _no_declaration(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM sweep")


def _odd_declaration(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE sweep SET declared = '{}'")


@pytest.mark.parametrize("damage", [_cut_short, _text, _written_over, _no_declaration, _odd_declaration])
def test_a_damaged_file_is_one_message_with_what_to_do(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = filled(tmp_path)
    damage(path)
    for open_it in (lambda: Store.read(path), lambda: Store.resume(tmp_path)):
        with (
            pytest.raises(UsageError, match=r"is damaged or no results file .*; move it away and sweep again"),
            open_it() as store,
        ):
            store.declared()
            list(store.runs())


def test_a_file_of_another_program_or_format_is_told_apart(tmp_path: Path) -> None:
    path = filled(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(
        UsageError, match=rf"is in format {FORMAT + 1}, this version of the harness reads format {FORMAT}"
    ):
        Store.read(path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA application_id = 0")
    with pytest.raises(UsageError, match="an SQLite file of something else"):
        Store.resume(tmp_path)


def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path: Path) -> None:
    made = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(made, check=False, capture_output=True).returncode:
        pytest.skip("no right to mount a file system here")
    try:
        with Store.create(tmp_path, DECLARED) as store:
            with pytest.raises(HarnessError, match="finished runs are kept: free some space and go on with --resume"):
                for seed in range(10_000):
                    store.add(replace(run_of(seed), replay="x" * 500))
            kept = {run.seed for run in store.runs()}
            assert kept == set(range(len(kept))) and len(kept) > 5
        with Store.read(tmp_path) as store:
            assert {run.seed for run in store.runs()} == kept
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from tests.results.test_store import DECLARED, run_of
from harness.results.store import Store
with Store.create(Path(sys.argv[1]), DECLARED) as store:
    for seed in range(1_000_000):
        store.add(run_of(seed))
        print(seed, flush=True)
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_instant_leaves_every_run_that_it_had_kept_whole(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    for number, after_s in enumerate((0.0, 0.05, 0.2)):
        directory = tmp_path / str(number)
        directory.mkdir()
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], env=environ, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None and writer.stdout.readline() == "0\n"
        time.sleep(after_s)
        writer.send_signal(signal.SIGKILL)
        said = [0, *(int(line) for line in writer.stdout.read().splitlines())]
        writer.wait()
        for store in (Store.read(directory), Store.resume(directory)):
            with store:
                kept = list(store.runs())
                # The last one may be kept and not said; none is said and not kept.
                assert [run.seed for run in kept] in (said, [*said, len(said)])
                assert kept == [run_of(run.seed) for run in kept]


def test_what_any_run_could_judge_is_judged_also_in_a_file_from_before_it_was_kept(tmp_path: Path) -> None:
    rows = (JudgedRow(1, "no_lost_approval", False, "no inspect"), JudgedRow(2, "agreement", True))
    with Store.create(tmp_path, DECLARED) as store:
        assert store.judged() == ()
        store.judge(rows)
        store.judge([JudgedRow(1, "no_lost_approval", True), JudgedRow(2, "agreement", False, "later")])
        assert store.judged() == (JudgedRow(1, "no_lost_approval", True, "no inspect"), rows[1])
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("DROP TABLE judged")
    with Store.read(tmp_path) as store:
        assert store.judged() == ()
    with Store.resume(tmp_path) as store:
        store.judge(rows)
        assert store.judged() == rows

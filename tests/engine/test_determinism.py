"""The same scenario, seed and software write the same bytes, in whatever process; a resolved scenario writes them again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import pytest

from harness.engine.launch import launch
from harness.engine.request import Finished, RunRequest
from harness.engine.verdict import Verdict
from harness.history.codec import read_history
from harness.history.events import Diverged
from harness.sut.limits import Limits, run_limited
from tests.engine.small_runs import SCENARIOS

ALL_FAULTS = SCENARIOS / "combined" / "random_faults.yaml"
LIMITS = Limits(wall_s=120.0, memory_bytes=4 << 30)


@dataclass(frozen=True)
class Written:
    """What a run leaves in its directory."""

    history: bytes
    verdict: bytes


@cache
def written_by(hash_seed: int, request: RunRequest) -> Written:
    """Run ``request`` in a process of its own whose string hashes are seeded with ``hash_seed``."""
    return _written_in({"PYTHONHASHSEED": str(hash_seed)}, request)


def _written_in(environ: dict[str, str], request: RunRequest, on_start: Callable[[int], None] | None = None) -> Written:
    with tempfile.TemporaryDirectory(prefix="determinism-") as directory:
        return _written_into(Path(directory), environ, request, on_start)


def _written_into(
    out: Path, environ: dict[str, str], request: RunRequest, on_start: Callable[[int], None] | None
) -> Written:
    ended = run_limited(
        "harness.engine.child:execute",
        msgspec.to_builtins(msgspec.structs.replace(request, out_dir=str(out))),
        limits=LIMITS,
        environ=environ,
        on_start=on_start,
    )
    assert ended.reason == "finished", ended.detail
    verdict = msgspec.convert(ended.result, Finished).verdict
    assert verdict.events > 500, "a run in which next to nothing happens shows nothing"
    return Written((out / "history.jsonl").read_bytes(), (out / "verdict.json").read_bytes())


def all_faults(terminal: str, seed: int = 1) -> RunRequest:
    return RunRequest(scenario=str(ALL_FAULTS), terminal=terminal, seed=seed, days=1, terminals=5)


@pytest.mark.slow
@pytest.mark.parametrize("terminal", ["reference", "tinydb", "filequeue"])
def test_two_processes_with_other_hash_seeds_write_the_same_history(terminal: str) -> None:
    first = written_by(1, all_faults(terminal))
    second = written_by(2, all_faults(terminal))
    assert first.history == second.history
    assert first.verdict == second.verdict


@pytest.mark.slow
def test_forked_children_write_what_one_that_was_started_afresh_does() -> None:
    """One after the other off the same warm process, which keeps nothing of the first."""
    parents: list[int] = []

    def note_parent(child: int) -> None:
        parents.append(int(Path(f"/proc/{child}/stat").read_text().split()[3]))

    fresh = written_by(1, all_faults("reference"))
    for _ in range(2):
        assert _written_in({}, all_faults("reference"), note_parent) == fresh
    assert parents[0] == parents[1] != os.getpid()


@pytest.mark.slow
def test_the_hash_seed_is_really_another() -> None:
    """Without this the test above would pass with the pinned seed."""
    one, other = (
        run_limited(
            "tests.engine.hashing:execute",
            None,
            limits=LIMITS,
            environ={"PYTHONHASHSEED": str(seed)},
            search_path=[str(SCENARIOS.parent)],
        )
        for seed in (1, 2)
    )
    assert one.reason == other.reason == "finished"
    assert one.result != other.result


@pytest.mark.slow
def test_another_seed_writes_another_history() -> None:
    first = written_by(1, all_faults("reference", seed=1))
    second = written_by(1, all_faults("reference", seed=2))
    # Not just the line that names the seed.
    assert first.history.split(b"\n", 1)[1] != second.history.split(b"\n", 1)[1]


# ---------------------------------------------------------------- resolved scenarios


@dataclass(frozen=True)
class Resolved:
    file: Path
    history: bytes
    verdict: Verdict


@pytest.fixture(scope="module")
def resolve(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Resolved]:
    """A run of a terminal and what it resolves to, once for all tests that replay it."""

    @cache
    def resolved(terminal: str) -> Resolved:
        directory = tmp_path_factory.mktemp(terminal)
        file, drawn = directory / "resolved.yaml", directory / "drawn"
        request = msgspec.structs.replace(all_faults(terminal, seed=3), out_dir=str(drawn), resolved_out=str(file))
        verdict = launch(request)
        return Resolved(file, (drawn / "history.jsonl").read_bytes(), verdict)

    return resolved


@pytest.mark.slow
@pytest.mark.parametrize("terminal", ["reference", "tinydb"])
def test_a_resolved_scenario_writes_the_same_history_and_resolves_to_itself(
    terminal: str, tmp_path: Path, resolve: Callable[[str], Resolved]
) -> None:
    drawn = resolve(terminal)
    again = tmp_path / "again.yaml"
    replayed = launch(
        RunRequest(
            scenario=str(drawn.file), terminal=terminal, out_dir=str(tmp_path / "replayed"), resolved_out=str(again)
        )
    )
    assert (tmp_path / "replayed" / "history.jsonl").read_bytes() == drawn.history
    assert replayed.diverged == 0
    assert replayed.findings == drawn.verdict.findings
    assert again.read_bytes() == drawn.file.read_bytes()


@pytest.mark.slow
def test_a_pin_that_was_edited_away_is_reported_as_a_divergence(
    tmp_path: Path, resolve: Callable[[str], Resolved]
) -> None:
    drawn = resolve("reference")
    lines = drawn.file.read_text(encoding="utf-8").splitlines(keepends=True)
    pins = lines.index("decisions: |\n") + 1
    gone = next(line for line in lines[pins:] if "T02/a" in line)
    lines.remove(gone)
    edited = tmp_path / "edited.yaml"
    edited.write_text("".join(lines), encoding="utf-8")
    replayed = launch(RunRequest(scenario=str(edited), terminal="reference", out_dir=str(tmp_path / "edited")))
    told = [
        event.key for _, event in read_history(tmp_path / "edited" / "history.jsonl") if isinstance(event, Diverged)
    ]
    assert gone.split("\t")[0].strip() in told
    assert replayed.diverged == len(told) >= 1

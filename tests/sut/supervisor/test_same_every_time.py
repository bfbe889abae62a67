"""A program's run is the same every time: op log, messages, output and the time of its end, whatever else the machine does."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.sut.supervisor.network_rig import PROGRAMS, Supervised
from tests.sut.supervisor.program_bench import compiled, compiled_file, need

KINDS = ("C", "static C", "six threads", "CPython", "Rust", "node")
_rust: dict[str, str] = {}


def _in_rust(place: str) -> str:
    if "day" not in _rust:
        _rust["day"] = os.path.join(place, "day-rs")
        made = subprocess.run(
            [need("rustc"), "-O", str(PROGRAMS / "day.rs"), "-o", _rust["day"]], capture_output=True, check=False
        )
        assert made.returncode == 0, made.stderr
    return _rust["day"]


def _words(kind: str, rounds: int, place: str) -> list[str]:
    source = (PROGRAMS / "day.c").read_text()
    if kind == "CPython":
        return [os.path.realpath(sys.executable), str(PROGRAMS / "day.py"), str(rounds)]
    if kind == "node":
        return [os.path.realpath(need("node")), str(PROGRAMS / "day.js"), str(rounds)]
    if kind == "Rust":
        return [_in_rust(place), str(rounds)]
    if kind == "six threads":
        return [compiled_file("crew.c"), str(rounds)]
    return [compiled(source, *(["-static"] if kind == "static C" else [])), str(rounds)]


def trace(done: Supervised) -> str:
    """All that a run left, as one digest."""
    (volume,) = done.disk.volumes
    told = (repr(list(volume.log)), done.recorder.close(), done.text, done.said, done.refused, done.ended, done.env.now)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _checked(kind: str, rounds: int, place: str) -> str:
    path, *arguments = _words(kind, rounds, place)
    done = Supervised(path, arguments).start().finish(within_s=200.0 * rounds)
    assert done.text.endswith("done\n") and done.ended.endswith("exit status 0"), (done.text, done.said, done.ended)
    return trace(done)


@contextmanager
def _load(hogs: int) -> Iterator[None]:
    """Every processor is busy with something else."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(hogs)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


@pytest.mark.parametrize("kind", KINDS)
def test_two_runs_of_a_program_are_the_same(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = str(tmp_path_factory.mktemp("rust"))
    assert len({_checked(kind, 5, place) for _ in range(2)}) == 1


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_runs_are_the_same_half_of_them_with_busy_processors(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = str(tmp_path_factory.mktemp("rust"))
    traces = {_checked(kind, 30, place) for _ in range(10)}
    with _load(os.cpu_count() or 1):
        traces |= {_checked(kind, 30, place) for _ in range(10)}
    assert len(traces) == 1


def test_another_seed_is_another_run() -> None:
    program = compiled_file("day.c")
    assert trace(Supervised(program, ["3"], seed=1).start().finish()) != trace(
        Supervised(program, ["3"], seed=2).start().finish()
    )

"""Timers, signals, clocks that are set, and the order of threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.device.rtc import ClockJump
from harness.sut.supervisor.lives import Lives
from harness.sut.supervisor.procfs import thread_state
from tests.sut.supervisor.network_rig import START_US, Native, Supervised, built, run
from tests.sut.supervisor.program_bench import in_c

__all__ = ["built"]
SCENES = ("sleeps", "posix_timers", "thread_timer", "descriptors", "waits", "threads", "robust")


@pytest.fixture(scope="module")
def native(built: Callable[..., Path]) -> dict[str, Native]:
    return {scene: Native(built("turns"), scene) for scene in SCENES}


@pytest.mark.parametrize("scene", SCENES)
def test_as_on_linux(scene: str, built: Callable[..., Path], native: dict[str, Native]) -> None:
    supervised = run(built("turns"), scene)
    native[scene].agrees_with(supervised.text)
    assert supervised.refused == []


@pytest.mark.parametrize(
    ("jump_s", "time_of_day_s"), [(1800, 1800), (86_400, 600), (-1800, 5400)], ids=["ahead", "a day ahead", "back"]
)
def test_a_clock_that_is_set_moves_what_waits_for_a_time_of_day(
    jump_s: int, time_of_day_s: int, built: Callable[..., Path]
) -> None:
    """After ten minutes of waiting for an hour. As timer_settime(2) and clock_nanosleep(2) have it."""
    waiting = Supervised(str(built("clocked"))).start()

    def jump(_event: object) -> None:
        waiting.jump_us = jump_s * 1_000_000
        waiting.process.on_clock_set()

    waiting.env.timeout(600_000_000).callbacks.append(jump)
    lines = waiting.finish(10_000).text.splitlines()
    assert sorted(lines) == sorted(
        [
            "   600 s: timer that minds: -1 ECANCELED",
            "  3600 s: sleep, monotonic",
            "  3600 s: sleep, a length",
            f"{time_of_day_s:6} s: condition, time of day: ETIMEDOUT",
            f"{time_of_day_s:6} s: sleep, time of day",
            f"{time_of_day_s:6} s: timer: 8 ",
            f"{time_of_day_s:6} s: signal",
        ]
    )


def _trace(path: Path) -> tuple[str, str, bytes, int, int]:
    """Everything that could tell two runs apart: what it said, its journal with every time and turn, how many calls it made."""
    six = run(path, "192.0.2.10", "5500")
    files = hashlib.sha256(repr([volume.log for volume in six.disk.volumes]).encode()).hexdigest()
    calls = six.run_.scheduler.notified
    descriptor = six.disk.open("/journal", os.O_RDONLY)
    return six.text, files, six.disk.read(descriptor, 1 << 20), calls, int(six.env.now)


def _same_every_time(path: Path, times: int) -> None:
    first = _trace(path)
    assert first[0].startswith("took 90, late ") and first[2].count(b"heard") == 30
    for _ in range(times - 1):
        assert _trace(path) == first


def test_six_threads_take_the_same_turns_every_time(built: Callable[..., Path]) -> None:
    with busy_processor():
        _same_every_time(built("six"), 3)


@pytest.mark.soak
def test_six_threads_take_the_same_turns_twenty_times(built: Callable[..., Path]) -> None:
    _same_every_time(built("six"), 20)
    with busy_processor():
        _same_every_time(built("six"), 20)


@pytest.mark.parametrize("slow", ["elder", "younger"])
def test_of_calls_that_come_together_the_elder_thread_s_is_answered_first(slow: str) -> None:
    """Whoever computes longer before it calls: a new thread and its maker are in user space at the same time."""
    output, ended, _ = in_c(
        """
        pthread_t thread;
        slow = words[1][0];
        for (int at = 0; at < 5; at++) {
            pthread_create(&thread, NULL, younger, NULL);
            if (slow == 'e') compute();
            write(1, "elder\\n", 6);
            pthread_join(thread, NULL);
        }
        """,
        slow,
        includes="""
        #include <pthread.h>
        static char slow;
        static void compute(void) { for (volatile long at = 0; at < 20000000; at++); }
        static void *younger(void *unused) { if (slow == 'y') compute(); write(1, "younger\\n", 8); return NULL; }
        """,
    )
    assert ended == ""
    assert output.split() == ["elder", "younger"] * 5


@contextmanager
def busy_processor() -> Iterator[None]:
    """Somebody else computes meanwhile."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        other.kill()
        other.wait()


def test_a_call_that_comes_while_the_supervisor_looks_whether_anybody_waits_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a busy machine the supervisor may lose its turn there, after its last look for calls."""
    look, looks = Lives.look_for_the_dead, 0

    def until_it_sleeps(lives: Lives) -> None:
        nonlocal looks
        looks += 1
        for task in lives.tasks.values():
            while task.state == "running" and thread_state(task.program.pid, task.tid) == "R":
                time.sleep(0.001)
        look(lives)

    monkeypatch.setattr(Lives, "look_for_the_dead", until_it_sleeps)
    output, ended, _ = in_c(
        """
        for (int turn = 0; turn < 3; turn++) {
            for (volatile long at = 0; at < 500000000; at++);
            write(1, "said\\n", 5);
        }
        """
    )
    assert looks >= 3 and (output, ended) == ("said\n" * 3, "")


@pytest.mark.parametrize("way", ["not", "library", "call"])
def test_a_clock_that_has_jumped_bites_when_the_program_looks(way: str, built: Callable[..., Path]) -> None:
    looking = Supervised(str(built("look")), (way,))
    jump = ClockJump(jump_us=86_400_000_000)
    looking.rtc.conditions.append(jump)
    looking.start().finish()
    assert looking.text == "....." + ("0\n" if way == "not" else f"{START_US // 1_000_000 + 86_400}\n")
    # By the library it is known of only at the next call.
    assert (jump.bites > 0) == (way != "not")

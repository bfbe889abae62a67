"""A forked child is what a child that was started afresh is, and nothing of one job reaches the next."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from harness.sut import nursery
from harness.sut.limits import Ended, Limits, run_limited

JOBS = '''
import ctypes, gc, os, resource, signal, sys, tempfile, threading, time

seen = []

def process(argument, send):
    """Whatever a process has from its parent and from the kernel."""
    depth, frame = 0, sys._getframe()
    while frame: depth, frame = depth + 1, frame.f_back
    death = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(death), 0, 0, 0)
    parent = os.getppid()
    return {
        "environ": list(os.environ.items()), "hash": hash("terminal"), "flags": str(sys.flags),
        "argv": sys.argv, "path": sys.path,
        "cwd": os.getcwd(), "temporary": tempfile.gettempdir(), "depth": depth, "death": death.value,
        "open": sorted(os.readlink(f"/proc/self/fd/{each}").partition(":")[0].partition(" ")[0]
                       for each in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{each}")),
        "leads": [os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()], "threads": threading.active_count(),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "handlers": [str(signal.getsignal(each)).partition(" at ")[0] for each in sorted(signal.valid_signals())],
        "limits": [resource.getrlimit(each) for each in range(16)], "threshold": gc.get_threshold(), "main": __name__,
    }

def parent(argument, send): return os.getppid()
def remember(argument, send):
    seen.append(argument); os.environ["LEFT"] = "behind"; sys.modules["left"] = sys
    return [seen, "left" in sys.modules]
def sleep(argument, send): send("up"); time.sleep(60)
def held(argument, send):
    heard = []
    signal.signal(signal.SIGTERM, lambda *_: heard.append("SIGTERM"))
    time.sleep(0.3)
    before = list(heard)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return [before, heard]
'''


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(JOBS)
    return tmp_path


def run(jobs: Path, name: str, argument: Any = None, **keywords: Any) -> Any:
    ended = run_limited(f"jobs:{name}", argument, search_path=[str(jobs)], **keywords)
    assert ended.reason == "finished", ended
    return ended.result


def gone(pid: int) -> bool:
    """Ended within ten seconds; whether whoever inherited it has looked yet does not matter."""
    deadline = time.monotonic() + 10
    while (alive := _is_alive(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive


def _is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


def test_a_forked_child_has_all_that_a_fresh_one_has(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(jobs, "parent")
    monkeypatch.chdir(jobs)
    keywords: dict[str, Any] = {
        "environ": {"TMPDIR": str(jobs)},
        "limits": Limits(cpu_s=77, memory_bytes=1 << 30, open_files=99),
        "held_signals": (signal.SIGTERM, signal.SIGINT),
    }
    forked = run(jobs, "process", **keywords)
    fresh = run(jobs, "process", **keywords, fresh=True)
    assert forked == fresh
    assert (fresh["cwd"], fresh["temporary"], fresh["death"]) == (str(jobs), str(jobs), signal.SIGKILL)
    assert fresh["blocked"] == [signal.SIGINT, signal.SIGTERM]


def test_children_are_forked_off_one_process_and_none_finds_what_another_left(jobs: Path) -> None:
    assert run(jobs, "parent") == run(jobs, "parent") != os.getpid()
    assert run(jobs, "remember", 1) == [[1], True]
    assert run(jobs, "remember", 2) == [[2], True]
    assert "LEFT" not in dict(run(jobs, "process")["environ"])


@pytest.mark.parametrize(
    "keywords",
    [
        {"environ": {"NAMED": "yes"}},
        {"environ": {"PYTHONHASHSEED": "7"}},
        {"pin_hash_seed": False},
        {"fresh": True},
        {"limits": Limits(memory_bytes=100 << 20)},
    ],
    ids=str,
)
def test_a_job_that_wants_another_interpreter_gets_one_of_its_own(jobs: Path, keywords: dict[str, Any]) -> None:
    assert run(jobs, "parent", **keywords) == os.getpid()


def test_signals_that_are_held_back_wait_in_a_forked_child_too(jobs: Path) -> None:
    started: list[int] = []

    def stop(child: int) -> None:
        started.append(child)
        os.kill(child, signal.SIGTERM)

    assert run(jobs, "held", held_signals=[signal.SIGTERM], on_start=stop) == [[], ["SIGTERM"]]
    assert gone(started[0])


def test_the_thread_that_asked_first_may_end(jobs: Path) -> None:
    """The kernel's signal at the death of a parent means the thread that forked."""
    nursery._close_all(os.getpid())
    parents: list[int] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: parents.append(run(jobs, "parent")))
        thread.start()
        thread.join()
        time.sleep(0.2)
    assert parents[0] == parents[1]


def test_a_warm_process_that_dies_takes_its_children_along_and_is_replaced(jobs: Path) -> None:
    before = run(jobs, "parent")
    ended: list[Ended] = []
    children: list[int] = []

    def asleep() -> None:
        path = [str(jobs)]
        ended.append(
            run_limited(
                "jobs:sleep", None, search_path=path, on_start=children.append, on_message=lambda _: os.kill(before, 9)
            )
        )

    thread = threading.Thread(target=asleep)
    thread.start()
    thread.join(20)
    assert [(each.reason, each.exit_code, each.detail) for each in ended] == [("crashed", -9, "signal SIGKILL")]
    assert gone(children[0])
    after = run(jobs, "parent")
    assert after not in (before, os.getpid())


def test_without_a_warm_process_children_are_started_afresh(jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nursery._close_all(os.getpid())
    monkeypatch.setattr(sys, "executable", "/bin/false")
    dead = nursery.fork("jobs:parent", {}, b"", ())
    monkeypatch.undo()
    assert dead is None
    assert run(jobs, "parent", fresh=True) == os.getpid()
    assert run(jobs, "parent") != os.getpid()


def test_nothing_outlives_a_parent_that_is_killed_and_nothing_one_that_ends(jobs: Path) -> None:
    script = (
        "import os, sys, time; from harness.sut.limits import run_limited\n"
        "def up(child):\n"
        "    twin = os.fork()\n"  # which has the parent's descriptors: they stay open when it has gone
        "    if not twin: os.close(1); time.sleep(20); os._exit(0)\n"
        "    print(twin, child, open(f'/proc/{child}/stat').read().split()[3], flush=True)\n"
        f"run_limited('jobs:' + sys.argv[1], None, search_path=[{str(jobs)!r}], on_start=up)"
    )
    for job, killed in (("sleep", True), ("parent", False)):
        parent = subprocess.Popen([sys.executable, "-c", script, job], stdout=subprocess.PIPE, text=True)
        assert parent.stdout is not None
        twin, child, warm = map(int, parent.stdout.readline().split())
        assert warm != parent.pid
        if killed:
            parent.kill()
        parent.wait()
        try:
            assert gone(child) and gone(warm)
        finally:
            os.kill(twin, signal.SIGKILL)

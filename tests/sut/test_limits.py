"""A job in a child process: results and messages come through, and nothing can hang, swell or spin unnamed."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.sut.limits import Ended, Limits, run_limited
from harness.sut.supervisor.procfs import is_gone

JOBS = '''
import os, sys, time, json
sys.path.insert(0, os.path.dirname(__file__))

def echo(argument, send):
    for each in argument["messages"]: send(each)
    env = os.environ
    return {"got": argument, "seed": env.get("PYTHONHASHSEED"), "home": env.get("HOME"), "named": env.get("NAMED")}

def fail(argument, send): raise ValueError("on purpose")
def refused(argument, send): raise OSError(12, "Cannot allocate memory", "/somewhere")
def hang(argument, send): time.sleep(60)
def swell(argument, send):
    kept = []
    while True: kept.append(bytearray(1 << 20))
def chatter(argument, send):
    while True: send("x" * 10000)
def die(argument, send): os.abort()
def leave(argument, send): os._exit(3)
def burn(argument, send):
    while True: pass
def hashes(argument, send): return [hash("a"), hash("b")]

def terminal(argument, send):
    """A world of three terminals of which one misbehaves as ``argument`` says."""
    sys.path.insert(0, argument["root"])
    from pathlib import Path
    from tests.sut.rig import Rig
    rig = Rig(Path(argument["place"]), argument["source"], terminals=3, memory_budget_bytes=1 << 40)
    for station in rig.world.stations: station.power_on()
    rig.run(5)
    rig.act(station=rig.world.stations[1], seconds=30)
    return {"deaths": [[each.device, each.reason, each.detail] for each in rig.events if type(each).__name__ == "SoftwareDied"],
            "digest": rig.digest()}
'''


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    (tmp_path / "jobs.py").write_text(JOBS)
    return tmp_path


def run(jobs: Path, name: str, argument: Any = None, **keywords: Any) -> Ended:
    return run_limited(f"jobs:{name}", argument, search_path=[str(jobs)], **keywords)


def test_results_and_messages_come_back(jobs: Path) -> None:
    messages: list[Any] = []
    argument = {"messages": [1, {"two": "二"}, None]}
    ended = run(jobs, "echo", argument, on_message=messages.append, environ={"NAMED": "yes"})
    assert ended == Ended("finished", {"got": argument, "seed": "0", "home": None, "named": "yes"})
    assert messages == argument["messages"]


def test_an_error_comes_back_as_text(jobs: Path) -> None:
    ended = run(jobs, "fail")
    assert ended.reason == "raised" and "ValueError: on purpose" in ended.detail


def test_memory_refused_to_a_file_that_is_read_is_memory_too(jobs: Path) -> None:
    """As the kernel says it while a module is imported, or a directory listed."""
    assert run(jobs, "refused").reason == "out_of_memory"


def test_a_function_that_is_not_there_is_an_error(jobs: Path) -> None:
    assert "nonesuch" in run(jobs, "nonesuch").detail


def test_the_hash_seed_is_pinned_unless_told_otherwise(jobs: Path) -> None:
    pinned = [run(jobs, "hashes").result for _ in range(2)]
    assert pinned[0] == pinned[1]
    assert run(jobs, "hashes", pin_hash_seed=False).result != pinned[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limits", "reason"),
    [
        ("hang", Limits(wall_s=1.0), "wall"),
        ("swell", Limits(memory_bytes=1 << 28), "out_of_memory"),
        ("chatter", Limits(output_bytes=1 << 20), "output"),
        ("burn", Limits(cpu_s=1), "cpu"),
    ],
)
def test_limits_stop_a_job(jobs: Path, name: str, limits: Limits, reason: str) -> None:
    started = time.monotonic()
    assert run(jobs, name, limits=limits).reason == reason
    assert time.monotonic() - started < 15


def test_a_child_that_dies_is_told_with_its_signal_or_code(jobs: Path) -> None:
    assert "SIGABRT" in run(jobs, "die").detail
    assert "exit code 3" in run(jobs, "leave").detail


MISBEHAVING = {
    "spin in Python": ("while True: pass", ["T02", "spinning"]),
    "spin that swallows": (
        "while True:\n            try:\n                while True: pass\n            except: pass",
        ["T02", "spinning"],
    ),
    "spin where Python itself swallows": (
        "class Last:\n            def __del__(self):\n                while True: pass\n        while True: Last()",
        "spinning",
    ),
    "spin in a huge power": ("10 ** 10 ** 9", ["T02", "spinning"]),
    "spin in a regular expression": ("import re; re.match('(a+)+$', 'a' * 64 + 'b')", ["T02", "spinning"]),
    "spin in C that looks at no signal": ("import itertools; sum(itertools.repeat(1))", "spinning"),
    "allocation without end": ("kept = []\n        while True: kept.append(bytes(1 << 20))", ["T02", "out_of_memory"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", MISBEHAVING)
def test_software_that_never_comes_back_is_named(jobs: Path, case: str) -> None:
    body, expected = MISBEHAVING[case]
    source = f"class App(Terminal):\n    manifest = Manifest(name='app')\n    def sale(self, action):\n        {body}\n"
    place = jobs / "place"
    place.mkdir()
    limits = Limits(wall_s=60, spin_s=6.0, spin_patience_s=1, memory_bytes=1 << 29)
    root = str(Path(__file__).resolve().parents[2])
    started = time.monotonic()
    ended = run(jobs, "terminal", {"root": root, "place": str(place), "source": source}, limits=limits)
    assert time.monotonic() - started < 30
    if isinstance(expected, str):
        assert (ended.reason, ended.station) == (expected, 1), ended
    else:
        assert ended.reason == "finished", ended
        assert ended.result["deaths"][0][:2] == expected


@pytest.mark.slow
def test_the_same_seed_gives_the_same_history_whatever_the_hash_seed_forked_or_started_afresh(jobs: Path) -> None:
    source = """
import json, os, random, socket, threading, time, uuid, logging
class App(Terminal):
    manifest = Manifest(name="app")
    def boot(self):
        print(time.time(), random.random(), uuid.uuid4(), os.urandom(4).hex(), sorted({"a", "b", "c"}), object())
    def sale(self, action):
        done = threading.Event()
        threading.Timer(random.random() * 5, done.set).start(); done.wait()
        with socket.create_connection(self.device.host_address) as link:
            link.sendall(b"\\x00\\x05hello"); print(link.recv(100), time.time())
        with open("/data/log", "a") as log: json.dump({"at": time.time(), "id": str(uuid.uuid1())}, log)
        print(open("/data/log").read())
        return Approved("000001")
"""
    root = str(Path(__file__).resolve().parents[2])
    digests = []
    unpinned = [{"pin_hash_seed": False, "environ": {"PYTHONHASHSEED": seed}} for seed in ("1", "2")]
    for keywords in (*unpinned, {}, {}):
        place = jobs / "place"
        place.mkdir(exist_ok=True)
        argument = {"root": root, "place": str(place), "source": source}
        ended = run(jobs, "terminal", argument, **keywords)
        assert ended.reason == "finished", ended
        digests.append(ended.result)
    assert all(each == digests[0] for each in digests)
    assert digests[0]["deaths"] == []


def test_a_child_does_not_outlive_a_parent_that_is_killed(jobs: Path) -> None:
    script = (
        "import sys; from harness.sut.limits import run_limited\n"
        f"run_limited('jobs:burn', None, search_path=[{str(jobs)!r}], on_start=lambda pid: print(pid, flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    # A dead child may be left for this process to bury, which takes in orphans once a program of its own has run in it.
    while not is_gone(child, child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_gone(child, child)

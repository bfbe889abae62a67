"""``harness doctor`` and programs on machines that allow less: a filter around all of it stands in for such a machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness.core.errors import ExitCode
from harness.sut.supervisor import probe
from tests.sut.supervisor.program_bench import compiled

# Numbers by system call: 317 seccomp, 101 ptrace, 435 clone3, 438 pidfd_getfd, 272 unshare, 165 mount, 135 personality.
_AROUND = """
import ctypes, os, struct, sys
refused = [tuple(int(part) for part in each.split(":")) for each in sys.argv[1].split(",") if each]
code = [(0x20, 0, 0, 0)]
for number, error in refused:
    code += [(0x15, 0, 1, number), (6, 0, 0, 0x00050000 | error)]
if sys.argv[2] == "fixed":
    code += [(0x15, 0, 3, 135), (0x20, 0, 0, 16), (0x15, 0, 1, 0x40000), (6, 0, 0, 0x00050001)]
code += [(6, 0, 0, 0x7FFF0000)]
data = b"".join(struct.pack("HBBI", *each) for each in code)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc, room = ctypes.CDLL(None), ctypes.create_string_buffer(data, len(data))
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.syscall(317, 1, 0, ctypes.byref(Program(len(code), ctypes.addressof(room)))) == 0
os.execv(sys.argv[3], sys.argv[3:])
"""
DOCKER = "438:1,272:1,165:1,308:1,425:1,298:1,321:1,303:1,435:38"
"""What Docker's default profile refuses, and clone3 as it does."""
_RUN = """
import sys
from tests.sut.supervisor.program_bench import supervised
print(supervised(*sys.argv[1:]))
"""
_DAY = """
#include "common.h"
static void *work(void *unused) { sleep(20); return NULL; }
int main(void) {
    for (int hour = 0; hour < 12; hour++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, NULL);
        pthread_join(thread, NULL);
        int file = open("/store/log", O_WRONLY | O_CREAT | O_APPEND, 0600);
        dprintf(file, "%d %ld\\n", hour, time(NULL));
        fsync(file);
        close(file);
    }
    if (fork() == 0) execlp("cat", "cat", "/store/log", NULL);
    wait(NULL);
}
"""
_PYTHON = "import time, random\nfor _ in range(3): time.sleep(60); print(time.time(), random.random())"


def under(refused: str, *words: str, fixed: bool = True) -> subprocess.CompletedProcess[str]:
    """A command on a machine that refuses those calls."""
    around = [sys.executable, "-c", _AROUND, refused, "free" if fixed else "fixed"]
    return subprocess.run([*around, *words], capture_output=True, text=True, timeout=60, check=False)


def harness(refused: str, *words: str) -> subprocess.CompletedProcess[str]:
    return under(refused, sys.executable, "-m", "harness.cli.main", *words)


def test_this_machine_can_run_programs() -> None:
    means = {each.name: each for each in probe.all_means()}
    assert all(each.there for each in means.values() if each.needed)
    assert probe.why_not() is None
    assert means["trial"].there


@pytest.mark.parametrize(
    ("refused", "name", "says", "helps"),
    [
        ("317:1", "seccomp user notification", "the kernel refuses seccomp user notification", "seccomp=unconfined"),
        ("317:38", "seccomp user notification", "Function not implemented", "Linux 5.14"),
        ("101:1", "ptrace", "a program cannot be stopped at its exec", "SYS_PTRACE"),
    ],
)
def test_where_something_is_missing_it_is_said(refused: str, name: str, says: str, helps: str) -> None:
    told = harness(refused, "doctor", "--json")
    assert told.returncode == ExitCode.HARNESS_ERROR
    report = json.loads(told.stdout)
    assert report["programs"] is False
    means = {each["name"]: each for each in report["means"]}
    assert not means[name]["there"]
    assert says in means[name]["text"]
    assert helps in means[name]["help"]


def test_a_run_ends_with_exit_code_3_and_the_reason() -> None:
    ended = harness("317:1", "run", "combined/first_look", "--days", "1", "--terminal", "exec:/bin/true")
    assert ended.returncode == ExitCode.HARNESS_ERROR
    assert "programs cannot be run here: the kernel refuses seccomp user notification" in ended.stderr
    assert "seccomp=unconfined" in ended.stderr
    assert "please report" not in ended.stderr


def test_programs_run_alike_under_a_container_s_profile() -> None:
    told = under(DOCKER, sys.executable, "-m", "harness.cli.main", "doctor", "--json", fixed=False)
    assert told.returncode == ExitCode.PASS
    means = {each["name"]: each["there"] for each in json.loads(told.stdout)["means"]}
    assert means["trial"] and not means["fixed addresses"]
    for words in ([compiled(_DAY)], ["/usr/bin/python3", "-S", "-c", _PYTHON]):
        plain = under("", sys.executable, "-c", _RUN, *words)
        inside = under(DOCKER, sys.executable, "-c", _RUN, *words, fixed=False)
        assert plain.stdout == inside.stdout
        assert len(plain.stdout) > 100, plain.stderr

"""The harness killed at any moment: no process of a program, no mount and no file is left behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.sut.supervisor.procfs import thread_state
from tests.sut.supervisor.program_bench import compiled

_PROGRAM = """
#include "common.h"
static void *spin(void *unused) { for (;;) { sched_yield(); usleep(1000); } }
int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, spin, NULL);
    for (int each = 0; each < 3; each++)
        if (fork() == 0) {
            signal(SIGTERM, SIG_IGN);
            setsid();
            if (each == 0) for (;;);
            for (;;) { if (fork() == 0) { for (int at = 0; at < 100; at++) getppid(); _exit(0); } wait(NULL); usleep(10); }
        }
    for (;;) { int file = open("/store/f", O_RDWR | O_CREAT, 0600); pwrite(file, "x", 1, 0); close(file); usleep(100); }
}
"""
_RUN = """
import os, sys
from harness.sut.supervisor import allowance, scheduler
scheduler.SPIN_PATIENCE_S = allowance.SPIN_CALLS = 1e9
from tests.sut.supervisor.program_bench import command
from harness.sut.supervisor.alone import output_of
print("begun", flush=True)
output_of(command(sys.argv[1]), {"/store/x": b""})
"""


def processes_of(program: str) -> list[int]:
    """Everything that runs an executable, or whose zombie is left."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                comm = Path(f"/proc/{name}/comm").read_text().strip()
            except OSError:
                continue
            if comm == os.path.basename(program)[:15] and thread_state(int(name), int(name)) not in "ZX":
                found.append(int(name))
    return found


def traces() -> tuple[list[str], str]:
    """What a killed run could leave besides temporary files: shared memory (other tests have directories there), and mounts."""
    shared = sorted(name for name in os.listdir("/dev/shm") if not name.startswith("tmp"))
    return shared, Path("/proc/self/mounts").read_text()


@pytest.mark.parametrize("runs", [4, pytest.param(100, marks=pytest.mark.soak)])
def test_nothing_is_left_after_runs_that_were_killed(runs: int, tmp_path: Path) -> None:
    program = compiled(_PROGRAM)
    moments = random.Random(runs)
    before, environ = traces(), {**os.environ, "TMPDIR": str(tmp_path)}
    for _ in range(runs):
        with subprocess.Popen([sys.executable, "-c", _RUN, program], stdout=subprocess.PIPE, env=environ) as harness:
            assert harness.stdout is not None
            harness.stdout.readline()
            time.sleep(moments.random() * 0.3)
            harness.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while processes_of(program) and time.monotonic() < until:
        time.sleep(0.02)
    assert processes_of(program) == []
    assert traces() == before
    # The programs that the run compiled itself are a directory of its own making.
    assert not [name for name in os.listdir(tmp_path) if not name.startswith("programs-")]

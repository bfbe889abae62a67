"""Programs run as anybody: another user, without a capability, with nothing more than what every process may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.sut.supervisor.program_bench import compiled

_RUN = """
import os, sys
sys.path[:0] = sys.argv[1].split(":")
from harness.sut.supervisor.alone import output_of
from harness.sut.supervisor.spawn import Command
program = sys.argv[2]
found = output_of(Command(program, (program,), {"PATH": "/usr/bin:/bin"}, (os.path.dirname(program),)), {"/store/x": b"x"})
print(os.getuid(), [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")], found)
"""
_PROGRAM = """
#include "common.h"
static void *work(void *unused) { sleep(20); return NULL; }
int main(void) {
    pthread_t thread;
    char data[8] = {0};
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    if (fork() == 0) execlp("cat", "cat", "/store/x", NULL);
    wait(NULL);
    int file = open("/store/y", O_RDWR | O_CREAT, 0600);
    pwrite(file, "mapped", 6, 0);
    memcpy(data, mmap(NULL, 6, PROT_READ, MAP_SHARED, file, 0), 6);
    printf("%s %ld\\n", data, time(NULL));
    fflush(stdout);
    kill(getpid(), SIGTERM);
}
"""


def test_a_program_runs_as_nobody_without_capabilities() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        program = shutil.copy(compiled(_PROGRAM), place)
        # The checkout may lie where others may not look: nobody gets a copy of what it needs.
        package = Path(place, "harness")
        shutil.copytree(Path(__file__).parents[3] / "harness", package, ignore=shutil.ignore_patterns("__pycache__"))
        import greenlet
        import msgspec

        paths = [place]
        for module in (greenlet, msgspec):
            source = Path(str(module.__file__)).parent
            shutil.copytree(source, Path(place, source.name), ignore=shutil.ignore_patterns("__pycache__", "tests"))
        simpy = Path(sys.modules["simpy"].__file__ or "").parent if "simpy" in sys.modules else None
        if simpy is not None:
            shutil.copytree(simpy, Path(place, "simpy"))
        words = [sys.executable, "-P", "-c", _RUN, ":".join(paths), program]
        if os.getuid() == 0:
            base = os.path.realpath(sys.executable)
            everything_off = [
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
            ]
            words = ["setpriv", *everything_off, "--no-new-privs", base, "-P", "-c", _RUN, ":".join(paths), program]
        run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert run.returncode == 0, run.stderr
    who, _, rest = run.stdout.partition(" ")
    assert int(who) != 0
    assert "['0000000000000000']" in rest
    assert "(b'xmapped 1700000020\\n', 'the program was ended by SIGTERM', '')" in rest

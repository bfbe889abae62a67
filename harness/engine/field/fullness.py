"""What an engine makes of a full volume: the same four programs on a volume of the harness and on a real tmpfs of that size.

Models: a volume of so many KiB filled with records until one is refused; then, each in a process of its own, the records are
read, all removed (what a settlement does), and one more stored. Both runs print the same lines or the disk is wrong.
Does not model: a volume that others fill too, a file system that keeps a reserve for root.
Source: domain.md section 6, measured by hand there; tmpfs(5).
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.engine.field.engines import Engine
from harness.engine.field.running import ENVIRON, arguments_of, command_of
from harness.storage.volume import Volume
from harness.sut.supervisor.alone import run_to_end

KIB = 192
INODES = 1024
STEPS = ("fill", "read", "clear", "again")
_PATIENCE_S = 20
HUNG = "never came back"
PLACE = "/data"


@dataclass(frozen=True, slots=True)
class Step:
    """What one program printed, field by field, how it ended, and how much of the volume was free then."""

    action: str
    lines: tuple[tuple[str, ...], ...]
    ended: str
    free_bytes: int

    def line(self, name: str) -> tuple[str, ...] | None:
        """The line that begins with a word, without it."""
        return next((line[1:] for line in self.lines if line[0] == name), None)


def in_the_harness(engine: Engine, kib: int = KIB) -> tuple[Step, ...]:
    """The four steps on a volume of the harness, under the supervisor."""
    volume = Volume("data", PLACE, kib << 10, inode_limit=INODES)
    system = Volume("system", "/", 1 << 20)

    def step(action: str) -> Step:
        output = bytearray()
        ended = run_to_end(command_of(engine, action, [PLACE]), [system, volume], output.extend)
        return Step(action, _lines(bytes(output)), _words(ended.words), volume.free_bytes)

    return _steps(step)


def on_a_tmpfs(engine: Engine, root: str) -> tuple[Step, ...]:
    """The same on a directory of this machine, which has a small file system of its own mounted on it."""

    def step(action: str) -> Step:
        arguments = arguments_of(engine, action, [root])
        try:
            done = subprocess.run(
                arguments, capture_output=True, env=dict(ENVIRON), cwd="/", timeout=_PATIENCE_S, check=False
            )
            output, ended = done.stdout, _ended(done.returncode)
        except subprocess.TimeoutExpired as late:
            output, ended = late.stdout or b"", HUNG
        found = os.statvfs(root)
        return Step(
            action, _lines(output.replace(os.fsencode(root), PLACE.encode())), ended, found.f_bavail * found.f_bsize
        )

    return _steps(step)


def _steps(step: Callable[[str], Step]) -> tuple[Step, ...]:
    return tuple(step(action) for action in STEPS)


def _lines(output: bytes) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split("\t")) for line in output.decode("utf-8", "replace").splitlines() if "\t" in line)


def _ended(status: int) -> str:
    if status < 0:
        return f"the program was ended by {signal.Signals(-status).name}"
    return f"exit status {status}" if status else ""


def _words(ended: str) -> str:
    return HUNG if "did not come to an end" in ended else ended


@contextmanager
def small_tmpfs(kib: int = KIB) -> Iterator[str]:
    """A mounted tmpfs of the size; OSError where this user may not mount."""
    root = tempfile.mkdtemp(prefix="harness-field-")
    options = f"size={kib}k,nr_inodes={INODES},mode=755"
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", root], capture_output=True, check=False)
        if done.returncode:
            raise OSError(f"cannot mount a small tmpfs: {done.stderr.decode(errors='replace').strip()}")
        try:
            yield root
        finally:
            subprocess.run(["umount", "-l", root], check=True)
    finally:
        os.rmdir(root)

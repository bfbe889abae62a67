"""What tests of the supervisor share: small C programs, compiled once, and runs of programs on a device of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from harness.sut.supervisor.alone import output_of
from harness.sut.supervisor.spawn import Command

PROGRAMS = Path(__file__).parent / "programs"
_ENVIRON = {"PATH": "/usr/bin:/bin"}


def need(tool: str) -> str:
    """A tool's path. Where it is missing the test is skipped, but in CI, where a skip is a failure."""
    found = shutil.which(tool)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{tool} is not installed")
        pytest.skip(f"{tool} is not installed")
    return found


@cache
def _directory() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="programs-")


@cache
def compiled(source: str, *options: str) -> str:
    """The program that C source text makes; ``common.h`` is at hand."""
    name = hashlib.sha256(repr((source, options)).encode()).hexdigest()[:12]
    program = os.path.join(_directory().name, name)
    made = subprocess.run(
        [need("gcc"), "-O1", "-w", "-I", str(PROGRAMS), "-x", "c", "-", "-o", program, "-lpthread", *options],
        input=source,
        text=True,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return program


def compiled_file(name: str) -> str:
    """The program that a file of ``programs`` makes."""
    return compiled((PROGRAMS / name).read_text())


def command(*words: str, **more: object) -> Command:
    """A command that may read what its own directory holds."""
    return Command(words[0], words, _ENVIRON, (os.path.dirname(words[0]),), file_bytes=1 << 30, **more)  # type: ignore[arg-type]


def supervised(*words: str, files: Mapping[str, bytes] | None = None, **more: object) -> tuple[str, str, str]:
    """What a program prints on a device of its own, how it ended ("" when well), and what it last said on standard error."""
    output, ended, said = output_of(command(*words, **more), files or {"/store/.keep": b"", "/tmp/.keep": b""})
    return output.decode(), ended, said


def in_c(
    body: str, *words: str, files: Mapping[str, bytes] | None = None, includes: str = "", **more: object
) -> tuple[str, str, str]:
    """``supervised`` for a C program of which the text of ``main`` is given."""
    begin = "int main(int count, char **words) { setvbuf(stdout, 0, _IOLBF, 0);"
    return supervised(
        compiled(f'#include "common.h"\n{includes}{begin}\n{body}\nreturn 0; }}'), *words, files=files, **more
    )


def natively(program: str) -> str:
    """What a program prints in an empty directory of a real tmpfs."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=place) as directory:
        run = subprocess.run(
            [program, directory], capture_output=True, text=True, timeout=60, env=_ENVIRON, check=False
        )
    assert run.returncode == 0, run.stderr
    return run.stdout

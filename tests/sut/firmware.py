"""The example firmware in C, built once for each way that a test wants it: as it is, or with a line of its source changed."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from harness.sut.wire.manifest_file import SUFFIX
from harness.terminals import examples

C_SOURCES = Path(examples.__file__).parent / "firmware" / "c"
REFERENCE = "exec:{python} -m harness.contract.stdio harness.terminals.reference:ReferenceTerminal"


def needs(tool: str) -> None:
    """What CI installs; elsewhere a test may go without."""
    if shutil.which(tool) is None:
        assert "CI" not in os.environ, f"there is no {tool}"
        pytest.skip(f"there is no {tool}")


@functools.cache
def c_firmware(*changed: tuple[str, str]) -> str:
    """The SPEC of the firmware; ``changed`` are texts of its source and what is to stand there instead."""
    needs("cc")
    place = Path(tempfile.mkdtemp(prefix="firmware-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for each in C_SOURCES.iterdir():
        text = each.read_text()
        for old, new in changed:
            text = text.replace(old, new)
        (place / each.name).write_text(text)
    for old, _ in changed:
        assert any(old in each.read_text() for each in C_SOURCES.iterdir()), f"no source has {old!r}"
    subprocess.run(
        ["cc", "-O1", "-o", "shop_terminal", "shop_terminal.c", "-lsqlite3"],
        cwd=place, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert (place / ("shop_terminal" + SUFFIX)).is_file()
    return f"exec:{place}/shop_terminal"


@functools.cache
def program(source: Path) -> str:
    """The SPEC-less path of any program in C, of one file."""
    needs("cc")
    place = Path(tempfile.mkdtemp(prefix="program-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    made = place / source.stem
    subprocess.run(["cc", "-O2", "-o", str(made), str(source)], check=True, capture_output=True, timeout=120)
    return str(made)

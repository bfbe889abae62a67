"""Commands as a user runs them: real processes, in an empty directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SMALL = """\
name: small
terminals: 1
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 6
host: {no_reply: 0%, decline: 0%}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false}
"""

Harness = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working directory with one small scenario in it."""
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.fixture
def harness(place: Path) -> Harness:
    """Run ``harness`` with arguments in ``place``; nothing of the caller's own setting but the path."""

    def run(*arguments: str | Path, **keywords: object) -> subprocess.CompletedProcess[str]:
        environ = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(place),
            "TMPDIR": str(place / "tmp"),
            "PYTHONPATH": str(ROOT),
        }
        keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 100, **keywords}
        command = [sys.executable, "-m", "harness.cli.main", *map(str, arguments)]
        return subprocess.run(command, cwd=place, env=environ, text=True, check=False, **keywords)  # type: ignore[call-overload, no-any-return]

    return run

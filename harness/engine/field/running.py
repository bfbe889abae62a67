"""An engine's program as a command: which Python, which script, and what of the machine it may read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from harness.engine.field.engines import Engine
from harness.sut.supervisor.spawn import Command

SCRIPT = Path(__file__).parent / "programs" / "main.py"
ENVIRON = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_FILE_BYTES_MAX = 1 << 30


def arguments_of(engine: Engine, action: str, words: Sequence[str]) -> list[str]:
    """The command line, for a supervised run and for one on the machine itself."""
    return [sys.executable, "-B", str(SCRIPT), engine.program, action, *words]


def command_of(engine: Engine, action: str, words: Sequence[str]) -> Command:
    """The same for the supervisor."""
    arguments = arguments_of(engine, action, words)
    code = (sys.prefix, sys.base_prefix, str(SCRIPT.parent))
    return Command(arguments[0], tuple(arguments), ENVIRON, code, file_bytes=_FILE_BYTES_MAX)

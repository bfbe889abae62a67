"""What runs in a child process before the gate begins: the software is loaded, and says what it has."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.engine.gate.checks import GUARD, OFFLINE, PREVIOUS, UNIONPAY
from harness.engine.launch import dialect_places, is_program_spec, open_files_of, pins, program_writes
from harness.sut.landlock import landlock_available
from harness.sut.limits import Limits, run_limited

_WALL_S = 120.0


class Asked(msgspec.Struct, frozen=True):
    """Which software, and what its host speaks."""

    terminal: str
    dialect: str | None = None


class Parts(msgspec.Struct, frozen=True, tag="parts"):
    """What the software has: its actions, and what else a check may need."""

    parts: tuple[str, ...]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It cannot be loaded: why, in words, and the exit code."""

    message: str
    exit_code: int


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """As ``sut.limits.run_limited`` calls it: Asked in, Parts or Refused out, as plain data."""
    asked = msgspec.convert(argument, Asked)
    try:
        return msgspec.to_builtins(Parts(_parts(asked)))
    except HarnessError as error:
        return msgspec.to_builtins(Refused(str(error), int(error.exit_code)))


def _parts(asked: Asked) -> tuple[str, ...]:
    from harness.engine.child import SHARING, spoken_to
    from harness.host.dialects import DIALECTS
    from harness.sut import software
    from harness.terminals.catalogue import CATALOGUE

    shipped = {name: each.spec for name, each in CATALOGUE.items()}
    loaded = software.load(asked.terminal, shipped, share_modules=shipped.get(asked.terminal) in SHARING)
    loaded = spoken_to(loaded, asked.dialect)
    manifest = loaded.manifest
    parts = [*sorted(manifest.actions)]
    parts += [PREVIOUS] if manifest.previous else []
    parts += [OFFLINE] if manifest.offline_floor_fen is not None else []
    parts += [UNIONPAY] if issubclass(loaded.speaks.cls, DIALECTS.get("unionpay")) else []
    parts += [GUARD] if manifest.duplicate_window_s is not None else []
    return tuple(parts)


def parts_of(terminal: str, dialect: str | None) -> frozenset[str]:
    """What the software has, asked in a child with limits and a fence. Raises UsageError for software that cannot be loaded."""
    file = terminal.rpartition(":")[0]
    read = ["/"] if is_program_spec(terminal) else [str(Path(file).parent)] if file.endswith(".py") else []
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        ended = run_limited(
            f"{__name__}:execute",
            msgspec.to_builtins(Asked(terminal, dialect)),
            limits=Limits(wall_s=_WALL_S, open_files=open_files_of(terminal)),
            environ={"TMPDIR": scratch},
            search_path=[str(Path.cwd())],
            fence=landlock_available()[0],
            read=[*read, *dialect_places(dialect)],
            write=[scratch, *program_writes(terminal)],
            pin=pins(terminal),
            fresh=True,  # a process that has all imports of a run behind it takes longer than this one
        )
    if ended.reason != "finished":
        raise UsageError(f"{terminal} cannot be loaded: {ended.reason} ({ended.detail[-400:]})")
    answer: Parts | Refused = msgspec.convert(ended.result, Parts | Refused)
    if isinstance(answer, Refused):
        raise UsageError(answer.message) if answer.exit_code == UsageError.exit_code else HarnessError(answer.message)
    return frozenset(answer.parts)

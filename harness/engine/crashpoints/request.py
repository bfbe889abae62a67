"""What an exploration is asked to do: everything that crosses into its child processes, and what comes back."""

from __future__ import annotations

import shlex

import msgspec

from harness.engine.crashpoints.report import CrashReport
from harness.engine.request import dialect_flag

IMAGES_LIMIT = 512
STATES_LIMIT = 20_000


class CrashRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Crash points of one terminal. Paths are absolute; empty ``flows`` are all, empty ``profiles`` the device's own."""

    scenario: str
    terminal: str | None = None
    dialect: str | None = None
    device: str | None = None
    seed: int | None = None
    flows: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    depth: int = 1
    images_limit: int = IMAGES_LIMIT
    states_limit: int = STATES_LIMIT
    state: str = ""
    out_dir: str | None = None
    share: int = 0
    shares: int = 1
    wall_limit_s: float = 900.0
    memory_limit_bytes: int = 4 << 30
    spin_s: float = 20.0

    @property
    def specs(self) -> tuple[str, ...]:
        """Software that runs, as far as the command line names it."""
        return () if self.terminal is None else (self.terminal,)

    @property
    def read(self) -> tuple[str, ...]:
        """Directories that are read besides the scenario's and the software's."""
        return ()


class Told(msgspec.Struct, frozen=True, omit_defaults=True, tag="told"):
    """Where a share is, a few times a second."""

    flow: str
    judged: int
    known: int
    found: int


class Explored(msgspec.Struct, frozen=True, tag="explored"):
    """The share came to its end."""

    report: CrashReport


class NotExplored(msgspec.Struct, frozen=True, tag="not_explored"):
    """It could not begin: an error in words, and its exit code."""

    message: str
    exit_code: int


def replay_line(request: CrashRequest, scenario: str, terminal: str, flow: str, profile: str, state: str) -> str:
    """The command that judges one state again."""
    parts = ["harness crashpoints", shlex.quote(scenario), f"--terminal {shlex.quote(terminal)}", f"--flow {flow}"]
    parts += dialect_flag(request.dialect)
    if request.device is not None:
        parts.append(f"--device {request.device}")
    if request.profiles:
        parts.append(f"--profile {profile}")
    if request.seed is not None:
        parts.append(f"--seed {request.seed}")
    if request.images_limit != IMAGES_LIMIT:
        parts.append(f"--images {request.images_limit}")
    if request.states_limit > STATES_LIMIT:
        # With fewer than were taken then, the state might not be among them.
        parts.append(f"--states {request.states_limit}")
    parts.append(f"--state {state}")
    return " ".join(parts)

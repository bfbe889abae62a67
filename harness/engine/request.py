"""What one run is asked to do: everything that crosses into the child process, and what comes back."""

import shlex

import msgspec

from harness.engine.verdict import Verdict


class SnapshotRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Snapshots to take on the way: of one terminal (the first, when ``of`` is empty), each as a directory in ``directory``."""

    instants: tuple[str, ...]
    directory: str
    of: str = ""
    volatile: bool = False


class RunRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run. None leaves a value to the scenario. Paths are absolute."""

    scenario: str
    terminal: str | None = None
    dialect: str | None = None
    """A dialect file, or ``package.module:Class``; None: what the software's manifest names."""
    seed: int | None = None
    days: int | None = None
    terminals: int | None = None
    device: str | None = None
    profile: str | None = None
    disk: str | None = None
    out_dir: str | None = None
    resolved_out: str | None = None
    behaviour_out: str | None = None
    """Where what it did is told to a guided search (``engine.search``)."""
    without: tuple[str, ...] = ()
    """Families of fault that are switched off."""
    images: tuple[str, ...] = ()
    """What terminals begin with: ``T02=DIR`` for one of them, ``=DIR`` for all that are not named."""
    snapshot: SnapshotRequest | None = None
    symptom: str | None = None
    """What is looked for in the history (``harness.history.symptoms``); it changes nothing in it."""
    wall_limit_s: float = 600.0
    memory_limit_bytes: int = 4 << 30
    spin_s: float = 20.0
    """How long one terminal's software may run in one C call; in Python code, ``spin_patience_s`` without waiting."""
    spin_patience_s: int = 10


def replay_line(request: RunRequest, scenario: str, terminal: str, seed: int) -> str:
    """The command that does the run again, with everything that the command line had changed.

    Images are named and not held: a run that began on one is done again only where that directory still is what it was.
    """
    parts = [
        "harness run",
        scenario,
        f"--terminal {shlex.quote(terminal)}",
        *dialect_flag(request.dialect),
        f"--seed {seed}",
    ]
    for flag, value in (
        ("--days", request.days),
        ("--terminals", request.terminals),
        ("--device", request.device),
        ("--profile", request.profile),
        ("--disk", request.disk),
    ):
        if value is not None:
            parts.append(f"{flag} {value}")
    parts.extend(f"--without {family}" for family in request.without)
    parts.extend(f"--image {shlex.quote(each.removeprefix('='))}" for each in request.images)
    return " ".join(parts)


def dialect_flag(dialect: str | None) -> tuple[str, ...]:
    """The option of a replay line, where there was one."""
    return () if dialect is None else (f"--dialect {shlex.quote(dialect)}",)


class Progress(msgspec.Struct, frozen=True, omit_defaults=True, tag="progress"):
    """Where a run is, a few times a second."""

    phase: str
    at_us: int
    end_us: int
    sales: int
    findings: int


class Finished(msgspec.Struct, frozen=True, tag="finished"):
    """The run came to its end."""

    verdict: Verdict


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The run could not start: a scenario, software or usage error, already in words; ``exit_code`` says which."""

    message: str
    exit_code: int


RunMessage = Progress | Finished | Refused

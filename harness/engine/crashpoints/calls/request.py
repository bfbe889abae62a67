"""What playing failing calls is asked to do: everything that crosses into its child processes, and what comes back."""

from __future__ import annotations

import shlex

import msgspec

from harness.engine.crashpoints.calls.report import CallExample, CallReport
from harness.engine.crashpoints.request import CrashRequest
from harness.engine.request import dialect_flag


class CallRequest(CrashRequest, frozen=True, omit_defaults=True):
    """Failing calls of one terminal, as CrashRequest says it. ``profiles`` has one name at most.

    ``failures``: the kinds. ``call`` is the one call to fail, 0 for each in turn; ``for_good``: only in that manner.
    """

    failures: tuple[str, ...] = ()
    call: int = 0
    for_good: bool = False


class CallsPlayed(msgspec.Struct, frozen=True, tag="calls_played"):
    """The share came to its end."""

    report: CallReport


def replay_line(request: CallRequest, scenario: str, terminal: str, flow: str, example: CallExample) -> str:
    """The command that plays one trial again."""
    parts = ["harness crashpoints", shlex.quote(scenario), f"--terminal {shlex.quote(terminal)}", f"--flow {flow}"]
    parts += dialect_flag(request.dialect)
    if request.device is not None:
        parts.append(f"--device {request.device}")
    parts += [f"--profile {profile}" for profile in request.profiles]
    if request.seed is not None:
        parts.append(f"--seed {request.seed}")
    parts.append(f"--fail {example.failure}")
    if example.call:
        parts.append(f"--call {example.call}")
    if example.manner.startswith("for good"):
        parts.append("--for-good")
    return " ".join(parts)

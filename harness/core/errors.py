"""Errors the harness raises about itself or its input; each maps to one exit code.

SimPy re-raises a process's exception as ``type(exc)(*exc.args)``, so every class here can be rebuilt from ``args``:
positional arguments only, no keyword-only ones (measured on SimPy 4.1).
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command (design: pytest's, with Jepsen's "unknown")."""

    PASS = 0
    VIOLATED = 1
    INCONCLUSIVE = 2
    HARNESS_ERROR = 3
    USAGE = 4
    NOTHING_SELECTED = 5


class HarnessError(Exception):
    """Something went wrong inside the harness itself; never the terminal software's fault."""

    exit_code = ExitCode.HARNESS_ERROR


class UsageError(HarnessError):
    """What the user asked for cannot be done; the message names the value, the place and the fix."""

    exit_code = ExitCode.USAGE


class NothingSelected(HarnessError):
    """A selection matched nothing, so there is nothing to say."""

    exit_code = ExitCode.NOTHING_SELECTED


class SoftwareError(Exception):
    """The terminal software under test broke its contract: it raised, hung, or answered garbage. A finding."""

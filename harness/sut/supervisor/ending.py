"""How a program ends, in words."""

from __future__ import annotations

import os
import signal

from harness.core.errors import SoftwareError


class ProgramEnded(SoftwareError):
    """The program ended by itself; a terminal's never does."""


class Stuck(SoftwareError):
    """The program does not come back from what it does."""


def ended_text(status: int | None) -> str:
    """A wait status as people say it."""
    if status is None:
        return "the program ended"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return f"the program was ended by {name}"
    return f"the program ended with exit status {os.WEXITSTATUS(status)}"

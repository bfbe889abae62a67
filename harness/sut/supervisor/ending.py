"""How a program ends, in words."""

from __future__ import annotations

import os
import signal

from harness.core.errors import HarnessError, SoftwareError


class SupervisorBroke(HarnessError):
    """The supervisor itself failed under a program: no fault of the program's, and never told as one."""


class ProgramFailed(SoftwareError):
    """What ended a boot of a program. ``reason`` is SoftwareDied's."""

    reason = "exception"


class ProgramEnded(ProgramFailed):
    """The program ended by itself; a terminal's never does."""

    def __init__(self, status: int | None) -> None:
        super().__init__(ended_text(status))
        self.status = status
        self.reason = "exception" if status is not None and os.WIFSIGNALED(status) else "returned"


class Stuck(ProgramFailed):
    """The program does not come back from what it does."""

    reason = "spinning"


class OutOfMemory(ProgramFailed):
    """All programs of the boot together hold more than is allowed."""

    reason = "out_of_memory"


class NotStarted(ProgramFailed):
    """The program could not be started; the text says why."""


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

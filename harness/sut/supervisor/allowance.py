"""How much a program may ask for without ever waiting: past that it is said to spin, in whatever time it thinks it is.

Models: system calls are free until there are too many at one instant; from then on each costs virtual time, so that a loop that
waits without waiting ends. A bound on calls in a row ends the boot as stuck. Does not model: the cost of each call.
"""

from __future__ import annotations

from harness.sut.process import Process
from harness.sut.supervisor.ending import Stuck

FREE_CALLS = 20_000
"""System calls at one instant; each further one costs time."""
SPIN_CALLS = 250_000
"""System calls, and what weighs as many, in a row."""
_DEBT_US_MAX = 10_000
_CALLS_A_SECOND = 20_000
"""What each second of waiting in earnest allows again; no day of more could be run to its end."""


class Allowance:
    """Of all programs of one boot together."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._left = float(SPIN_CALLS)
        self._at_us = -1
        self._now = 0

    def count_call(self) -> None:
        """One more system call."""
        process = self._process
        process.switches += 1  # the watchdog's sign of life
        self.spend()
        now_us = int(process.env._now)
        if now_us != self._at_us:
            self._at_us, self._now = now_us, 0
        self._now += 1
        if self._now > FREE_CALLS:
            process.spend(process.poll_cost_us())
            if process.owed_us > _DEBT_US_MAX:
                process.settle_debt()

    def spend(self, calls: float = 1) -> None:
        """Count what a program does without waiting; ``calls``: as many plain calls as it weighs. Stuck when it is too much."""
        self._left -= calls
        if self._left < 0:
            raise Stuck(
                f"it kept the device busy for {SPIN_CALLS:,} system calls in a row and hardly waited for anything"
            )

    def earn(self, waited_us: int) -> None:
        """It waited in earnest."""
        self._left = min(SPIN_CALLS, self._left + waited_us * _CALLS_A_SECOND / 1e6)

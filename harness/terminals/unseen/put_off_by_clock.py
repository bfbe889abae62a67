"""Defect: when to try a reversal or a settlement again is reckoned by the clock of the wall.

A clock that is set back a day puts off for a day what waits. Shows when the clock is set back while a reversal is pending and no
sale is made afterwards.
"""

from __future__ import annotations

import time

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.core import BACKOFF_FIRST_S, BACKOFF_MAX_S


class PutOffByClock(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        super().boot()
        self._next_work_s = time.time()

    def hurry(self) -> None:
        self._backoff_s = BACKOFF_FIRST_S
        self._next_work_s = time.time()

    def idle(self) -> None:
        if not self.work_due():
            return
        if self.work():
            self._backoff_s = BACKOFF_FIRST_S
        else:
            self._next_work_s = time.time() + self._backoff_s
            self._backoff_s = min(self._backoff_s * 2, BACKOFF_MAX_S)

    def wait_s(self) -> float | None:
        return max(self._next_work_s - time.time(), 0.1) if self.work_due() else None

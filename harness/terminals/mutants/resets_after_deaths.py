"""Defect: what has died five times since it was settled goes back to factory settings, and the open batch with it.

Meant to break a loop of deaths. A library that leaks below it has it killed again and again while it does nothing wrong, and the
fifth time costs a day's sales. Must be caught by I1 (approval shown, never settled).
"""

from __future__ import annotations

import os

from harness.contract import Action, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import FILE_NAMES

_STARTS_MAX = 5


class ResetsAfterDeaths(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        starts = self._starts() + 1
        if starts > _STARTS_MAX:
            for name in FILE_NAMES:
                os.unlink(self._path(name))
            starts = 0
        self._note(starts)
        super().boot()

    def settle(self, action: Action) -> Outcome:
        outcome = super().settle(action)
        if outcome.kind == "done":
            self._note(0)
        return outcome

    def _starts(self) -> int:
        try:
            with open(self._path("starts"), encoding="ascii") as file:
                return int(file.read() or 0)
        except (OSError, ValueError):
            return 0

    def _note(self, starts: int) -> None:
        try:
            with open(self._path("starts"), "w", encoding="ascii") as file:
                file.write(str(starts))
        except OSError:
            pass  # it is not worth a sale

    def _path(self, name: str) -> str:
        volumes = self.device.volumes
        return os.path.join(volumes["data"] if "data" in volumes else next(iter(volumes.values())), name)

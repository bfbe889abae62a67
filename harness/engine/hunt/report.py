"""What a hunt came to."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from harness.core.errors import ExitCode
from harness.history.symptoms.model import Reached

State: TypeAlias = Literal["found", "not_found", "interrupted"]


class Shown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A scenario and how far the symptom got in it. ``text`` is the scenario, to be written to a file."""

    stage: str
    """The shipped or given scenario that it began from."""
    run: int
    """Its number among the runs of the hunt, from 1."""
    seed: int
    faults: tuple[str, ...]
    reached: Reached
    findings: tuple[str, ...] = ()
    """What the invariants found in the same run, by number and name."""


class HuntReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of it. ``best`` is what was found, or, when nothing was, what came nearest."""

    symptom: str
    terminal: str
    seed: int
    state: State
    runs: int
    wall_s: float
    stages: int
    best: Shown | None = None
    broken: tuple[str, ...] = ()
    """Runs that the harness could not bring to an end, in a line each; the first few."""
    shrunk: str = ""
    """What is left of the scenario that was found, in words; empty when it was not made smaller."""
    shrink_runs: int = 0
    scenario: str = ""
    """The text of the scenario file."""

    @property
    def exit_code(self) -> ExitCode:
        """A symptom that was shown is a violation of what was expected; one that was not found proves nothing."""
        return ExitCode.VIOLATED if self.state == "found" else ExitCode.INCONCLUSIVE

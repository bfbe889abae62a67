"""Where in the terminal's own code a storage call was made: what groups crash states (Pathfinder's "update behaviour").

Models: the innermost functions of the terminal software on the stack, with the line of each; libraries below it count when
nothing of the software itself is nearer. A program of its own has no stack that could be read: its calls are told apart by what
they do to which file. Does not model: different data on one path.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.masking import mask_text
from harness.engine.whereabouts import CallSite, Whereabouts, own_files

if TYPE_CHECKING:
    from harness.sut.software import Software

__all__ = ["NO_STEP", "CallSite", "CallSites", "Step", "call_sites"]

_NOTHING_YET = "(before any storage call)"
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Step:
    """A storage call of the terminal: what it did, to which file, from where in its code."""

    kind: str
    path: str
    site: CallSite

    @property
    def text(self) -> str:
        """In one line: ``fsync /data/journal, in terminal.py:88 conduct > journal.py:120 append``."""
        if not self.kind:
            return _NOTHING_YET
        return f"{self.kind} {mask_text(self.path)}" + (f", in {self.site.path}" if self.site.functions else "")

    @property
    def place(self) -> str:
        """What groups steps: the function and what it did, without lines and files of a generation."""
        if not self.kind:
            return _NOTHING_YET
        if not self.site.functions:
            return f"{self.kind} {_NUMBERS.sub('#', mask_text(self.path))}"
        functions = " > ".join(each.partition(" ")[2] for each in reversed(self.site.functions))
        return f"{functions}: {self.kind}"


NO_STEP = Step("", "", CallSite(()))


class CallSites(Whereabouts):
    """Finds who made a storage call."""

    def __init__(self, own_files: tuple[str, ...] | None) -> None:
        super().__init__(own_files)
        self._known: dict[tuple[str, ...], Step] = {}

    def step(self, kind: str, path: str) -> Step:
        """The storage call under way; equal steps are the same object."""
        functions = self.site(sys._getframe(1)).functions
        key = (kind, path, *functions)
        step = self._known.get(key)
        if step is None:
            step = self._known[key] = Step(kind, path, CallSite(functions))
        return step


def call_sites(software: Software) -> CallSites:
    """For the calls of this software."""
    return CallSites(own_files(software))

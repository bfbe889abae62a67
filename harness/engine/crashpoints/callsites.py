"""Where in the terminal's own code a storage call was made: what groups crash states (Pathfinder's "update behaviour").

Models: the innermost functions of the terminal software on the stack, with the line of each; libraries below it count when
nothing of the software itself is nearer. A program of its own has no stack that could be read: its calls are told apart by what
they do to which file. Does not model: different data on one path.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from harness.core.masking import mask_text

if TYPE_CHECKING:
    from harness.sut.software import Software

_DEPTH_MAX = 40
_FUNCTIONS = 3
_NOTHING_YET = "(before any storage call)"
_NUMBERS = re.compile(r"\d+")
_NOT_SOFTWARE = (
    "/harness/sut/",
    "/harness/storage/",
    "/harness/device/",
    "/harness/engine/",
    "/harness/network/",
    "/harness/contract/",
    "/harness/faults/",
    "/harness/history/",
    "<frozen ",
    "<string>",
)


@dataclass(frozen=True, slots=True)
class CallSite:
    """``functions``: innermost first, as ``journal.py:120 append``."""

    functions: tuple[str, ...]

    @property
    def path(self) -> str:
        """The code path in one line, outermost first."""
        return " > ".join(reversed(self.functions))


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


class CallSites:
    """Finds who made a storage call. ``own_files``: prefixes of the software's files; others are libraries.

    None: the software is a program of its own.
    """

    def __init__(self, own_files: tuple[str, ...] | None) -> None:
        self._own = own_files
        self._known: dict[tuple[str, ...], Step] = {}

    def step(self, kind: str, path: str) -> Step:
        """The storage call under way; equal steps are the same object."""
        functions = self.site(sys._getframe(1)).functions
        key = (kind, path, *functions)
        step = self._known.get(key)
        if step is None:
            step = self._known[key] = Step(kind, path, CallSite(functions))
        return step

    def site(self, frame: FrameType | None) -> CallSite:
        """Where the code is of which ``frame`` is the innermost one; nowhere, for a program of its own."""
        if self._own is None:
            return CallSite(())
        own: list[str] = []
        others: list[str] = []
        depth = 0
        while frame is not None and depth < _DEPTH_MAX and len(own) < _FUNCTIONS:
            name = frame.f_code.co_filename
            if not any(part in name for part in _NOT_SOFTWARE):
                told = f"{name.rpartition('/')[2]}:{frame.f_lineno} {frame.f_code.co_name}"
                (own if name.startswith(self._own) else others).append(told)
            frame = frame.f_back
            depth += 1
        return CallSite(tuple(own or others[:_FUNCTIONS]))


def call_sites(software: Software) -> CallSites:
    """Tells the software's own frames from those of libraries: its directory, or its package when it is part of one."""
    if software.is_program:
        return CallSites(None)
    file = software.file or sys.prefix
    return CallSites((str(Path(file).parent),))

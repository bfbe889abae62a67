"""Where terminal software is in its own code: the lines on the stack that are its own, of a call that it makes or waits in.

Models: the innermost functions of the terminal software on a stack, with the line of each. A library that lies in a directory
of the software (an environment beside it) is a library all the same. Does not model: a program of its own, which has no stack
that could be read.

Nothing of this goes into a history: a history must not change with a line that was added above.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from harness.sut.console import presentable
from harness.sut.reports import home_of

if TYPE_CHECKING:
    from harness.sut.fiber import Fiber
    from harness.sut.software import Software
    from harness.sut.station import Station

_DEPTH_MAX = 40
_NAME_CHARACTERS_MAX = 80
_FUNCTIONS = 3
_NOT_SOFTWARE = (
    "/harness/sut/",
    "/harness/storage/",
    "/harness/device/",
    "/harness/engine/",
    "/harness/network/",
    "/harness/faults/",
    "/harness/history/",
    "/harness/contract/",
    "<frozen ",
    "<string>",
)
_SHIPPED = "/harness/terminals/"
"""Each terminal that ships is one of its own, whatever package it is in."""
_INSTALLED = ("/site-packages/", "/dist-packages/")
_OF_NOBODY = (*_INSTALLED, f"{sysconfig.get_paths()['stdlib']}/")
"""Libraries: a line of these says nothing about the software."""
_NOT, _OWN, _OTHER = range(3)


@dataclass(frozen=True, slots=True)
class CallSite:
    """``functions``: innermost first, as ``journal.py:120 append``."""

    functions: tuple[str, ...]

    @property
    def path(self) -> str:
        """The code path in one line, outermost first."""
        return " > ".join(reversed(self.functions))


class Whereabouts:
    """Reads stacks. ``own_files``: prefixes of the software's files; others are libraries.

    None: the software is a program of its own.
    """

    def __init__(self, own_files: tuple[str, ...] | None) -> None:
        self._own = own_files
        self._kinds: dict[str, int] = {}

    def site(self, frame: FrameType | None) -> CallSite:
        """Where the code is of which ``frame`` is the innermost one; nowhere, for a program of its own.

        Libraries below the software count when nothing of the software itself is nearer.
        """
        own, others = self._walked(frame)
        return CallSite(tuple(map(_told, own or others[:_FUNCTIONS])))

    def lines(self, frame: FrameType | None) -> CallSite:
        """The same without libraries: of code that nobody calls his own, nothing."""
        own, others = self._walked(frame)
        if not own:
            own = [each for each in others if self._is_somebodys(each[0])][:_FUNCTIONS]
        return CallSite(tuple(map(_told, own)))

    def named(self, code: CodeType) -> str:
        """A function of the software, where it begins; empty for one of a library."""
        name = code.co_filename
        if self._own is None or not (self._kind_of(name) == _OWN or self._is_somebodys(name)):
            return ""
        return _told((name, code.co_firstlineno, code.co_name))

    def answers(self, frame: FrameType | None) -> bool:
        """Whether it is ``contract.Terminal`` that shows and tells what a method for an action has returned."""
        while frame is not None and self._kind_of(frame.f_code.co_filename) == _NOT:
            code = frame.f_code
            if code.co_name == "_perform" and code.co_filename.endswith("/harness/contract/terminal.py"):
                return True
            frame = frame.f_back
        return False

    def _walked(self, frame: FrameType | None) -> tuple[list[tuple[str, int, str]], list[tuple[str, int, str]]]:
        own: list[tuple[str, int, str]] = []
        others: list[tuple[str, int, str]] = []
        depth = 0
        while frame is not None and self._own is not None and depth < _DEPTH_MAX and len(own) < _FUNCTIONS:
            name = frame.f_code.co_filename
            kind = self._kind_of(name)
            if kind != _NOT:
                (own if kind == _OWN else others).append((name, frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
            depth += 1
        return own, others

    def _is_somebodys(self, name: str) -> bool:
        return self._kind_of(name) == _OTHER and not any(part in name for part in _OF_NOBODY)

    def _kind_of(self, name: str) -> int:
        kind = self._kinds.get(name)
        if kind is None:
            kind = self._kinds[name] = self._kind(name)
        return kind

    def _kind(self, name: str) -> int:
        if any(part in name for part in _NOT_SOFTWARE):
            return _NOT
        for prefix in self._own or ():
            if name.startswith(prefix) and not any(part in name[len(prefix) - 1 :] for part in _INSTALLED):
                return _OWN
        return _OTHER


def _told(line: tuple[str, int, str]) -> str:
    name, number, function = line
    return f"{_fit(name)}:{number} {_fit(function)}"


@lru_cache(1024)
def _fit(name: str) -> str:
    """A file or a function as artefacts may hold it: code that is put together while it runs may be called anything."""
    return presentable(name.rpartition("/")[2], _NAME_CHARACTERS_MAX)


def own_files(software: Software) -> tuple[str, ...] | None:
    """What tells the software's own frames from those of libraries: its package, or its directory. None: it has no frames."""
    if software.is_program:
        return None
    file = software.file or sys.prefix
    home = home_of(software.module_name, file)
    if home == file or _SHIPPED in file:
        home = f"{Path(file).parent}{os.sep}"
    return (home,)


# ---------------------------------------------------------------- frames of a station


def frame_of(station: Station) -> FrameType | None:
    """The innermost frame of the software: of a fiber that waits, or of the one in whose call this is asked."""
    fiber = _fiber_of(station)
    if fiber is None or fiber.greenlet is None:
        return None
    return sys._getframe(1) if _runs(fiber) else fiber.greenlet.gr_frame


def running_frame(station: Station) -> FrameType | None:
    """The innermost frame of the software if this is asked inside a call that it makes; None while somebody else acts."""
    fiber = _fiber_of(station)
    return sys._getframe(1) if fiber is not None and _runs(fiber) else None


def _fiber_of(station: Station) -> Fiber | None:
    fiber = None if station.process is None else station.process.fiber
    return None if fiber is None or fiber.finished else fiber


def _runs(fiber: Fiber) -> bool:
    import greenlet  # the harness is to begin with as little as it needs

    return fiber.greenlet is greenlet.getcurrent()

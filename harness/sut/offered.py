"""Whether a program offers ``--inspect`` at all: decided on files that nothing had harmed, and never on what a fault left.

Models: a program that ignores its arguments, or does not know this one, answers anything but an inspection; of its records
nothing can be said then, good or bad. One that answers properly for any image offers it, and each failure afterwards is its
own. Healthy are: no files at all, its files when it was first ready, and its files after the first action that ended approved.
They are asked for only once an answer was no inspection, so that a program that answers costs nothing.
Does not model: software in Python, where a method is there or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.core.errors import SoftwareError
from harness.sut.console import presentable

if TYPE_CHECKING:
    from harness.sut.software import Software

Image = Mapping[str, bytes]

CURE = "the format: harness docs bring_binary"
_WHY_CHARACTERS_MAX = 300


class Offered:
    """What one device's releases have shown of their ``--inspect``, by SPEC."""

    def __init__(self) -> None:
        self._proven: set[str] = set()
        self._healthy: dict[str, dict[str, Image]] = {}

    def wants(self, software: Software, moment: str) -> bool:
        """Whether the files at this moment are to be kept: the first of its kind, of a program not yet known."""
        return _is_in_doubt(software) and moment not in self._healthy.get(software.spec, {})

    def keep(self, software: Software, moment: str, image: Image) -> None:
        """Files that nothing had harmed."""
        self._healthy.setdefault(software.spec, {})[moment] = image

    def answered(self, software: Software) -> None:
        """It gave an inspection: from now on it owes one."""
        self._proven.add(software.spec)

    def why_not(self, software: Software) -> str:
        """Why the software counts as one that offers none; empty when it has ever answered properly, or does so for
        healthy files. What it says for the last of these is the reason.
        """
        if not _is_in_doubt(software) or software.spec in self._proven:
            return ""
        why = ""
        for image in ({}, *self._healthy.get(software.spec, {}).values()):
            try:
                found = software.inspect(image)
            except SoftwareError as error:
                why = str(error)
            except Exception as error:
                why = software.death_detail(error)
            else:
                if found is not None:
                    self.answered(software)
                    return ""
                why = "--inspect: it printed null"
        return missing(why)


def _is_in_doubt(software: Software) -> bool:
    return software.is_program and not software.inspection_proven


def missing(why: str) -> str:
    """How the reason is told wherever something was not checked for it."""
    return f"before any fault, {presentable(why, _WHY_CHARACTERS_MAX)}; {CURE}"

"""How a run that did not pass fails its test: what is raised, and how pytest shows it."""

from __future__ import annotations

from pathlib import Path

from _pytest._code.code import ReprEntryNative, ReprExceptionInfo, ReprFileLocation, ReprTraceback


class Failed(AssertionError):
    """A run that is no pass. Its text begins with one sentence that says what is wrong."""


class Violated(Failed):
    """Money, records or service were lost, or a threshold was missed."""

    __module__ = (
        "builtins"  # as pytest's own: its short summary begins with what is wrong, not with where a class lives
    )


class ProvesNothing(Failed):
    """Nothing was found, and the run does not prove enough to pass."""

    __module__ = "builtins"


def represented(error: BaseException, path: Path) -> ReprExceptionInfo:
    """``error`` as its text alone; its first line stands in pytest's short summary, under xdist and in JUnit files, too."""
    text = str(error)
    crash = ReprFileLocation(str(path), 1, text.partition("\n")[0])
    return ReprExceptionInfo(ReprTraceback([ReprEntryNative([text + "\n"])], None, "native"), crash)

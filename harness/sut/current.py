"""Whose code is running: the one global that every routed call reads.

``process`` is the virtual process whose software runs now, or None while the harness itself runs. It is set on every switch
into a fiber and cleared on the way out (about 50 ns). ``GRAVE`` stands in while the interpreter finalises objects of unknown
owner: whatever their finalisers try to do to the outside fails and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.sut.process import Process

process: Process | None = None


def running() -> Process:
    """The process whose software runs now; an error of the harness when none does."""
    if process is None:
        raise RuntimeError("a virtual system call was made while no terminal software runs")
    return process

"""The watchdog inside a run's process: notes whose software runs and raises into software that never stops running.

Models: software that spins in Python code. Once a second a timer signal looks whether the run has got on; when the same
software has been running for ``patience`` signals in a row, ``Spinning`` is raised into it. Software that swallows that gets
it again each second, and after ``tries`` the whole process gives up: its parent names the terminal from the shared page.
Does not model: a spin inside one C call, where Python sees no signal; the parent's own watchdog covers that (``limits``).

Real time never reaches the history but through this: a run that spins ends as a finding or inconclusive, never a pass.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
from types import FrameType

from harness.sut import current

PAGE = struct.Struct("<qQ")
"""Station index running now (-1: the harness itself), and a heartbeat that counts entries into software."""
PAGE_BYTES = 4096
EXIT_SPINNING = 86

noting = False
"""Whether anybody reads the notes: one look at each switch when not."""

_page: mmap.mmap | None = None
_beats = 0


class Spinning(BaseException):
    """Raised into software that has been running for too long without waiting."""


class _Watch:
    """What the last signals saw."""

    def __init__(self, patience: int, tries: int) -> None:
        self.patience = patience
        self.tries = tries
        self.process: object = None
        self.rounds = 0
        self.switches = 0
        self.raised = 0


_watch: _Watch | None = None


def share_page(page: mmap.mmap) -> None:
    """Write notes for the parent into ``page``."""
    global _page, noting
    _page = page
    noting = True
    PAGE.pack_into(page, 0, -1, 0)


def note_station(index: int) -> None:
    """Software of station ``index`` is about to run."""
    global _beats
    if _page is not None:
        _beats += 1
        PAGE.pack_into(_page, 0, index, _beats)


def watch(patience: int = 10, tries: int = 5) -> None:
    """Start the watchdog of this process."""
    global _watch
    _watch = _Watch(patience, tries)
    signal.signal(signal.SIGALRM, _on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)


def stop_watching() -> None:
    """Stop it."""
    global _watch
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _watch = None


def _on_alarm(_signal: int, frame: FrameType | None) -> None:
    state, process = _watch, current.process
    if state is None:
        return
    if process is None or process is not state.process or process.switches != state.switches:
        state.process, state.rounds, state.raised = process, 0, 0
        state.switches = process.switches if process is not None else 0
        return
    state.rounds += 1
    if state.rounds < state.patience:
        return
    if state.raised >= state.tries:
        os._exit(EXIT_SPINNING)
    state.raised += 1
    raise Spinning("the software has been running for too long without waiting for anything")

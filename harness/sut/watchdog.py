"""The watchdog inside a run's process: notes whose software runs, and raises into software that never stops running.

Models: software that spins in Python code. A timer signal looks once a second whether the run has got on; when the same
software has been running for ``patience_s`` without waiting once, ``Spinning`` is raised into it. Software that swallows that
gets it again, and after ``tries`` the whole process gives up: its parent reads from the shared page which terminal it was.
Does not model: a spin inside one C call, where Python sees no signal; the parent's own watchdog covers that (``limits``).

Virtual time stands still while software spins, so what the history says before and after is the same in every run.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
from types import FrameType

from harness.sut import current

PAGE = struct.Struct("<qQ")
"""Index of the station whose software runs now, and a count of switches: what the parent reads."""
PAGE_BYTES = 4096
HARNESS = -1
SCRATCH = -2
"""Software that runs outside any terminal: while it is imported for its manifest, or asked to inspect files."""
EXIT_SPINNING = 86

_SECOND_S = 1.0
_RETRY_S = 0.01
_RETRIES_MAX = 1_000
_OWN_CODE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

noting = False
"""Whether anybody reads the notes: one look at each switch when not."""

_page: mmap.mmap | None = None
_beats = 0


class Spinning(BaseException):
    """Raised into software that has been running for too long without waiting."""


class _Watch:
    """What the last signals saw."""

    def __init__(self, patience_s: int, tries: int) -> None:
        self.patience_s = patience_s
        self.tries = tries
        self.process: object = None
        self.switches = -1
        self.seconds = 0
        self.raised = 0


_watch: _Watch | None = None


def share_page(page: mmap.mmap) -> None:
    """Write notes for the parent into ``page``."""
    global _page, noting
    _page = page
    noting = True
    PAGE.pack_into(page, 0, HARNESS, 0)


def note_station(index: int) -> None:
    """Software of station ``index`` is about to run, or the harness is."""
    global _beats
    if _page is not None:
        _beats += 1
        PAGE.pack_into(_page, 0, index, _beats)


def watch(patience_s: int = 10, tries: int = 5) -> None:
    """Start the watchdog of this process."""
    global _watch
    _watch = _Watch(patience_s, tries)
    signal.signal(signal.SIGALRM, _on_alarm)
    signal.setitimer(signal.ITIMER_REAL, _SECOND_S, _SECOND_S)


def stop_watching() -> None:
    """Stop it."""
    global _watch
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _watch = None


def _is_own(file: str) -> bool:
    """Whether code is the harness's own, and no terminal that ships with it."""
    return file.startswith(_OWN_CODE) and not file.startswith(_OWN_CODE + "terminals" + os.sep)


def _on_alarm(_signal: int, frame: FrameType | None) -> None:
    state, process = _watch, current.process
    if state is None:
        return
    if process is None or process is not state.process or process.switches != state.switches:
        state.process = process
        state.switches = process.switches if process is not None else -1
        state.seconds = state.raised = 0
        return
    state.seconds += 1
    if state.seconds < state.patience_s:
        return
    if state.raised >= state.tries:
        os._exit(EXIT_SPINNING)
    if frame is not None and _is_own(frame.f_code.co_filename) and state.seconds < state.patience_s + _RETRIES_MAX:
        # It is in the harness's own code just now, which must not be torn apart: look again in a moment.
        signal.setitimer(signal.ITIMER_REAL, _RETRY_S, _SECOND_S)
        return
    state.raised += 1
    state.seconds = state.patience_s - 1  # and again in a second, if it goes on
    raise Spinning("it has been running for too long without waiting for anything")

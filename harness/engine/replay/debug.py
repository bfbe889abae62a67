"""A replay that stops in the debugger: the event is told, and everything stands still below it.

Models: software in process; the stack above the event is the software's own where it is the software that caused it. While the
debugger talks, no software runs as far as the guard and virtual calls know, so that it may read files and the keyboard.
Does not model: limits and fences (the run is in this very process), or programs, which have their own debuggers.
"""

from __future__ import annotations

import bdb
import os
import pdb
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

from harness.core.errors import ExitCode, UsageError
from harness.engine.child import SHARING, adjusted, spoken_to
from harness.engine.images import begun_on
from harness.engine.launch import is_program_spec
from harness.engine.replay.replay import Prepared, prepare
from harness.engine.run import run_plan
from harness.engine.snapshots import Instant, instant
from harness.engine.verdict import Verdict
from harness.history.events import Event, FaultStruck
from harness.history.words import line
from harness.scenario.load import load_file
from harness.sut import current, interpreter, software
from harness.terminals.catalogue import CATALOGUE


class Debugger(pdb.Pdb):
    """pdb in the middle of a run. Leaving it ends the process: the software under it could swallow an exception."""

    def __init__(self, leave: Callable[[], None]) -> None:
        super().__init__(stdin=sys.__stdin__, stdout=sys.__stdout__, nosigint=True, readrc=False)
        self.prompt = "(harness) "
        self._leave = leave

    def interaction(self, frame: FrameType | None, traceback: TracebackType | None) -> None:
        """Talk, with nobody's software running."""
        process, current.process = current.process, None
        try:
            super().interaction(frame, traceback)
        finally:
            current.process = process

    def stop_at(self, frame: FrameType) -> None:
        """Stop at the next line of ``frame``."""
        process, current.process = current.process, None
        try:
            self.set_trace(frame)
        finally:
            current.process = process

    def do_quit(self, arg: str) -> bool | None:
        """End the run."""
        self._leave()
        return True

    do_q = do_exit = do_EOF = do_quit


class Breakpoint:
    """Watches the history for an instant, and stops there once."""

    def __init__(self, at: Instant, stop: Callable[[int, Event], None]) -> None:
        self._at = at
        self._stop = stop
        self.reached = False

    def __call__(self, number: int, event: Event) -> None:
        if not self.reached and self._is_there(number, event):
            self.reached = True
            self._stop(number, event)

    def _is_there(self, number: int, event: Event) -> bool:
        at = self._at
        if at.event is not None:
            return number >= at.event
        if at.at_us is not None:
            return event.at_us >= at.at_us
        return bool(at.strike) and isinstance(event, FaultStruck) and event.fault == at.strike


def debug(path: Path, until: str | None, terminal: str | None, trust: bool) -> Verdict:
    """Run the bundle in ``path`` up to an instant (None: where its finding shows), and into the debugger."""
    scratch = tempfile.mkdtemp(prefix="harness-")
    try:
        prepared = prepare(path, Path(scratch), terminal, trust)
        if is_program_spec(prepared.request.terminal):
            raise UsageError("--break: a program is not in this process; run it under its own debugger")

        def leave() -> None:
            shutil.rmtree(scratch, ignore_errors=True)
            sys.stdout.flush()
            os._exit(ExitCode.INCONCLUSIVE)

        return _run(prepared, until if until is not None else _where_it_shows(prepared), Debugger(leave))
    except bdb.BdbQuit:
        raise KeyboardInterrupt from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run(prepared: Prepared, until: str, debugger: Debugger) -> Verdict:
    request = prepared.request
    plan = adjusted(load_file(Path(request.scenario)), request)
    shipped = {name: each.spec for name, each in CATALOGUE.items()}
    spec = request.terminal or plan.software
    loaded = software.load(spec, shipped, share_modules=shipped.get(spec) in SHARING)
    loaded = spoken_to(loaded, request.dialect)

    def stop(number: int, event: Event) -> None:
        print(f"event {number}: {line(event)}")
        debugger.stop_at(sys._getframe())
        return  # the debugger stops here; `up` leads to whoever caused the event, `continue` to the end of the run

    watch = Breakpoint(instant(until, plan, "--until"), stop)
    # The run's objects outlive it in this process, and their finalisers meet a device that is gone: nobody needs to read that.
    sys.unraisablehook = lambda _: None
    plan, images = begun_on(plan, request.images)
    with interpreter.installed():
        verdict = run_plan(plan, loaded, request, lambda _: None, images=images, tap=watch)
    if not watch.reached:
        raise UsageError(f"--until {until}: did not come in this run")
    return verdict


def _where_it_shows(prepared: Prepared) -> str:
    """The last guilty event of the bundle's finding; where that is not known, its time."""
    info = prepared.bundle.info
    try:
        said = msgspec.json.decode(prepared.bundle.verdict, type=Verdict)
    except msgspec.MsgspecError:
        said = None
    for each in () if said is None else said.findings:
        if (each.invariant, each.device, each.at_us) == (info.invariant, info.device, info.at_us) and each.events:
            return str(each.events[-1])
    return f"{info.at_us} us"

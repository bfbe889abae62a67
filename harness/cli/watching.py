"""What a sweep says while it runs, on stderr: how far it is, how fast, how long yet, and each new kind of finding at once.

On a terminal a table that is written over, and gone when the sweep has ended; elsewhere, in a log of CI, a line every half
minute.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from harness.reporters.watching import AtWork, Progress, SweepView

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from harness.results.model import RunRow

_EVERY_S = 30.0
_FRAMES_A_SECOND = 4.0


class Watch:
    """``left``: how many runs there are to be, ``workers`` at a time. ``live``: as a table. ``at_work``: what runs at present."""

    def __init__(
        self,
        left: int,
        max_time_s: float | None,
        *,
        live: bool,
        workers: int = 1,
        at_work: Callable[[], Sequence[AtWork]] = tuple,
    ) -> None:
        self._left = left
        self._max_time_s = max_time_s
        self._workers = workers
        self._at_work = at_work
        self._view = SweepView()
        self._started_s = self._told_s = time.monotonic()
        self._held = threading.RLock()
        """What is drawn in a thread of its own is told in another; a signal may come while it is held."""
        self._live = on_screen(self._table) if live else None

    def told(self, run: RunRow) -> None:
        """One more run has been kept."""
        with self._held:
            new = self._view.saw(run)
        if self._live is not None:
            return
        for finding in new:
            after = f" after {finding.fault}" if finding.fault else ""
            _line(f"new finding {finding.signature}: invariant {finding.invariant} {finding.name}{after}")
            _line(f"  {run.replay}")
        now_s = time.monotonic()
        if now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            _line(self._state(now_s))

    def close(self) -> None:
        """Nothing of the table stays."""
        if self._live is not None:
            self._live.stop()

    def _table(self, height: int) -> RenderableType:
        with self._held:
            return self._view.table(self._progress(time.monotonic()), tuple(self._at_work()), height)

    def _progress(self, now_s: float) -> Progress:
        done, spent_s = self._view.done, max(now_s - self._started_s, 1e-3)
        yet_s = spent_s / done * (self._left - done) if done else self._max_time_s
        if self._max_time_s is not None and yet_s is not None:
            yet_s = min(yet_s, max(0.0, self._max_time_s - spent_s))
        left = "unknown time" if yet_s is None else _time(yet_s)
        return Progress(done, self._left, done / spent_s, left, self._workers)

    def _state(self, now_s: float) -> str:
        at, view = self._progress(now_s), self._view
        kinds = len(view.findings)
        found = f", {kinds} kinds of finding" if kinds > 1 else f", {kinds} kind of finding" if kinds else ""
        bad = f"{view.verdicts['fail']} failed, {view.verdicts['inconclusive']} inconclusive{found}"
        return f"{at.done:,} of {at.of:,} runs  {bad}  {at.rate:.2f} runs/s  {at.left} left"


def on_screen(table: Callable[[int], RenderableType]) -> Live:
    """``table``, given the height that there is, drawn on stderr until it is stopped; what else is said there stands above it."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    live = Live(
        console=console,
        get_renderable=lambda: table(console.height),
        refresh_per_second=_FRAMES_A_SECOND,
        transient=True,
        redirect_stdout=False,
    )
    live.start()
    return live


def _line(text: str) -> None:
    click.echo(text, err=True)


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"

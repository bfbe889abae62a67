"""What a sweep and a gate say while they run, on stderr: how far, how fast, how long yet, and each new kind of finding at once.

On a terminal a table that is written over, and gone when the sweep has ended; elsewhere, in a log of CI, a line every half
minute.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from harness.reporters.watching import AtWork, SweepView

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from harness.results.model import RunRow

_EVERY_S = 30.0
_FRAMES_A_SECOND = 4.0


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far it is, as of now."""

    done: int
    of: int
    rate: float
    """Runs a second."""
    left: str
    """The time that it will take yet, in words."""


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
            return  # drawn, or taken away for good
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
            at = self._progress(time.monotonic())
            head = f"{at.done:,} of {at.of:,} runs  {at.rate:.2f} runs/s  {at.left} left  {self._workers} at a time"
            return self._view.table(head, at.done / max(at.of, 1), tuple(self._at_work()), height)

    def _progress(self, now_s: float) -> _Progress:
        done, spent_s = self._view.done, max(now_s - self._started_s, 1e-3)
        yet_s = spent_s / done * (self._left - done) if done else self._max_time_s
        if self._max_time_s is not None and yet_s is not None:
            yet_s = min(yet_s, max(0.0, self._max_time_s - spent_s))
        left = "unknown time" if yet_s is None else _time(yet_s)
        return _Progress(done, self._left, done / spent_s, left)

    def _state(self, now_s: float) -> str:
        at, view = self._progress(now_s), self._view
        kinds = len(view.findings)
        found = f", {kinds} kinds of finding" if kinds > 1 else f", {kinds} kind of finding" if kinds else ""
        bad = f"{view.verdicts['fail']} failed, {view.verdicts['inconclusive']} inconclusive{found}"
        return f"{at.done:,} of {at.of:,} runs  {bad}  {at.rate:.2f} runs/s  {at.left} left"


class GateWatch:
    """A gate on a terminal; ``rows`` are all runs so far, by part."""

    def __init__(self, rows: Mapping[str, Sequence[RunRow]], budget_s: float) -> None:
        self._rows = rows
        self._budget_s = budget_s
        self._view = SweepView()
        self._seen: dict[str, int] = {}
        self._head = "beginning"
        self._started_s = time.monotonic()
        self._held = threading.RLock()
        self._live = on_screen(self._table)

    def told(self, part: str, done: int, declared: int) -> None:
        """One more run of a part."""
        of = f" of {declared:,}" if declared else ""
        with self._held:
            self._head = f"{part}: {done:,}{of} runs"
            rows = self._rows.get(part, ())
            for row in rows[self._seen.get(part, 0) :]:
                self._view.saw(row)
            self._seen[part] = len(rows)

    def close(self) -> None:
        """Nothing of the table stays."""
        self._live.stop()

    def _table(self, height: int) -> RenderableType:
        spent_s = time.monotonic() - self._started_s
        with self._held:
            head = f"{self._head}  {_time(spent_s)} of {_time(self._budget_s)}"
            return self._view.table(head, spent_s / self._budget_s, (), height)


def draws() -> bool:
    """Whether stderr is a terminal that can be drawn on."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


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

"""What a sweep, a gate and a report say while they work, on stderr: how far, how long yet, and each new kind of finding at once.

On a terminal a table that is written over, and gone when the work has ended; elsewhere, in a log of CI, a line every half
minute, or for each run of a report's pages.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from harness.cli.output import to_copy
from harness.reporters.plain import line
from harness.reporters.watching import AtWork, SweepView, one_line

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from harness.engine.report.finding import Turn
    from harness.results.model import RunRow

_EVERY_S = 30.0
_PAGES_NAMED = 3
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
            _line(f"  {to_copy(run.replay)}")
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


class PagesWatch:
    """The findings of a report being told, each run of theirs as it begins and ends. ``source``: what the report is of.

    ``after``: the command that it is the last part of, and whose time it is not taken from.
    """

    def __init__(self, source: str, *, live: bool, after: str = "") -> None:
        self._source, self._after = source, after
        self._software: set[str] = set()
        """What does not ship, of pages for which there was no time."""
        self._at_work: dict[tuple[int, ...], tuple[Turn, float]] = {}
        self._done = self._of = self._no_time = 0
        self._held = threading.RLock()
        """Runs are waited for in threads."""
        self._draws = live
        self._live: Live | None = None

    def told(self, turn: Turn) -> None:
        """One more run has begun, or is over."""
        from harness.terminals.catalogue import CATALOGUE

        with self._held, suppress(OSError):  # who does not hear of it has the report all the same
            if not self._of:
                self._of = turn.of
                self._begin()
            if not turn.over:
                self._at_work[turn.numbers] = turn, time.monotonic()
                return
            self._done += len(turn.pages)
            late = [page for page in turn.pages if page.why_empty == "no_time"]
            self._no_time += len(late)
            self._software.update(page.terminal for page in late if page.terminal not in ("", *CATALOGUE))
            began = self._at_work.pop(turn.numbers, None)
            if began is not None and self._live is None:
                _line(_told(turn, time.monotonic() - began[1]))

    def close(self) -> None:
        """Nothing of what was drawn stays, but what there was no time for."""
        if self._live is not None:
            self._live.stop()
        if self._no_time:
            with suppress(OSError):
                more = to_copy(f"harness report {shlex.quote(self._source)} --max-time 5min{self._naming()}")
                _line(f"no time for {self._no_time} of {self._of} pages; {more} gives more")

    def _naming(self) -> str:
        """Software that does not ship is run for a report when somebody names it."""
        if len(self._software) > 1:
            return " --trust"
        return "".join(f" --terminal {line(shlex.quote(each), 400)}" for each in self._software)

    def _begin(self) -> None:
        if self._draws:
            self._live = on_screen(self._table)
        else:
            few = "the finding" if self._of == 1 else f"{self._of} findings"
            beside = f", beside the {self._after}'s own (--no-report: none)" if self._after else ""
            _line(f"telling {few} in full; runs that are done again take their time{beside}")

    def _table(self, height: int) -> RenderableType:
        from rich.console import Group

        with self._held:
            now_s = time.monotonic()
            lines = [f"telling findings: {self._done} of {self._of} pages"]
            lines += [_told(turn, now_s - began_s) for turn, began_s in self._at_work.values()]
        return Group(*map(one_line, lines[: max(1, height - 1)]))


def _told(turn: Turn, spent_s: float) -> str:
    """Which pages, and of which invariants; what a results file says there may be anything."""
    runs: list[list[int]] = []
    for number in turn.numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    spans = [f"{each[0]}-{each[-1]}" if len(each) > 1 else f"{each[0]}" for each in runs]
    numbers = ", ".join([*spans[:_PAGES_NAMED], *(["..."] if len(spans) > _PAGES_NAMED else [])])
    names = list(dict.fromkeys(f"{page.invariant} {page.name}" for page in turn.pages))
    more = f" and {len(names) - _PAGES_NAMED} more" if len(names) > _PAGES_NAMED else ""
    pages = "page" if len(turn.numbers) == 1 else "pages"
    return f"{pages} {numbers} of {turn.of}: {line(', '.join(names[:_PAGES_NAMED]), 100)}{more} ({spent_s:.0f} s)"


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

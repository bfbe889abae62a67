"""What a sweep says while it runs, on stderr: how far it is, how fast, how long yet, and each new kind of finding at once.

On a terminal one line that is written over; elsewhere, in a log of CI, a line every half minute.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.results.model import RunRow

_WIDTH = 100
_EVERY_S = 30.0


class Watch:
    """``left``: how many runs there are to be. ``live``: one line, written over."""

    def __init__(self, left: int, max_time_s: float | None, *, live: bool) -> None:
        self._left = left
        self._max_time_s = max_time_s
        self._live = live
        self._verdicts: Counter[str] = Counter()
        self._signatures: Counter[str] = Counter()
        self._started_s = self._told_s = time.monotonic()

    def told(self, run: RunRow) -> None:
        """One more run has been kept."""
        self._verdicts[run.verdict] += 1
        for finding in {each.signature: each for each in reversed(run.findings)}.values():
            self._signatures[finding.signature] += 1
            if self._signatures[finding.signature] == 1:
                after = f" after {finding.fault}" if finding.fault else ""
                self._line(f"new finding {finding.signature}: invariant {finding.invariant} {finding.name}{after}")
                self._line(f"  {run.replay}")
        now_s = time.monotonic()
        if self._live:
            click.echo(f"\r{self._state(now_s):<{_WIDTH}}", nl=False, err=True)
        elif now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            self._line(self._state(now_s))

    def close(self) -> None:
        """Nothing of the line stays."""
        if self._live:
            click.echo(f"\r{'':<{_WIDTH}}\r", nl=False, err=True)

    def _line(self, text: str) -> None:
        click.echo(f"\r{text:<{_WIDTH}}" if self._live else text, err=True)

    def _state(self, now_s: float) -> str:
        done, spent_s = sum(self._verdicts.values()), max(now_s - self._started_s, 1e-3)
        yet_s = spent_s / done * (self._left - done)
        if self._max_time_s is not None:
            yet_s = min(yet_s, max(0.0, self._max_time_s - spent_s))
        kinds = len(self._signatures)
        found = f", {kinds} kinds of finding" if kinds > 1 else f", {kinds} kind of finding" if kinds else ""
        bad = f"{self._verdicts['fail']} failed, {self._verdicts['inconclusive']} inconclusive{found}"
        return f"{done:,} of {self._left:,} runs  {bad}  {done / spent_s:.2f} runs/s  {_time(yet_s)} left"


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"

"""What shrinking came to, as a person reads it: what was done, how small it is now, and the command that shows it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from harness.core.words import several
from harness.engine.shrink.page import headed, told
from harness.engine.shrink.shrink import Shrunk

_COLUMNS = 120


def render(shrunk: Shrunk) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(shrunk)) + "\n"


def _lines(shrunk: Shrunk) -> Iterator[str]:
    finding = shrunk.finding
    yield f"shrunk · {shrunk.path} · signature {shrunk.signature} · {several(shrunk.runs, 'run')} in {shrunk.wall_s:.1f} s"
    number = f"{finding.invariant} " if finding.invariant else ""
    yield from textwrap.wrap(
        f"invariant {number}{headed(finding)}: {finding.summary}", _COLUMNS, subsequent_indent="  "
    )
    came = shrunk.customers if shrunk.before.drawn else None
    yield f"from  {told(shrunk.before, came)}"
    yield f"to    {told(shrunk.after, shrunk.customers)}"
    if shrunk.steps:
        done = (what for what, _ in groupby(what for what, _ in shrunk.steps))
        yield from textwrap.wrap(f"by    {', '.join(done)}", _COLUMNS, subsequent_indent="      ")
    if shrunk.stopped or not shrunk.steps:
        yield ""
        yield from textwrap.wrap(_how_it_ended(shrunk), _COLUMNS, subsequent_indent="  ")
    yield ""
    yield f"again: {shrunk.replay}"


def _how_it_ended(shrunk: Shrunk) -> str:
    """Whether it became smaller at all, and whether more time may help."""
    after = f" after {shrunk.finding.fault}" if shrunk.finding.fault else ""
    spent = f"{several(shrunk.runs, 'run')}, {shrunk.wall_s:.0f} s"
    if not shrunk.stopped:
        return f"no smaller scenario: everything was tried, in {spent}, and nothing smaller shows this finding{after}"
    left = f"{shrunk.stopped} before everything was tried"
    if not shrunk.steps:
        return f"no smaller scenario was found in {spent}: {left}; --budget gives more time"
    return f"{left}: it may become smaller still; --budget gives more time"

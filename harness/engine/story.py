"""The story of a finding, in lines: for the first finding of each invariant, as the rest tell the same tale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.history.events import Barrier, MemorySampled, MessageDelivered
from harness.history.query import HistoryFile, story
from harness.history.words import line
from harness.invariants.base import Finding

LINES_MAX = 40
_STORIES_MAX = 6
_NOISE = (Barrier, MemorySampled, MessageDelivered)


def tell_stories(history: Path, findings: Sequence[Finding]) -> dict[int, tuple[str, ...]]:
    """By place in ``findings``: the lines of its story. Only the first finding of each invariant gets one."""
    told: dict[int, tuple[str, ...]] = {}
    seen: set[int] = set()
    for place, finding in enumerate(findings):
        if finding.number in seen or len(told) >= _STORIES_MAX:
            continue
        seen.add(finding.number)
        events = story(HistoryFile(history), finding, LINES_MAX)
        guilty = set(finding.events)
        told[place] = tuple(
            f"{'>' if number in guilty else ' '} {line(event)}"
            for number, event in events
            if number in guilty or not isinstance(event, _NOISE)
        )
    return told

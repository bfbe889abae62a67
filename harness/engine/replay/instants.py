"""What led up to an instant of a replay: the last events before it."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from harness.engine.snapshots import Instant
from harness.history.codec import read_history
from harness.history.events import AnyEvent, FaultStruck
from harness.history.words import line


def lines_before(history: Path, instant: Instant, most: int) -> tuple[list[str], bool]:
    """The last ``most`` events up to ``instant``, each with its number; and whether it came in this history."""
    came = instant.event is None and not instant.strike
    last: deque[tuple[int, AnyEvent]] = deque(maxlen=most)
    for number, event in read_history(history):
        if instant.at_us is not None and event.at_us > instant.at_us:
            break
        last.append((number, event))
        if number == instant.event or (
            instant.strike and isinstance(event, FaultStruck) and event.fault == instant.strike
        ):
            came = True
            break
    return [f"{number:>7}  {line(event)}" for number, event in last], came

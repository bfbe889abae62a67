"""Where two histories part: a few bytes for each event, kept in a bundle, against the history of the replay.

Models: the first event that is another one, by number. What only names the software or the scenario, or how much memory it takes,
counts for nothing, so that a replay with mended software parts where it does something else.
Does not model: what was there before: four bytes do not tell. One in four thousand million differing events looks the same; the
next one does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec

MARK_BYTES = 4
EVENTS_MAX = 2_000_000
"""Of a longer history the first so many are kept."""
_OF_NO_ACCOUNT = {
    "RunStarted": ("scenario", "terminal"),
    "TerminalInstalled": ("software",),
    "MemorySampled": ("software_bytes",),
}
"""Names, and how much memory objects take, which differs between versions of Python and of any software."""


@dataclass(frozen=True, slots=True)
class Parting:
    """The first event of the replay that is another than it was. ``line`` is empty: the replay had no such event any more."""

    event: int
    at_us: int
    line: str


def marks_of(history: Path) -> bytes:
    """The marks of the history in ``history``."""
    return b"".join(mark for mark, _, _ in _marked(history))


def parting(history: Path, marks: bytes) -> Parting | None:
    """Where ``history`` parts from the one with these ``marks``; None when it does not."""
    number, at_us = 0, 0
    before = len(marks) // MARK_BYTES
    for mark, at_us, line in _marked(history):
        if number >= before or mark != marks[number * MARK_BYTES : (number + 1) * MARK_BYTES]:
            return None if number >= EVENTS_MAX else Parting(number, at_us, line)
        number += 1
    return None if number == before else Parting(number, at_us, "")


def _marked(history: Path) -> Iterator[tuple[bytes, int, str]]:
    """Each event's mark, its time, and its line."""
    decode = msgspec.json.Decoder(dict[str, object]).decode
    encoder = msgspec.json.Encoder(order="deterministic")
    with history.open("rb") as lines:
        for number, line in enumerate(lines):
            if number >= EVENTS_MAX or not line.endswith(b"\n"):
                return
            event = decode(line)
            at_us = event.get("at_us", 0)
            for key in _OF_NO_ACCOUNT.get(str(event.get("event")), ()):
                event.pop(key, None)
            mark = blake2b(encoder.encode(event), digest_size=MARK_BYTES).digest()
            yield mark, at_us if isinstance(at_us, int) else 0, line.decode("utf-8", "replace").rstrip("\n")

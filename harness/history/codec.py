"""Reading a history back: JSON lines to typed events."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.history.events import AnyEvent, Event

_DECODER = msgspec.json.Decoder(AnyEvent)


def decode_line(line: bytes) -> AnyEvent:
    """One line of history.jsonl as an event; raises msgspec.ValidationError or DecodeError."""
    event: AnyEvent = _DECODER.decode(line)
    return event


def read_history(path: Path) -> Iterator[tuple[int, AnyEvent]]:
    """Numbered events of a history file. A torn last line (the writer was killed) ends the history silently."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            if not line.endswith(b"\n"):
                return
            try:
                yield number, _DECODER.decode(line)
            except msgspec.MsgspecError as error:
                raise UsageError(f"{path}:{number + 1}: not an event of this version: {error}") from error


def encode_line(event: Event) -> bytes:
    """The event as it stands in history.jsonl, with the newline."""
    return msgspec.json.encode(event) + b"\n"

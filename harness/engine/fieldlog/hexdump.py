"""Messages in hexadecimal, one a line, each with its time: what terminals and gateways print into their logs.

::

    2026-03-02 09:00:01.250 > 0057 6000030000 ...     # to the host
    2026-03-02 09:00:01.910 < 0041 60 00 00 ...       # from it

Models: a time in ISO form (or seconds since 1970), an arrow (``>`` or ``<``; also ``send``/``recv``, ``up``/``down``), then
digits with or without spaces; a frame with its two length bytes or without. Empty lines and lines that begin with ``#`` are
passed over.
Does not model: dumps over several lines with offsets.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.engine.fieldlog.model import LogError
from harness.engine.fieldlog.rows import local_us
from harness.engine.fieldlog.tables import text_lines

_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?|\d{9,11}(?:\.\d{1,6})?)\s*"
    r"(?P<way>>|<|->|<-|=>|<=|send|sent|recv|received|up|down|out|in)(?:[:\s]\s*|$)(?P<hex>.*)",
    re.IGNORECASE,
)
_UP = frozenset({">", "->", "=>", "send", "sent", "up", "out"})
_EXAMPLE = "2026-03-02 09:00:01.250 > 0057600003..."


@dataclass(frozen=True, slots=True)
class DumpedFrame:
    """One message. ``at_us`` is local time since 1970-01-01."""

    line: int
    at_us: int
    up: bool
    data: bytes


def frames(path: Path, zone: str) -> Iterator[DumpedFrame]:
    """Each message of the dump. Raises LogError, which names the line."""
    for number, text in text_lines(path):
        line = text.strip()
        if line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise LogError(str(path), number, f"expected a time, an arrow and hexadecimal digits, such as {_EXAMPLE}")
        digits = re.sub(r"[\s:]|0x", "", found["hex"].partition("#")[0])
        try:
            data = bytes.fromhex(digits)
        except ValueError:
            raise LogError(
                str(path), number, "what stands after the arrow is no hexadecimal, or has an odd number of digits"
            ) from None
        if not data:
            raise LogError(str(path), number, "there is no message after the arrow")
        yield DumpedFrame(number, _time(path, number, found["time"], zone), found["way"].lower() in _UP, _whole(data))


def _time(path: Path, number: int, text: str, zone: str) -> int:
    try:
        if "-" not in text:
            moment = datetime.datetime.fromtimestamp(float(text), datetime.UTC)
        else:
            moment = datetime.datetime.fromisoformat(text.replace(",", "."))
    except (ValueError, OverflowError, OSError):
        raise LogError(str(path), number, f"{text!r} is no time") from None
    return local_us(moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone)), zone)


def _whole(data: bytes) -> bytes:
    """With its length bytes, which some logs leave out."""
    if len(data) >= 2 and int.from_bytes(data[:2], "big") == len(data) - 2:
        return data
    return len(data).to_bytes(2, "big") + data if len(data) < 1 << 16 else data

"""Quantities as people write them: 90s, 4 KiB, 2.5 MB, 30%, 13:42. Every one is kept as an exact integer where it can be.

KiB, MiB, GiB are powers of 1024; kB, MB, GB are powers of 1000, as SI has it. A number without a unit is refused: nobody
should have to guess whether 90 is seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_MS, US_PER_SECOND

_NUMBER = r"\d+(?:\.\d+)?"
DURATION_PATTERN = rf"^\s*{_NUMBER}\s*(us|ms|s|min|h|d)(\s+{_NUMBER}\s*(us|ms|s|min|h|d))*\s*$"
SHIFT_PATTERN = DURATION_PATTERN.replace(r"^\s*", r"^\s*-?\s*", 1)
SIZE_PATTERN = rf"^\s*{_NUMBER}\s*(B|kB|MB|GB|KB|KiB|MiB|GiB)\s*$"
PERCENT_PATTERN = rf"^\s*{_NUMBER}(?:e-?\d{{1,3}})?\s*%\s*$"
CLOCK_PATTERN = r"^([01]\d|2[0-4]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"

_DURATION_US = {
    "us": 1, "ms": US_PER_MS, "s": US_PER_SECOND, "min": US_PER_MINUTE, "h": US_PER_HOUR, "d": US_PER_DAY,
}  # fmt: skip
_SIZE_BYTES = {
    "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3,
}  # fmt: skip
_PART = re.compile(rf"({_NUMBER})\s*([A-Za-z]+)")
_DURATION = re.compile(DURATION_PATTERN)
_SIZE = re.compile(SIZE_PATTERN)
_PERCENT = re.compile(PERCENT_PATTERN)
_CLOCK = re.compile(CLOCK_PATTERN)
_LONGEST_TEXT = 60
_DURATION_US_MAX = 10_000 * US_PER_DAY
_SIZE_BYTES_MAX = 1 << 40


def duration_us(value: object) -> int:
    """``90s``, ``1.5 h``, ``2min 30s`` in microseconds. Raises ValueError that says what was expected."""
    text = _text(value, "a duration with its unit, such as 90s, 250 ms or 2min 30s")
    if _DURATION.match(text) is None:
        raise _wrong("a duration with its unit, such as 90s, 250 ms or 2min 30s (us, ms, s, min, h, d)", value)
    total = sum((Decimal(number) * _DURATION_US[unit] for number, unit in _PART.findall(text)), Decimal(0))
    return _whole(total, "microseconds", value, _DURATION_US_MAX)


def shift_us(value: object) -> int:
    """A duration that may be negative, such as ``-1 d``, in microseconds."""
    if isinstance(value, str) and value.lstrip().startswith("-"):
        return -duration_us(value.lstrip()[1:])
    return duration_us(value)


def size_bytes(value: object) -> int:
    """``4 KiB``, ``2.5 MB`` in bytes. Raises ValueError that says what was expected."""
    text = _text(value, "a size with its unit, such as 4 KiB or 2.5 MB")
    if _SIZE.match(text) is None:
        raise _wrong("a size with its unit, such as 4 KiB or 2.5 MB (B, kB, MB, GB, KiB, MiB, GiB)", value)
    ((number, unit),) = _PART.findall(text)
    return _whole(Decimal(number) * _SIZE_BYTES[unit], "bytes", value, _SIZE_BYTES_MAX)


def percent(value: object) -> float:
    """``30%`` as 30.0. Raises ValueError that says what was expected."""
    text = _text(value, "a percentage such as 30%")
    if _PERCENT.match(text) is None:
        raise _wrong("a percentage such as 30%", value)
    number = float(text.strip().rstrip("%"))
    if number > 100.0:
        raise ValueError(f"expected at most 100%, found {value!r}")
    return number


def clock_us(value: object) -> int:
    """``13:42`` or ``13:42:07.120`` in microseconds since midnight; ``24:00`` is the end of the day."""
    text = _text(value, "a time of day such as 13:42")
    if _CLOCK.match(text) is None:
        raise _wrong("a time of day such as 13:42 or 13:42:07.120", value)
    hours, minutes, *rest = text.split(":")
    seconds = Decimal(rest[0]) if rest else Decimal(0)
    at_us = int(hours) * US_PER_HOUR + int(minutes) * US_PER_MINUTE + int(seconds * US_PER_SECOND)
    if at_us > US_PER_DAY:
        raise _wrong("a time of day up to 24:00", value)
    return at_us


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise _wrong(expected, value)
    return value


def _wrong(expected: str, value: object) -> ValueError:
    shown = "true" if value is True else "false" if value is False else repr(value)
    return ValueError(f"expected {expected}, found {shown[:_LONGEST_TEXT]}")


def _whole(exact: Decimal, unit: str, value: object, most: int) -> int:
    if exact != exact.to_integral_value():
        raise ValueError(f"expected a whole number of {unit}, found {value!r}")
    if exact > most:
        raise ValueError(f"expected at most {most} {unit}, found {value!r}")
    return int(exact)


# ---------------------------------------------------------------- back to text


def _exactly(units: dict[str, int]) -> Callable[[int], str]:
    largest_first = sorted(units.items(), key=lambda item: -item[1])

    def text(amount: int) -> str:
        for unit, size in largest_first:
            if amount and amount % size == 0:
                return f"{amount // size} {unit}"
        return f"0 {largest_first[-1][0]}"

    return text


duration_text = _exactly(_DURATION_US)
"""A duration in the largest unit that gives a whole number."""


def shift_text(amount_us: int) -> str:
    """A duration that may be negative."""
    return f"-{duration_text(-amount_us)}" if amount_us < 0 else duration_text(amount_us)


size_text = _exactly({unit: _SIZE_BYTES[unit] for unit in ("B", "KiB", "MiB", "GiB")})
"""A size in the largest binary unit that gives a whole number."""


def percent_text(number: float) -> str:
    """``30.0`` as ``30%``, without losing a digit."""
    return repr(number).removesuffix(".0") + "%"


def clock_text(at_us: int) -> str:
    """A time of day that ``clock_us`` reads back."""
    minutes, rest_us = divmod(at_us, US_PER_MINUTE)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    if rest_us:
        whole, fraction = divmod(rest_us, US_PER_SECOND)
        text += f":{whole:02d}" + (f".{fraction:06d}".rstrip("0") if fraction else "")
    return text

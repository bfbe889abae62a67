"""The types of a scenario's values: each reads what people write, says what it expected, and describes itself in the schema."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from harness.core.documents.source import Fraction, Number
from harness.core.documents.values import found
from harness.scenario import quantities


def _text(value: object) -> object:
    # An identifier such as 000123 or 51 is text, whether or not somebody put it in quotes.
    if isinstance(value, Number | Fraction):
        return value.written
    if not isinstance(value, str):
        raise ValueError(f"expected text, found {found(value)}")
    return value


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, found {found(value)}")
    if value < 0:
        raise ValueError(f"expected a whole number from 0 up, found {found(value)}")
    return int(value)


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, found {found(value)}")
    if value < 0:
        raise ValueError(f"expected a number from 0 up, found {found(value)}")
    return float(value)


def _flag(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, found {found(value)}")
    return value


def _range(value: object) -> object:
    ends = value if isinstance(value, list) else [value, value]
    numbers = [int(end) for end in ends if isinstance(end, int) and not isinstance(end, bool)]
    if len(ends) != 2 or len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1]:
        raise ValueError(f"expected a number from 1 up, or two such as [1, 12], found {found(value)}")
    return numbers[0], numbers[1]


def _devices(value: object) -> object:
    if value == "all":
        return value
    if value == "one":
        return 1
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return int(value)
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError(f"expected all, one, a number of devices, or names such as [T01, T04], found {found(value)}")


def _date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"expected a date such as 2026-03-02, found {found(value)}")


def _schema(kind: str, pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": kind, "examples": [example]})


Text = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "number"]})]
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer", "minimum": 0})]
Decimal = Annotated[float, BeforeValidator(_number), WithJsonSchema({"type": "number", "minimum": 0})]
Flag = Annotated[bool, BeforeValidator(_flag)]
Duration = Annotated[
    int, BeforeValidator(quantities.duration_us), _schema("a duration", quantities.DURATION_PATTERN, "90s")
]
Shift = Annotated[
    int, BeforeValidator(quantities.shift_us), _schema("forward, or with - backward", quantities.SHIFT_PATTERN, "-1 d")
]
Size = Annotated[int, BeforeValidator(quantities.size_bytes), _schema("a size", quantities.SIZE_PATTERN, "4 KiB")]
Percent = Annotated[float, BeforeValidator(quantities.percent), _schema("a share", quantities.PERCENT_PATTERN, "30%")]
Clock = Annotated[
    int, BeforeValidator(quantities.clock_us), _schema("a time of day", quantities.CLOCK_PATTERN, "13:42")
]
Day = Annotated[datetime.date, BeforeValidator(_date), _schema("a date", r"^\d{4}-\d\d-\d\d$", "2026-03-02")]
Range = Annotated[
    tuple[int, int],
    BeforeValidator(_range),
    WithJsonSchema({
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
        ]
    }),
]  # fmt: skip
Devices = Annotated[
    Any,
    BeforeValidator(_devices),
    WithJsonSchema({
        "anyOf": [
            {"enum": ["all", "one"]},
            {"type": "integer", "minimum": 1},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ],
        "description": "all, one, how many to draw, or names such as [T01, T04]",
    }),
]  # fmt: skip

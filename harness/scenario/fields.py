"""Fields of a dataclass as keys of a scenario file: the one rule by which parameters are named and read.

A field's unit is the end of its name; the key is the name without it, and the value is written with its unit:
``off_for_us`` is the key ``off_for: 90s``, ``free_bytes`` is ``free: 4 KiB``, ``loss_percent`` is ``loss: 10%``,
``time_us`` is a time of day, ``jump_us`` may be negative. A field may name its key or its unit itself (``metadata={"key":
...}``). So a new fault's parameters are in the scenario language without a line here.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Union

Unit = Literal["none", "duration", "shift", "size", "percent", "clock"]

_SUFFIXES: tuple[tuple[str, Unit], ...] = (("_us", "duration"), ("_bytes", "size"), ("_percent", "percent"))
_CLOCKS = frozenset({"time_us", "open_us", "close_us"})
_SHIFTS = frozenset({"jump_us", "offset_us"})


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: its name in the code, its key in a file, its unit, type and meaning."""

    name: str
    key: str
    unit: Unit
    type: Any  # a type annotation, which has no better type of its own
    optional: bool
    default: object
    required: bool
    description: str


@lru_cache(maxsize=256)
def fields_of(cls: type) -> tuple[Field, ...]:
    """The parameters of a dataclass, in order."""
    hints = typing.get_type_hints(cls)
    described = _descriptions(cls)
    return tuple(_fields(cls, hints, described))


def key_of(name: str) -> tuple[str, Unit]:
    """The key and the unit of a field's name."""
    if name in _CLOCKS:
        return name.removesuffix("_us"), "clock"
    if name in _SHIFTS:
        return name.removesuffix("_us"), "shift"
    for suffix, unit in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix), unit
    return name, "none"


def _fields(cls: type, hints: dict[str, Any], described: dict[str, str]) -> Iterator[Field]:
    for each in dataclasses.fields(cls):
        kind, optional = _without_none(hints[each.name])
        key, unit = key_of(each.name)
        key = str(each.metadata.get("key", key))
        unit = each.metadata.get("unit", unit)
        required = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        default: object = None
        if each.default is not dataclasses.MISSING:
            default = each.default
        elif each.default_factory is not dataclasses.MISSING:
            default = each.default_factory()
        yield Field(each.name, key, unit, kind, optional, default, required, described.get(each.name, ""))


def _without_none(kind: Any) -> tuple[Any, bool]:
    if typing.get_origin(kind) in (Union, types.UnionType):
        arguments = [each for each in typing.get_args(kind) if each is not type(None)]
        if len(arguments) == 1:
            return arguments[0], True
    return kind, False


_DESCRIPTION = re.compile(r'^    (\w+): [^\n]*\n    """(.*?)"""', re.MULTILINE | re.DOTALL)


def _descriptions(cls: type) -> dict[str, str]:
    """The text that stands under each field, for the schema's hover texts; nothing when the source is not there."""
    import inspect

    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return {}
    return {name: " ".join(text.split()) for name, text in _DESCRIPTION.findall(source)}

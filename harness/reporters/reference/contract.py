"""The contract as a page: every class that terminal software imports, with each of its fields.

Models: what the docstrings of ``harness.contract`` say, which ``pydoc`` shows, too: after the class's own sentences each field by
its name (and ``= default``), with its meaning indented below. Does not model: methods, which stand in the code.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import harness.contract as contract
from harness.reporters.reference.tables import cell, sentence, table

_FIELD = re.compile(r"^(\w+)(?: = (.+))?\n((?:    .+(?:\n|$))+)", re.MULTILINE)
_HEAD = ("Field", "Type", "Default", "Meaning")
_FIRST = ("Manifest", "TextPattern", "Record", "Inspection")
"""What everybody writes comes first."""


def described(cls: type) -> dict[str, tuple[str, str]]:
    """Of each field that the docstring of ``cls`` tells: its default as it is told, and its meaning."""
    return {name: (default, text) for name, default, text in _FIELD.findall(inspect.getdoc(cls) or "")}


def documented() -> Iterator[type]:
    """The classes of the contract that have fields."""
    names = [*_FIRST, *(each for each in contract.__all__ if each not in _FIRST)]
    for name in names:
        found = getattr(contract, name)
        if name == getattr(found, "__name__", "") and isinstance(found, type) and fields_of(found):
            yield found


def fields_of(cls: type) -> dict[str, tuple[str, str]]:
    """By name: the type of each field of ``cls``, and its default as code; empty where it has none."""
    if dataclasses.is_dataclass(cls):
        return {each.name: (str(each.type), _default(each)) for each in dataclasses.fields(cls)}
    if getattr(cls, "_is_protocol", False):
        # Hardware has attributes, and nobody makes it.
        return {name: (str(kind), "") for name, kind in vars(cls).get("__annotations__", {}).items()}
    return {}


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "needed"
    if isinstance(field.default, frozenset):
        return f"frozenset({{{', '.join(map(repr, sorted(field.default)))}}})"  # whatever the hash seed
    return repr(field.default)


def page() -> str:
    """Every class of the contract that has fields, the functions that make outcomes, and the words."""
    lines = [
        "# The contract",
        "What software of your own is written against: `from harness.contract import ...`. [bring_python.md]"
        "(../bring_python.md) shows it in use, and `pydoc harness.contract.peripherals` the methods of the hardware. A "
        "program's manifest file has the same keys as `Manifest` ([bring_binary.md](../bring_binary.md)).\n",
        *(_section(each) for each in documented() if len(fields_of(each)) > 1),
    ]
    small = [each for each in documented() if len(fields_of(each)) == 1]
    lines.append("## With one field\n")
    lines.append(table(("Class", "Meaning", "Field", "Meaning of it"), map(_small, small)))
    made = [(name, getattr(contract, name)) for name in contract.__all__]
    functions = [(name, each) for name, each in made if isinstance(each, FunctionType) and name[0].isupper()]
    rows = ((f"`{name}({', '.join(_parameters(each))})`", inspect.getdoc(each) or "") for name, each in functions)
    lines.append("## How an action ends\n\nEach of these makes an `Outcome`.\n")
    lines.append(table(("Made by", "Meaning"), rows))
    words = [(name, typing.get_args(each)) for name, each in made if typing.get_origin(each) is typing.Literal]
    lines.append("## Words\n")
    lines.append(
        table(("Kind", "One of"), ((f"`{name}`", ", ".join(f"`{each}`" for each in all_)) for name, all_ in words))
    )
    return "\n".join(lines)


def _section(cls: type) -> str:
    told = described(cls)
    rows = (
        (f"`{name}`", f"`{kind}`", default if default in ("", "needed") else f"`{default}`", sentence(told[name][1]))
        for name, (kind, default) in fields_of(cls).items()
    )
    prose = "\n\n".join(cell(each) for each in _about(cls).split("\n\n"))
    return f"## {cls.__name__}\n\n{prose}\n\n{table(_HEAD, rows)}"


def _small(cls: type) -> tuple[str, str, str, str]:
    ((name, (_, text)),) = described(cls).items()
    return f"`{cls.__name__}`", _about(cls), f"`{name}`", sentence(text)


def _about(cls: type) -> str:
    return _FIELD.split(inspect.getdoc(cls) or "", maxsplit=1)[0].strip()


def _parameters(function: FunctionType) -> Iterator[str]:
    for name, each in inspect.signature(function).parameters.items():
        yield name if each.default is inspect.Parameter.empty else f"{name}={each.default!r}"

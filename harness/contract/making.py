"""Frozen dataclasses that are made quickly.

Models: the very same class, with an ``__init__`` that puts values straight into the slots. The one that ``dataclass`` writes
for a frozen class goes through ``object.__setattr__`` for each field, which takes three times as long; a sale makes some thirty
such objects.
Does not model: default factories, ``__post_init__``, fields for keywords alone; TypeError where a class has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Stands above ``@dataclass(frozen=True, slots=True)``."""
    parts: tuple[Any, ...] = fields(cls)  # type: ignore[arg-type]  # a dataclass, which TypeVar cannot say
    simple = all(each.init and not each.kw_only and each.default_factory is MISSING for each in parts)
    if not simple or hasattr(cls, "__post_init__"):
        raise TypeError(f"{cls.__name__} has more than plain fields")
    names = [each.name for each in parts]
    takes = [name if each.default is MISSING else f"{name}=_of_{name}" for name, each in zip(names, parts, strict=True)]
    source = "\n ".join((f"def __init__(self, {', '.join(takes)}):", *(f"_set_{name}(self, {name})" for name in names)))
    known: dict[str, Any] = {f"_set_{name}": getattr(cls, name).__set__ for name in names}
    known.update({f"_of_{each.name}": each.default for each in parts})
    exec(source, known)
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__module__ = cls.__module__
    made.__annotations__ = {each.name: each.type for each in parts} | {"return": None}
    cls.__init__ = made  # type: ignore[method-assign]
    return cls

"""Source text that the standard library makes and compiles at each boot anew, compiled once.

Models: nothing; ``dataclasses`` writes the methods of a class as text and executes it, so that the classes of a boot cost
milliseconds. Code objects cannot change and hold no state: each boot executes the same code into functions of its own.
Source: CPython 3.11, Lib/dataclasses.py, ``_create_fn``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

_TEXTS_MAX = 4_096


@lru_cache(_TEXTS_MAX)
def _compiled(text: str) -> CodeType:
    # Not with this module's own __future__ imports: annotations would become text.
    return compile(text, "<string>", "exec", dont_inherit=True)


def _exec(source: str, namespace: dict[str, Any], names: Mapping[str, object]) -> None:
    """``exec`` as ``dataclasses`` calls it."""
    exec(_compiled(source), namespace, names)


def install() -> None:
    """From here on ``dataclasses`` compiles equal texts once. What it makes is the same; calling again changes nothing."""
    dataclasses.exec = _exec  # type: ignore[attr-defined]

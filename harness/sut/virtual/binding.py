"""Python functions in the place of C functions.

A C function kept as a class attribute (``converter = time.localtime``) does not become a method; a Python function does, and
would be handed the instance. So every function that stands in for one of C is wrapped in something that does not bind.
"""

from __future__ import annotations

from functools import partial
from types import FunctionType
from typing import Any


def like_builtins(namespace: dict[str, Any]) -> None:
    """Wrap every Python function of ``namespace`` so that it never binds."""
    for name, value in namespace.items():
        if isinstance(value, FunctionType):
            wrapped = partial(value)
            wrapped.__name__ = name  # type: ignore[attr-defined]
            wrapped.__doc__ = value.__doc__
            namespace[name] = wrapped

"""A value of a file as an error names it."""

from __future__ import annotations

from harness.core.documents.source import Fraction, Number


def found(value: object) -> str:
    """A value as an error names it."""
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number | Fraction):
        return value.written
    return repr(value)[:60]

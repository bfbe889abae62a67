"""A report with something in every field there is, also in those that are added tomorrow; every text in it is the caller's."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from itertools import cycle
from typing import Any, Literal, Union

import msgspec

from harness.engine.report.model import FORMAT, Report

CODES: dict[tuple[str, str], tuple[str, ...]] = {
    ("Said", "code"): ("failed", "missing", "never_bit", "said", "none of ours"),
    ("Unchecked", "code"): ("invariant", "never_bit", "missing", "other"),
    ("Unchecked", "why"): ("",),
    ("Bound", "why_none"): ("",),
    ("Line", "code"): ("measured", "own", "p50"),
    ("Mark", "code"): ("fault", "settlement"),
    ("Figure", "code"): ("budget_bytes", "slope_bytes_per_sale"),
    ("Series", "code"): ("free_space",),
    ("Step", "kind"): ("ScreenShown", "MessageSent", "SoftwareLogged", "PowerLost"),
    ("Message", "direction"): ("up", "down"),
    ("Message", "fate"): ("delivered", "dropped"),
    ("Lost", "why"): ("unsynced", "kept_not"),
    ("Spread", "bound"): ("at most", "at least"),
    ("FindingPage", "severity"): ("critical",),
    ("FindingPage", "why_no_disk"): ("",),
    ("FindingPage", "why_empty"): ("",),
    ("Difference", "why_none"): ("",),
}
"""Texts that the harness itself chooses from a list: all others may be anything."""
SERIES_LINES = ("own", "seen")


class Filling:
    """``report()`` is one with two of everything, ``texts`` in turns in every free text; short ones have a number behind them."""

    def __init__(self, *texts: str) -> None:
        self._texts = cycle(texts)
        self._codes = {key: cycle(values) for key, values in CODES.items()}
        self._count = 0

    def report(self, kind: str = "sweep") -> Report:
        """The whole of it."""
        filled = self._struct(Report, 0)
        report: Report = msgspec.structs.replace(filled, format=FORMAT, kind=kind)
        pages = tuple(self._consistent(page) for page in report.findings)
        rows = tuple(msgspec.structs.replace(row, page=place) for place, row in enumerate(report.signatures))
        return msgspec.structs.replace(report, findings=pages, signatures=rows)

    def _text(self) -> str:
        text = next(self._texts)
        if len(text) < 1000:
            text = f"{text}#{self._count}"
        self._count += 1
        return text

    def _struct(self, kind: type[Any], place: int) -> Any:
        hints = typing.get_type_hints(kind)
        return kind(**{name: self._value(kind, name, hint, place) for name, hint in hints.items()})

    def _value(self, owner: type[Any], name: str, hint: Any, place: int) -> Any:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (Union, types.UnionType):
            return self._value(owner, name, next(each for each in arguments if each is not type(None)), place)
        if origin is Literal:
            return arguments[place % len(arguments)]
        if origin is tuple:
            several = arguments[-1] is Ellipsis
            kinds = (arguments[0], arguments[0]) if several else arguments
            return tuple(self._value(owner, name, each, number) for number, each in enumerate(kinds))
        if hint is bool:
            return place % 2 == 0
        if hint is int:
            return place if name in ("number", "guilty", "message", "event") else 1_000_000 * (place + 1)
        if hint is float:
            return 1.5 + place
        if hint is str:
            codes = self._codes.get((owner.__name__, name))
            return self._text() if codes is None else next(codes)
        return self._struct(hint, place)

    def _consistent(self, page: Any) -> Any:
        """Plots have the lines that their kind has."""
        series = tuple(
            msgspec.structs.replace(
                each,
                lines=tuple(
                    msgspec.structs.replace(line, code=code)
                    for line, code in zip(each.lines, SERIES_LINES, strict=False)
                ),
            )
            for each in page.series
        )
        return msgspec.structs.replace(page, series=series)


def texts_of(value: object) -> Iterator[str]:
    """Every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from texts_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_of(each)

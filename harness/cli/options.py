"""Kinds of option values that several commands share."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable


_SHARDS_MAX = 10_000


class WallSeconds(click.FloatRange):
    """Seconds of real time: at least one, and a number; ``nan`` lies in every range and ``inf`` cannot be waited for."""

    def __init__(self) -> None:
        super().__init__(1)

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of seconds."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{seconds} is no number of seconds", param, ctx)
        return seconds


_MINUTES = re.compile(r"(?<=\d) *m(?![a-z])")


class Duration(click.ParamType[float]):
    """A duration as scenarios write it (``90s``, ``5 min``, here also ``5m``), or a plain number of seconds; at least one."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of seconds."""
        from harness.core.units import US_PER_SECOND
        from harness.scenario.quantities import duration_us

        text = _MINUTES.sub("min", str(value))
        try:
            seconds = float(text) if text.strip().replace(".", "", 1).isdigit() else duration_us(text) / US_PER_SECOND
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 1 <= seconds <= 1e7:
            self.fail(f"expected 1 s to 100 days, found {text}", param, ctx)
        return seconds


class Shard(click.ParamType[tuple[int, int]]):
    """One of several parts: ``3/8`` is the third of eight."""

    name = "N/M"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """The number of the part, and how many there are."""
        number, _, count = str(value).partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= _SHARDS_MAX):
            self.fail(f"expected one of several parts, such as 3/8, found {value}", param, ctx)
        return int(number), int(count)


def named(values: Iterable[str], option: str) -> tuple[str, ...]:
    """``--flow a --flow b`` and ``--flow a,b`` are the same; the order stays, repeats go. BadParameter for nothing at all.

    An empty value is most often a shell variable that was not set; taken as absent it would mean something else.
    """
    names: dict[str, None] = {}
    for value in values:
        given = [each.strip() for each in value.split(",") if each.strip()]
        if not given:
            raise click.BadParameter("it is empty; expected a name", param_hint=f"'{option}'")
        names.update(dict.fromkeys(given))
    return tuple(names)

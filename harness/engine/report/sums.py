"""Measures over many runs as a few numbers each: what a hundred thousand runs come to must fit on a page."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from math import isfinite
from statistics import median

from harness.engine.report.model import Spread
from harness.scenario.thresholds import MEASURES

_STEPS = 32


def spreads_of(values: Mapping[str, array[float]]) -> tuple[Spread, ...]:
    """One for each measure that has a value, those of thresholds first. What is no number or endless is no value."""
    places = {name: place for place, name in enumerate(MEASURES)}
    names = sorted(values, key=lambda name: (places.get(name, len(places)), name))
    finite = {name: sorted(filter(isfinite, values[name])) for name in names}
    return tuple(_spread(name, ordered) for name, ordered in finite.items() if ordered)


def _spread(name: str, ordered: list[float]) -> Spread:
    least, most = ordered[0], ordered[-1]
    steps: tuple[int, ...] = ()
    if most / _STEPS > least / _STEPS:
        counts = [0] * _STEPS
        width = most / _STEPS - least / _STEPS  # their difference may be endless
        for value in ordered:
            counts[int(min(_STEPS - 1, (value - least) / width))] += 1
        steps = tuple(counts)
    p95 = ordered[(len(ordered) * 95 - 1) // 100]
    return Spread(name, least, median(ordered), most, p95, len(ordered), steps, meaning=meaning_of(name))


def meaning_of(name: str) -> str:
    """What a measure says, of those that a scenario may set a threshold for; of others their names say it."""
    return MEASURES[name].meaning if name in MEASURES else ""

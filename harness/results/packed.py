"""Measures and bites of a run as numbers side by side: what a hundred thousand runs come to is added up by columns.

Models: little-endian doubles and 64-bit integers, in the order of the names that stand beside them once for all runs.
Does not model: compression; a run takes a few hundred bytes.
"""

from __future__ import annotations

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from harness.results.model import BiteRow, Measure

Number = TypeVar("Number", int, float)
_MOST = (1 << 63) - 1


def doubles(values: Iterable[float]) -> bytes:
    """Measures."""
    return _bytes(array("d", values))


def integers(values: Iterable[int]) -> bytes:
    """Strikes and bites, which nobody counts beyond 63 bits."""
    return _bytes(array("q", (min(value, _MOST) for value in values)))


def unpacked(
    names: Mapping[int, str], measured: int, measures: bytes, planned: int, bites: bytes
) -> tuple[tuple[Measure, ...], tuple[BiteRow, ...]]:
    """A run's, with their names."""
    numbers = _integers(bites)
    return (
        tuple(Measure(*each) for each in zip(_measures(names[measured]), _doubles(measures), strict=True)),
        tuple(
            BiteRow(*fault, struck, bit)
            for fault, struck, bit in zip(_faults(names[planned]), numbers[::2], numbers[1::2], strict=True)
        ),
    )


def columns(
    names: Mapping[int, str], rows: Iterable[tuple[int, bytes]], only: str | None = None
) -> dict[str, array[float]]:
    """Every value of each measure, or of one, in the order of the rows as far as they measured the same."""
    together: dict[int, list[bytes]] = defaultdict(list)
    for measured, measures in rows:
        together[measured].append(measures)
    found: dict[str, array[float]] = {}
    for measured, parts in together.items():
        values, keys = _doubles(b"".join(parts)), _measures(names[measured])
        for place, name in enumerate(keys):
            if only in (None, name):
                found.setdefault(name, array("d")).extend(values[place :: len(keys)])
    return found


def bite_sums(names: Mapping[int, str], rows: Iterable[tuple[str, int, bytes]]) -> list[tuple[str, BiteRow, int]]:
    """By scenario and fault: the sum, and of how many runs."""
    together: dict[tuple[str, int], list[bytes]] = defaultdict(list)
    for scenario, planned, bites in rows:
        together[scenario, planned].append(bites)
    found: list[tuple[str, BiteRow, int]] = []
    for (scenario, planned), parts in together.items():
        numbers, faults = _integers(b"".join(parts)), _faults(names[planned])
        width = 2 * len(faults)
        for place, fault in enumerate(faults):
            struck, bit = numbers[2 * place :: width], numbers[2 * place + 1 :: width]
            found.append((scenario, BiteRow(*fault, sum(struck), sum(bit)), len(struck)))
    return found


def _measures(names: str) -> list[str]:
    return msgspec.json.decode(names, type=list[str])


def _faults(names: str) -> list[tuple[str, str, str]]:
    return msgspec.json.decode(names, type=list[tuple[str, str, str]])


def _doubles(data: bytes) -> array[float]:
    return _read(array("d"), data)


def _integers(data: bytes) -> array[int]:
    return _read(array("q"), data)


def _bytes(values: array[float] | array[int]) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _read(values: array[Number], data: bytes) -> array[Number]:
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values

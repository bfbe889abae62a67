"""Rows in which every pair of values meets: what a matrix comes to when all of its combinations are too many.

Models: a covering array of strength two, greedy, one row at a time, each begun with the first pair that has not met; the same
axes give the same rows. Pairs that exclude each other never stand in one row.
Does not model: the least number of rows. Greedy rows come within a third or so of it, and nothing rests on it.
Source: Kuhn and others, "Software fault interactions and implications for software testing", IEEE TSE 30(6), 2004: most failures
hang on one or two factors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from typing import TypeAlias

Allowed: TypeAlias = Callable[[int, int, int, int], bool]
"""Whether value ``b`` of axis ``a`` may meet value ``d`` of axis ``c``, called as (a, b, c, d)."""
Row: TypeAlias = tuple[int, ...]


def all_pairs(sizes: Sequence[int], allowed: Allowed) -> list[Row]:
    """Rows of one value an axis (its place), in which every allowed pair of two axes meets that any row can hold."""
    if len(sizes) < 2:
        return list(product(*(range(size) for size in sizes)))
    known = _Known(allowed)
    missing = dict.fromkeys(_pairs(sizes, known))
    rows: list[Row] = []
    while missing:
        pair = next(iter(missing))
        row = _row(sizes, known, missing, pair)
        if row is None:
            del missing[pair]  # whatever else is chosen, something excludes it
            continue
        rows.append(row)
        for met in combinations(enumerate(row), 2):
            missing.pop((*met[0], *met[1]), None)
    return rows


def every_row(sizes: Sequence[int], allowed: Allowed) -> Iterator[Row]:
    """All rows that hold no pair that is excluded."""
    known = _Known(allowed)
    for row in product(*(range(size) for size in sizes)):
        if all(known(*one, *other) for one, other in combinations(enumerate(row), 2)):
            yield row


class _Known:
    """Asks once about each pair: an answer may cost the building of a scenario."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._answers: dict[tuple[int, int, int, int], bool] = {}

    def __call__(self, a: int, b: int, c: int, d: int) -> bool:
        pair = (a, b, c, d) if a < c else (c, d, a, b)
        if pair not in self._answers:
            self._answers[pair] = self._allowed(*pair)
        return self._answers[pair]


def _pairs(sizes: Sequence[int], known: _Known) -> Iterator[tuple[int, int, int, int]]:
    for (a, first), (c, second) in combinations(enumerate(sizes), 2):
        for b, d in product(range(first), range(second)):
            if known(a, b, c, d):
                yield a, b, c, d


def _row(
    sizes: Sequence[int], known: _Known, missing: dict[tuple[int, int, int, int], None], pair: tuple[int, int, int, int]
) -> Row | None:
    """A row with ``pair`` in it and as many other missing pairs as one finds by going from axis to axis; None: there is none."""

    def gain(chosen: dict[int, int], axis: int, value: int) -> int:
        met = ((a, b, axis, value) if a < axis else (axis, value, a, b) for a, b in chosen.items())
        return sum(each in missing for each in met)

    def filled(chosen: dict[int, int]) -> dict[int, int] | None:
        axis = next((each for each in range(len(sizes)) if each not in chosen), None)
        if axis is None:
            return chosen
        fitting = [v for v in range(sizes[axis]) if all(known(axis, v, a, b) for a, b in chosen.items())]
        # Of equals the first one; the sort is stable.
        for value in sorted(fitting, key=lambda v: -gain(chosen, axis, v)):
            found = filled({**chosen, axis: value})
            if found is not None:
                return found
        return None

    chosen = filled({pair[0]: pair[1], pair[2]: pair[3]})
    return None if chosen is None else tuple(chosen[axis] for axis in range(len(sizes)))

"""Covering arrays: every pair that may meet meets, none that may not, and far fewer rows than all of them."""

from __future__ import annotations

from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.pairs import Row, all_pairs, every_row

Pair = tuple[int, int, int, int]


def pairs_of(row: Row) -> set[Pair]:
    return {(a, b, c, d) for (a, b), (c, d) in combinations(enumerate(row), 2)}


@st.composite
def matrices(draw: st.DrawFn) -> tuple[list[int], frozenset[Pair]]:
    """Sizes of axes, and pairs that exclude each other."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    every = [
        (a, b, c, d)
        for (a, first), (c, second) in combinations(enumerate(sizes), 2)
        for b, d in product(range(first), range(second))
    ]
    return sizes, frozenset(draw(st.lists(st.sampled_from(every), max_size=8))) if every else frozenset()


@given(matrices())
def test_every_pair_that_any_row_can_hold_meets_and_none_that_is_excluded(
    matrix: tuple[list[int], frozenset[Pair]],
) -> None:
    sizes, excluded = matrix

    def allowed(a: int, b: int, c: int, d: int) -> bool:
        return (a, b, c, d) not in excluded

    whole = [row for row in product(*map(range, sizes)) if not pairs_of(row) & excluded]
    assert list(every_row(sizes, allowed)) == whole
    rows = all_pairs(sizes, allowed)
    assert rows == all_pairs(sizes, allowed) and len(set(rows)) == len(rows)
    assert set(rows) <= set(whole)
    assert set().union(*map(pairs_of, rows)) == set().union(*map(pairs_of, whole))
    if len(sizes) == 1:
        assert rows == whole


def test_there_are_far_fewer_rows_than_combinations() -> None:
    rows = all_pairs([10, 6, 6, 5, 4], lambda *_: True)
    # 60 is the least that there can be, 7,200 are all.
    assert 60 <= len(rows) <= 80

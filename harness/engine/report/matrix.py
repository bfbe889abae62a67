"""Faults by invariants: what was found after which fault, and where a blank says nothing.

Models: one row a kind of fault that was planned or led to a finding, one column an invariant. A row that never bit and a column
that was not checked are told apart from cells in which nothing was found. Does not model: single strikes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.engine.report.model import Cell, FaultRow, InvariantColumn, Matrix, SignatureRow
from harness.faults.catalogue import all_faults
from harness.invariants.catalogue import INVARIANTS
from harness.results.model import BiteRow, FindingSum
from harness.scenario.plan import NO_REPLY

_SIGNATURES_MOST = 5
_DIGITS_MAX = 4


def matrix_of(
    bites: Iterable[tuple[BiteRow, int]],
    sums: Iterable[FindingSum],
    signatures: Iterable[SignatureRow],
    checked: Mapping[int, bool] | None = None,
) -> Matrix:
    """All of it. ``bites``: planned faults with the number of runs that each was on in; ``checked``: by invariant, if known."""
    cells = _cells(sums, signatures)
    rows = _rows(bites, cells)
    return Matrix(rows, _columns(cells, checked), cells)


def _cells(sums: Iterable[FindingSum], signatures: Iterable[SignatureRow]) -> tuple[Cell, ...]:
    named: dict[tuple[str, int], list[str]] = {}
    for each in signatures:
        for fault in dict.fromkeys(point.fault for point in each.points):
            named.setdefault((fault, each.invariant), []).append(each.signature)
    together: dict[tuple[str, int], Cell] = {}
    for found in sums:
        key = found.fault, found.invariant
        before = together.get(key, Cell(*key, 0, 0))
        together[key] = Cell(
            *key, before.findings + found.findings, before.runs + found.runs, before.money_fen + found.money_fen,
            tuple(named.get(key, ())[:_SIGNATURES_MOST]),
        )  # fmt: skip
    return tuple(together[key] for key in sorted(together))


def _rows(bites: Iterable[tuple[BiteRow, int]], cells: tuple[Cell, ...]) -> tuple[FaultRow, ...]:
    """Those that led to findings first, then those that bit, last those that never did."""
    known: dict[str, FaultRow] = {}
    for bite, runs in bites:
        before = known.get(bite.kind, FaultRow(bite.kind, bite.family))
        # Several faults of one kind may be on in one run: at least so many runs had it on.
        known[bite.kind] = FaultRow(
            bite.kind, bite.family, max(before.runs, runs), before.struck + bite.struck, before.bit + bite.bit
        )
    families = {NO_REPLY: "host", **{name: fault.family for name, fault in all_faults().items()}}
    found: dict[str, int] = {}
    for cell in cells:
        found[cell.fault] = found.get(cell.fault, 0) + cell.findings
        known.setdefault(cell.fault, FaultRow(cell.fault, families.get(cell.fault, "")))
    return tuple(sorted(known.values(), key=lambda each: (-found.get(each.kind, 0), -each.bit, each.kind)))


def _columns(cells: tuple[Cell, ...], checked: Mapping[int, bool] | None) -> tuple[InvariantColumn, ...]:
    names: dict[int, list[str]] = {}
    sentences: dict[int, list[str]] = {}
    for name, invariant in INVARIANTS.items():
        names.setdefault(invariant.number, []).append(name)
        sentences.setdefault(invariant.number, []).append(invariant.sentence())
    for cell in cells:
        names.setdefault(cell.invariant, ["threshold" if not cell.invariant else f"invariant_{cell.invariant}"])
    return tuple(
        InvariantColumn(
            number, ", ".join(names[number]), " ".join(sentences.get(number, ())),
            None if checked is None else checked.get(number, not number),
        )
        for number in sorted(names)
    )  # fmt: skip


def checked_in(named: Iterable[str]) -> dict[int, bool]:
    """By number, of invariants as ``NUMBER NAME``; whatever else somebody wrote there is none."""
    heads = (each.partition(" ")[0] for each in named)
    return {int(head): True for head in heads if head.isascii() and head.isdecimal() and len(head) <= _DIGITS_MAX}


def not_planned(kinds: Iterable[str]) -> tuple[str, ...]:
    """Kinds of fault that there are and that were no part of it."""
    planned = set(kinds)
    return tuple(name for name in sorted(all_faults().names()) if name not in planned)

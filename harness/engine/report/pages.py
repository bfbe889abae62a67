"""Which findings get a page of their own, in which order, and what is known of each before anything is run again.

Models: a finding of every invariant first, then the others, those of most runs first: whoever reads on sees what is new. Lines to
replay name shipped scenarios by their names and files below the present directory by where they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from harness.engine.report.model import FindingPage, Point, Report, Said, SignatureRow
from harness.scenario import find

PAGES_MAX = 100
_PLACES_MAX = 6
_EXEC = re.compile(r"('exec:[^']*'|exec:\S+)")


def with_pages(report: Report, known: Iterable[FindingPage] = ()) -> Report:
    """The report with a page for each of its first findings. ``known``: pages that say more than a row does, by signature."""
    more = {each.signature: each for each in known}
    ordered = in_order(report.signatures)
    numbers = {each.signature: number for number, each in enumerate(ordered[:PAGES_MAX])}
    left = len(ordered) - len(numbers)
    replace = msgspec.structs.replace
    return replace(
        report,
        signatures=tuple(replace(each, page=numbers.get(each.signature)) for each in ordered),
        findings=tuple(more.get(each.signature, page_of(each, report.title)) for each in ordered[:PAGES_MAX]),
        left_out=(*report.left_out, Said("left_findings", count=left)) if left else report.left_out,
    )


def in_order(rows: Iterable[SignatureRow]) -> list[SignatureRow]:
    """New ones before known ones; in each the first of every invariant, then the second."""
    seen: dict[tuple[bool, int], int] = {}
    ranked: list[tuple[bool, int, int, SignatureRow]] = []
    for row in sorted(rows, key=lambda each: (each.known, each.invariant, -each.runs, each.signature)):
        key = row.known, row.invariant
        ranked.append((row.known, seen.get(key, 0), row.invariant, row))
        seen[key] = seen.get(key, 0) + 1
    return [row for *_, row in sorted(ranked, key=lambda each: each[:3])]


def few(points: Iterable[Point]) -> tuple[Point, ...]:
    """Of each fault the first few places: every fault that led to it is there, so that it is found by its cell."""
    kept: list[Point] = []
    seen: dict[str, int] = {}
    for point in points:
        seen[point.fault] = seen.get(point.fault, 0) + 1
        if seen[point.fault] <= _PLACES_MAX:
            kept.append(point)
    return tuple(kept)


def page_of(row: SignatureRow, terminal: str) -> FindingPage:
    """What a row says."""
    first = row.points[0] if row.points else None
    return FindingPage(
        row.signature, row.invariant, row.name, row.summary, money_fen=row.money_fen, scenario=row.scenario, seed=row.seed,
        terminal=terminal, fault=first.fault if first else "", place=first.place if first else "", again=row.again,
        shrunk_again=row.shrunk_again, not_shrunk=row.not_shrunk,
    )  # fmt: skip


def portable(line: str) -> str:
    """A line to copy, or a path, as a person gives it."""
    root, here = _roots()
    named = re.sub(rf"{root}([\w/]+)\.yaml", r"\1", line)
    # A program is looked for from elsewhere: its paths stay whole, or the line would not run.
    return "".join(
        part if part.startswith(("exec:", "'exec:")) else part.replace(here, "") for part in _EXEC.split(named)
    )


@cache
def _roots() -> tuple[str, str]:
    return re.escape(f"{find.scenarios_root()}{os.sep}"), f"{Path.cwd()}{os.sep}"

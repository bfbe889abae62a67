"""Markdown of the reference pages: tables, and texts of docstrings made fit for a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def cell(text: object) -> str:
    """``text`` on one line, with marks of docstrings as Markdown has them; nothing in it can end the cell."""
    line = " ".join(str(text).split()).replace("``", "`")
    return line.replace("|", "\\|").replace("<", "&lt;") if "`" not in line else _outside_code(line)


def _outside_code(line: str) -> str:
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(
        part.replace("|", "\\|") if part.startswith("`") else part.replace("|", "\\|").replace("<", "&lt;")
        for part in parts
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with these columns."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(cell(each) for each in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop, where it has any words."""
    line = " ".join(text.split())
    if not line:
        return ""
    first = line if line.startswith("`") or "_" in line.split()[0] else line[0].upper() + line[1:]
    return first if first[-1] in ".!?:" else f"{first}."

"""What the trade's articles name, item by item, as rows that a scenario may say it covers.

Models: one row an item of the articles on full storage, failed settlement, system faults, late funds and common problems: who
names it, what kind of thing it is, and what would see it. Does not model: whether anything covers it (``coverage`` does).
Source: data/trade_rows.toml, which holds the rows of domain.md section 7 in their order.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast, get_args

RowClass = Literal["F", "W", "O", "E", "C", "M"]

CLASSES: dict[RowClass, str] = {
    "F": "fault",
    "W": "workload",
    "O": "operator",
    "E": "environment",
    "C": "countermeasure",
    "M": "measure",
}


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One item. ``classes`` may be two; ``invariants`` (numbers) and ``measures`` are what sees it.

    ``not_simulated``: advice for managers, a cost or a parameter and no scenario.
    """

    id: str
    articles: tuple[int, ...]
    classes: tuple[RowClass, ...]
    chinese: str
    english: str
    invariants: tuple[int, ...] = ()
    measures: tuple[str, ...] = ()
    not_simulated: bool = False


@cache
def trade_rows() -> tuple[TradeRow, ...]:
    """All rows, in the articles' order."""
    text = (files("harness.scenario") / "data" / "trade_rows.toml").read_text("utf-8")
    return tuple(_row(values) for values in cast("list[dict[str, object]]", tomllib.loads(text)["rows"]))


@cache
def row_ids() -> tuple[str, ...]:
    """The ids that ``covers:`` may name."""
    return tuple(row.id for row in trade_rows())


def _row(values: dict[str, object]) -> TradeRow:
    letters = str(values["class"])
    assert letters and set(letters) <= set(get_args(RowClass)), values
    return TradeRow(
        id=str(values["id"]),
        articles=tuple(cast("list[int]", values["articles"])),
        classes=cast("tuple[RowClass, ...]", tuple(letters)),
        chinese=str(values["zh"]),
        english=str(values["en"]),
        invariants=tuple(cast("list[int]", values.get("invariants", []))),
        measures=tuple(cast("list[str]", values.get("measures", []))),
        not_simulated=bool(values.get("not_simulated", False)),
    )

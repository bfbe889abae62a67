"""Kinds of merchant: how much they sell, when, for how much, and how people pay there.

Models: sales a day, opening hours, the hourly curve, ticket sizes, the share of codes against cards, declines, voids,
refunds and check-ins. Does not model: baskets, tips, seasons, several tills that share one queue. Source:
data/merchants.toml, where each number has its source or is an assumption.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Protocol, cast

from harness.core.decisions import Decisions
from harness.core.registry import Registry
from harness.core.units import US_PER_HOUR, US_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Merchant:
    """One kind of merchant."""

    name: str
    summary: str
    open_us: int
    close_us: int
    sales_per_day_min: int
    sales_per_day_max: int
    ticket_min_fen: int
    ticket_max_fen: int
    code_percent: float
    decline_percent: float
    void_percent: float
    refund_percent: float
    weekend_factor: float
    hourly: tuple[float, ...]
    """Relative weight of each hour of the day."""
    preauth_percent: float = 0.0
    """How many visits are check-ins of guests, whose amount is held until they check out."""
    sources: tuple[tuple[str, str], ...] = ()

    def sales_per_day(self, decisions: Decisions, station: str) -> int:
        """How much this shop sells on an ordinary day: drawn once per shop, evenly on a logarithmic scale."""
        low, high = self.sales_per_day_min, self.sales_per_day_max
        return decisions.integer(
            f"{station}/shop/sales_per_day", round((low * high) ** 0.5), lambda u: round(low * (high / low) ** u)
        )


MERCHANTS: Registry[Merchant] = Registry("merchant")


def clock_us(text: str) -> int:
    """``HH:MM`` as microseconds since midnight; 24:00 is the end of the day."""
    hours, _, minutes = text.partition(":")
    return int(hours) * US_PER_HOUR + int(minutes) * US_PER_MINUTE


def _load() -> None:
    table = cast(
        "dict[str, dict[str, object]]",
        tomllib.loads((files("harness.workload") / "data" / "merchants.toml").read_text("utf-8")),
    )
    for name, row in table.items():
        MERCHANTS.register(name)(_merchant(name, row))


def _merchant(name: str, row: dict[str, object]) -> Merchant:
    sales = cast("list[int]", row["sales_per_day"])
    ticket = cast("list[int]", row["ticket_yuan"])
    hourly = tuple(float(weight) for weight in cast("list[float]", row["hourly"]))
    assert len(hourly) == 24, name
    return Merchant(
        name=name,
        summary=str(row["summary"]),
        open_us=clock_us(str(row["open"])),
        close_us=clock_us(str(row["close"])),
        sales_per_day_min=sales[0],
        sales_per_day_max=sales[1],
        ticket_min_fen=ticket[0] * 100,
        ticket_max_fen=ticket[1] * 100,
        code_percent=_number(row["code_percent"]),
        decline_percent=_number(row["decline_percent"]),
        void_percent=_number(row["void_percent"]),
        refund_percent=_number(row["refund_percent"]),
        weekend_factor=_number(row["weekend_factor"]),
        hourly=hourly,
        preauth_percent=_number(row.get("preauth_percent", 0)),
        sources=tuple(sorted(cast("dict[str, str]", row.get("sources", {})).items())),
    )


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


_load()


# ---------------------------------------------------------------- names


class _Faker(Protocol):
    def seed_instance(self, seed: int) -> None: ...
    def company(self) -> str: ...
    def name(self) -> str: ...


@lru_cache(maxsize=1)
def _faker() -> _Faker:
    # Imported late: Faker and its Chinese tables take tens of milliseconds that only a run needs.
    from faker import Faker

    return cast("_Faker", Faker("zh_CN"))


def shop_name(decisions: Decisions, station: str) -> str:
    """The shop's name, as on its receipts; pinned as text, because Faker's output changes between releases."""

    def draw(bits: int) -> str:
        faker = _faker()
        faker.seed_instance(bits)
        return faker.company()

    return decisions.text(f"{station}/shop/name", f"商户{station}", draw)


def operator_name(decisions: Decisions, station: str) -> str:
    """The name of whoever works the till."""

    def draw(bits: int) -> str:
        faker = _faker()
        faker.seed_instance(bits)
        return faker.name()

    return decisions.text(f"{station}/shop/operator", "收银员", draw)

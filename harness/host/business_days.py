"""Which days banks in China's mainland work: weekdays without public holidays, and the make-up workdays of weekends.

Models: the days of the years in data/china_days.toml. Does not model: banks that close on make-up workdays, other countries,
years that have not been announced: such a day is refused, never guessed.
Source: named in the data file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import cast

from harness.core.errors import UsageError

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class ChinaDays:
    """The frozen days. ``years`` are those for which they are known."""

    years: range
    holidays: frozenset[date]
    workdays: frozenset[date]


@cache
def china_days() -> ChinaDays:
    """The data file, read once."""
    text = (files("harness.host") / "data" / "china_days.toml").read_text("utf-8")
    years = cast("dict[str, dict[str, list[str]]]", tomllib.loads(text))
    known = sorted(int(year) for year in years)

    def dates(key: str) -> frozenset[date]:
        return frozenset(date.fromisoformat(f"{year}-{day}") for year, days in years.items() for day in days[key])

    return ChinaDays(range(known[0], known[-1] + 1), dates("holidays"), dates("workdays"))


def is_business_day(day: date) -> bool:
    """Whether banks work on ``day``; UsageError for a year whose holidays are not known."""
    known = china_days()
    if day.year not in known.years:
        first, last = known.years[0], known.years[-1]
        raise UsageError(
            f"the holidays of {day.year} are not known, those of {first} to {last} are: start the days earlier, or use a "
            f"settlement cycle that asks for none (D+1, D+0)"
        )
    return day in known.workdays or (day.weekday() < _SATURDAY and day not in known.holidays)


def next_business_day(day: date) -> date:
    """The first business day after ``day``."""
    following = day + timedelta(days=1)
    while not is_business_day(following):
        following += timedelta(days=1)
    return following

"""When customers come, and what each wants: one day at one till.

Models: a non-homogeneous Poisson process over the merchant's hourly curve, by inverse transform (unit-rate exponential
gaps mapped through the inverse of the cumulative rate), within opening hours; ticket sizes even on a logarithmic scale;
each visit a sale, a void, a refund or a check-in; a surge of some hours. Does not model: groups, rain, holidays other than
the weekend factor.
Source: the inverse-transform method is textbook (Cinlar 1975); shares are the merchant's.

One decision per till and day seeds a generator of its own, so that a day's customers are the same whatever the terminal
does, and a resolved scenario pins them in one line. A visit's number is its place in the day: taking a visit out leaves the
other visits as they are.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from harness.contract.making import quick
from harness.core.decisions import Decisions
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from harness.workload.merchants import Merchant

VisitKind = Literal["sale", "void", "refund", "preauth", "preauth_void", "completion"]


@quick
@dataclass(frozen=True, slots=True)
class Visit:
    """One customer's wish. ``day`` counts from 0, ``number`` within the day from 0."""

    day: int
    number: int
    at_us: int
    kind: VisitKind
    amount_fen: int
    pays_by_code: bool
    keying_us: int
    """How long the operator takes to key the sale in."""
    reaching_us: int
    """How long the customer takes to show card or phone once the terminal asks."""
    patience: float
    """The customer's share of the ordinary patience, 0.6 to 1.4."""
    card_choice: float
    """Which card they carry, in [0, 1)."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Trading hours within a day."""

    open_us: int
    close_us: int


@dataclass(frozen=True, slots=True)
class Surge:
    """A fair, a festival, a fire sale: for some hours ``factor`` times as many customers as on an ordinary day."""

    factor: float = 4.0
    """How many times as many customers come."""
    open_us: int = 17 * US_PER_HOUR
    """From when."""
    close_us: int = 20 * US_PER_HOUR
    """Until when."""
    day: int | None = None
    """Day of the run, from 1; None: every day."""

    def __post_init__(self) -> None:
        if self.factor <= 0.0 or self.open_us >= self.close_us:
            raise ValueError("expected a factor above 0 and hours that end after they begin")

    def parts(self, start_us: int, end_us: int) -> Iterator[tuple[int, int, float]]:
        """A stretch of time cut at the surge's ends: start, end, and how many times as many customers come in it."""
        edges = [start_us, *(edge for edge in (self.open_us, self.close_us) if start_us < edge < end_us), end_us]
        for begin_us, until_us in pairwise(edges):
            yield begin_us, until_us, self.factor if self.open_us <= begin_us < self.close_us else 1.0


def arrivals_key(station: str, day: int) -> str:
    """The decision that a day's customers hang on; ``day`` counts from 0, the key from 1 as people do."""
    return f"{station}/day{day + 1}/arrivals"


def visits_of_day(
    decisions: Decisions,
    station: str,
    merchant: Merchant,
    day: int,
    date: datetime.date,
    hours: Hours,
    sales_per_day: float,
    surge: Surge | None = None,
) -> list[Visit]:
    """Everybody who comes to ``station`` on ``day``, in the order in which they come."""
    generator = random.Random(decisions.seed(arrivals_key(station, day)))
    mean = sales_per_day * (merchant.weekend_factor if date.weekday() >= 5 else 1.0)
    start_us = day * US_PER_DAY
    if surge is not None and surge.day not in (None, day + 1):
        surge = None
    times = poisson_times(generator, merchant.hourly, hours, mean, surge)
    return [
        _visit(generator, merchant, day, number, start_us + offset_us) for number, offset_us in enumerate(list(times))
    ]


def poisson_times(
    generator: random.Random, hourly: tuple[float, ...], hours: Hours, mean: float, surge: Surge | None = None
) -> Iterator[int]:
    """Times of day in microseconds, ascending, ``mean`` of them on average, spread over ``hours`` as ``hourly`` says.

    A surge adds customers within its hours and moves nobody who comes before it.
    """
    slices = _slices(hourly, hours)
    total = sum(weight for _, _, weight in slices)
    if total <= 0.0 or mean <= 0.0:
        return
    passed = 0.0
    target = generator.expovariate(1.0)
    for start_us, end_us, expected in _expected(slices, total, mean, surge):
        while expected > 0.0 and target < passed + expected:
            yield start_us + int((target - passed) / expected * (end_us - start_us))
            target += generator.expovariate(1.0)
        passed += expected


def _expected(
    slices: list[tuple[int, int, float]], total: float, mean: float, surge: Surge | None
) -> Iterator[tuple[int, int, float]]:
    """Parts of the day with a constant rate: start, end, and how many customers are expected in it."""
    for start_us, end_us, weight in slices:
        expected = mean * (weight / total)  # in this order: a share is at most 1, whatever the weights
        if surge is None:
            yield start_us, end_us, expected
        else:
            for begin_us, until_us, factor in surge.parts(start_us, end_us):
                yield begin_us, until_us, expected * factor * (until_us - begin_us) / (end_us - start_us)


def _slices(hourly: tuple[float, ...], hours: Hours) -> list[tuple[int, int, float]]:
    """Parts of the day with a constant rate: start, end, and how much of the day's trade falls into them."""
    slices: list[tuple[int, int, float]] = []
    for hour, weight in enumerate(hourly):
        start_us = max(hours.open_us, hour * US_PER_HOUR)
        end_us = min(hours.close_us, (hour + 1) * US_PER_HOUR)
        if end_us > start_us:
            slices.append((start_us, end_us, weight * (end_us - start_us) / US_PER_HOUR))
    if slices and sum(weight for _, _, weight in slices) <= 0.0:
        # Hours in which this kind of merchant is usually closed: an even rate, as the scenario asked to trade then.
        return [(start_us, end_us, float(end_us - start_us)) for start_us, end_us, _ in slices]
    return slices


def _visit(generator: random.Random, merchant: Merchant, day: int, number: int, at_us: int) -> Visit:
    # A fixed number of draws per visit, in a fixed order: what one visit turns out to be does not shift the next.
    draw = generator.random
    kind_draw = draw() * 100.0
    kind: VisitKind = "sale"
    if kind_draw < merchant.void_percent:
        kind = "void"
    elif kind_draw < merchant.void_percent + merchant.refund_percent:
        kind = "refund"
    elif kind_draw < merchant.void_percent + merchant.refund_percent + merchant.preauth_percent:
        kind = "preauth"
    low, high = merchant.ticket_min_fen, merchant.ticket_max_fen
    return Visit(
        day=day,
        number=number,
        at_us=at_us,
        kind=kind,
        amount_fen=max(1, round(low * (high / low) ** draw())),
        pays_by_code=draw() * 100.0 < merchant.code_percent,
        keying_us=int((2.0 + 3.0 * draw()) * US_PER_SECOND),  # assumption: 2 to 5 s
        reaching_us=int((1.0 + 3.0 * draw()) * US_PER_SECOND),  # assumption: 1 to 4 s
        patience=0.6 + 0.8 * draw(),
        card_choice=draw(),
    )

"""What a report plots of one run, from its history as it passes by: free space, memory, response times, customers over the day.

Models: free bytes of each volume where the run measured them, with settlements and what said that it was full; memory with the
line that the measures fit to it, drawn on to the day on which it would be over; from the card to the end of a sale, by fill
level, as the measures have it; customers by the hour of day, and how many left having paid. Does not model: values between two
measurements; whose doing it was that a customer did not pay (the verdict's acceptance knows). Nothing is made up: without data
there is no plot.
Source: the history's events; engine.measures for levels, slope and forecast, so that plot and verdict cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from harness.contract import Manifest
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE
from harness.engine.fullness import LEVELS_PERCENT
from harness.engine.measures import DAYS_MAX, SALES_MIN, Meter, share
from harness.engine.report.model import Figure, Line, Mark, Series, Span
from harness.history.events import (
    BatchSettled,
    FaultLifted,
    FaultStruck,
    IntentClosed,
    IntentOpened,
    LedgerChanged,
    MemorySampled,
    PhaseStarted,
    PowerLost,
    Presented,
    ScreenShown,
    SoftwareDied,
    SpaceMeasured,
    StorageFailed,
    TerminalInstalled,
)
from harness.history.query import Numbered
from harness.invariants.base import INSTANT_KINDS, Observer, on

if TYPE_CHECKING:
    from harness.sut.station import Station

DEVICES_MAX = 24
"""Of a run with more terminals those are kept whose plots say most: the fullest, those that grow fastest."""
POINTS_MAX = 400
_MARKS_MAX = 60
_SPANS_MAX = 30
_APART_US = 5 * US_PER_MINUTE
"""A full volume says so at every customer: what comes closer than this is one mark."""
_FORECAST_TIMES = 8
"""To its end a forecast is drawn if that is within so many times what was measured; otherwise as far again as was measured."""
_SEEN = ("said_full", "fill_level")
"""Measured as the software sees it, foreign bytes counted as used; all others are as if there were none (``SpaceMeasured``)."""


class SpaceCourse(msgspec.Struct, frozen=True):
    """How much of a volume was free, each time that it changed, as the software sees it: ``at_us`` beside ``free_bytes``."""

    volume: str
    total_bytes: int
    at_us: tuple[int, ...]
    free_bytes: tuple[int, ...]


class SpaceEye:
    """Watches the volumes of one terminal in a run that is done once more to be watched: a history tells a few instants only."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._seen: dict[str, list[tuple[int, int]]] = {}
        self._totals: dict[str, int] = {}

    def look(self, at_us: int) -> None:
        """At any instant; what has not changed costs nothing."""
        for volume in self._station.hardware.disk.volumes:
            seen = self._seen.setdefault(volume.name, [])
            if not seen or seen[-1][1] != volume.free_bytes:
                seen.append((at_us, volume.free_bytes))
                self._totals[volume.name] = volume.total_blocks * volume.block_size_bytes
                if len(seen) > 4 * POINTS_MAX:
                    self._seen[volume.name] = thinned(seen)

    def courses(self) -> tuple[SpaceCourse, ...]:
        """What was seen."""
        return tuple(
            SpaceCourse(name, self._totals[name], tuple(at for at, _ in points), tuple(free for _, free in points))
            for name, points in ((name, thinned(seen)) for name, seen in self._seen.items())
            if points
        )


@dataclass(slots=True)
class _Course:
    """What is kept of one terminal."""

    space: dict[str, list[SpaceMeasured]] = field(default_factory=dict)
    memory: list[tuple[int, int]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    struck_us: dict[str, int] = field(default_factory=dict)
    """Of faults that are not lifted yet."""
    last_us: dict[str, int] = field(default_factory=dict)
    """By code: when the last mark was set."""

    def mark(self, at_us: int, code: str, text: str = "") -> None:
        """One instant; of several close together, the first."""
        if at_us - self.last_us.get(code, -_APART_US) >= _APART_US and len(self.marks) < _MARKS_MAX:
            self.marks.append(Mark(at_us, code, text))
            self.last_us[code] = at_us

    def lift(self, fault: str, at_us: int) -> None:
        """A fault's stretch has come to its end."""
        from_us = self.struck_us.pop(fault, None)
        if from_us is not None and len(self.spans) < _SPANS_MAX:
            self.spans.append(Span(from_us, at_us, fault))


@dataclass(slots=True)
class _Hour:
    """Customers whose intent to buy was opened in one hour of the day, over all days."""

    came: int = 0
    paid: int = 0
    declined: int = 0
    """Left unpaid after the host had declined a card of theirs: a good reason."""


class SeriesOfRun(Observer):
    """Fed with a history: ``series`` once it is over. ``device``: of this terminal alone.

    Without ``manifests`` nothing is known of a terminal's own limit of records, and fill levels are those of the volume alone.
    ``watched``: what somebody saw of that one terminal's volumes all the time.
    """

    def __init__(
        self, manifests: Mapping[str, Manifest] | None = None, *, device: str | None = None,
        watched: Sequence[SpaceCourse] = (),
    ) -> None:  # fmt: skip
        self._manifests = manifests or {}
        self._device = device
        self._watched = {each.volume: each for each in watched if device is not None}
        self._meter = Meter({}, with_funds=False)
        self._courses: dict[str, _Course] = {}
        self._hours: dict[int, _Hour] = {}
        self._opened_us: dict[int, int] = {}
        """By intent: when somebody came who wants to buy and has not left yet."""
        self._tokens: dict[str, int] = {}
        self._declined: set[int] = set()
        self._trading = True
        self._end_us = 0

    def add(self, history: Iterable[Numbered]) -> None:
        """A whole history, or the next part of it."""
        own, meter = self.handlers(), self._meter.handlers()
        for number, event in history:
            self._end_us = event.at_us
            handler = own.get(type(event))
            if handler is not None:
                handler(number, event)
            handler = meter.get(type(event))
            if handler is not None and getattr(event, "device", None) in (None, *self._courses):
                handler(number, event)

    # ------------------------------------------------------------ what passes by

    @on(TerminalInstalled)
    def _installed(self, _: int, event: TerminalInstalled) -> None:
        if self._device in (None, event.device) and event.device not in self._courses:
            self._courses[event.device] = _Course()
            self._meter.install(event.device, self._manifests.get(event.device, Manifest(name="")))

    @on(PhaseStarted)
    def _phase(self, _: int, event: PhaseStarted) -> None:
        self._trading = event.phase == "trading"

    @on(SpaceMeasured)
    def _space(self, _: int, event: SpaceMeasured) -> None:
        course = self._courses.get(event.device)
        if course is not None:
            course.space.setdefault(event.volume, []).append(event)

    @on(MemorySampled)
    def _memory(self, _: int, event: MemorySampled) -> None:
        course = self._courses.get(event.device)
        if course is not None:
            course.memory.append((event.at_us, event.software_bytes + event.leaked_bytes))

    @on(ScreenShown, StorageFailed, BatchSettled, PowerLost, SoftwareDied)
    def _instant(self, _: int, event: ScreenShown | StorageFailed | BatchSettled | PowerLost | SoftwareDied) -> None:
        course = self._courses.get(event.device)
        code = _code(event)
        if course is not None and code:
            course.mark(event.at_us, code)

    @on(FaultStruck)
    def _struck(self, _: int, event: FaultStruck) -> None:
        for name in event.devices:
            course = self._courses.get(name)
            if course is not None and event.kind in INSTANT_KINDS:
                course.mark(event.at_us, "fault", event.fault)
            elif course is not None:
                course.struck_us[event.fault] = event.at_us

    @on(FaultLifted)
    def _lifted(self, _: int, event: FaultLifted) -> None:
        for course in self._courses.values():
            course.lift(event.fault, event.at_us)

    @on(IntentOpened)
    def _came(self, _: int, event: IntentOpened) -> None:
        if self._trading and event.kind == "sale" and event.repeats is None and event.device in self._courses:
            self._opened_us[event.intent] = event.at_us

    @on(Presented)
    def _presented(self, _: int, event: Presented) -> None:
        if event.intent in self._opened_us:
            self._tokens[event.token] = event.intent

    @on(LedgerChanged)
    def _booked(self, _: int, event: LedgerChanged) -> None:
        if event.state == "DECLINED" and event.token in self._tokens:
            self._declined.add(self._tokens[event.token])

    @on(IntentClosed)
    def _left(self, _: int, event: IntentClosed) -> None:
        came_us = self._opened_us.pop(event.intent, None)
        if came_us is None:
            return
        hour = self._hours.setdefault(came_us % US_PER_DAY // US_PER_HOUR, _Hour())
        hour.came += 1
        hour.paid += event.belief == "paid"
        hour.declined += event.belief != "paid" and event.intent in self._declined
        self._declined.discard(event.intent)

    # ------------------------------------------------------------ what comes of it

    def series(self) -> tuple[Series, ...]:
        """Every plot that there is data for: by kind, those of the terminals that say most first."""
        for course in self._courses.values():
            for fault in list(course.struck_us):
                course.lift(fault, self._end_us)
        return (*self._free_space(), *self._all_memory(), *self._response_times(), *self._acceptance())

    def _free_space(self) -> Iterator[Series]:
        """Of a terminal every volume; the terminals whose data volume was fullest first."""

        def least(name: str) -> tuple[float, str]:
            measured = self._courses[name].space.get("data", [])
            return min((each.free_bytes / (each.total_bytes or 1) for each in measured), default=2.0), name

        names = sorted((name for name, course in self._courses.items() if course.space), key=least)
        for name in names[:DEVICES_MAX]:
            course = self._courses[name]
            for volume, measured in sorted(course.space.items(), key=lambda each: (each[0] != "data", each[0])):
                yield Series(
                    "free_space",
                    "us",
                    "bytes",
                    tuple(_lines_of_space(measured, self._watched.get(volume), self._end_us)),
                    subject=f"{name} {volume}",
                    marks=tuple(each for each in course.marks if volume == "data" or each.code != "full"),
                    spans=tuple(course.spans),
                    y_most=max(each.total_bytes for each in measured),
                    left_out=max(0, len(names) - DEVICES_MAX),
                )

    def _all_memory(self) -> Iterator[Series]:
        """The terminals that grow fastest first."""
        growths = {name: device.growth for name, device in self._meter.devices.items()}
        for growth in growths.values():
            growth.new_boot()
        names = sorted(
            (name for name, course in self._courses.items() if len(course.memory) > 1),
            key=lambda name: (-(growths[name].bytes_per_sale or 0.0), name),
        )
        for name in names[:DEVICES_MAX]:
            yield self._memory_of(name, max(0, len(names) - DEVICES_MAX))

    def _memory_of(self, name: str, left_out: int) -> Series:
        course, metered = self._courses[name], self._meter.devices[name]
        points = thinned(course.memory)
        lines = [Line("", tuple(at for at, _ in points), tuple(held for _, held in points), "measured")]
        figures = [Figure("budget_bytes", metered.budget_bytes)]
        slope, day = metered.growth.bytes_per_sale, metered.dies_on_day(self._end_us)
        if slope is not None:
            figures.append(Figure("slope_bytes_per_sale", round(slope, 3)))
        y_most = None
        if day is not None and day < DAYS_MAX:
            figures.append(Figure("dies_on_day", int(day)))
            lines.append(_forecast(metered.growth.base_bytes, metered.budget_bytes, day, self._end_us))
        if any(held * 2 > metered.budget_bytes for held in (*_last(lines), *(held for _, held in points))):
            y_most = metered.budget_bytes
        return Series(
            "memory", "us", "bytes", tuple(lines), subject=name, figures=tuple(figures), y_most=y_most, left_out=left_out,
            marks=tuple(each for each in course.marks if each.code in ("power_loss", "died", "settlement")),
        )  # fmt: skip

    def _response_times(self) -> Iterator[Series]:
        """Levels at which enough was sold to say something."""
        told = {level: counts for level, counts in sorted(self._meter.sale_ds.items()) if counts.total() >= SALES_MIN}
        if not told:
            return
        levels = tuple(told)
        yield Series(
            "response_by_fill",
            "percent",
            "s",
            (
                Line("", levels, tuple(share(counts, 50) / 10 for counts in told.values()), "p50"),
                Line("", levels, tuple(share(counts, 95) / 10 for counts in told.values()), "p95"),
                Line("", levels, tuple(counts.total() for counts in told.values()), "sales"),
            ),
            left_out=sum(counts.total() for level, counts in self._meter.sale_ds.items() if level not in told),
        )

    def _acceptance(self) -> Iterator[Series]:
        if not self._hours:
            return
        hours = tuple(range(min(self._hours), max(self._hours) + 1))
        seen = [self._hours.get(hour, _Hour()) for hour in hours]
        yield Series(
            "acceptance",
            "hour",
            "customers",
            (
                Line("", hours, tuple(each.came for each in seen), "came"),
                Line("", hours, tuple(each.paid for each in seen), "paid"),
                Line("", hours, tuple(each.declined for each in seen), "declined"),
            ),
        )


def series_of(
    history: Iterable[Numbered], manifests: Mapping[str, Manifest] | None = None, *, device: str | None = None,
    watched: Sequence[SpaceCourse] = (),
) -> tuple[Series, ...]:  # fmt: skip
    """All plots of a history, or of what it tells of one terminal."""
    run = SeriesOfRun(manifests, device=device, watched=watched)
    run.add(history)
    return run.series()


def series_of_runs(measured: Mapping[str, Sequence[float]]) -> tuple[Series, ...]:
    """What can be plotted of many runs from their measures: how slow the slowest sales were, by fill level."""
    levels = {-1: sorted(measured.get("sale_s_p95", ()))}
    levels |= {level: sorted(measured.get(f"sale_s_p95_from_{level}_percent_full", ())) for level in LEVELS_PERCENT}
    told = {level: values for level, values in levels.items() if values}
    if not told:
        return ()
    places = tuple(told)
    return (
        Series(
            "response_over_runs",
            "percent",
            "s",
            (
                Line("", places, tuple(round(median(values), 3) for values in told.values()), "median_run"),
                Line("", places, tuple(values[(len(values) * 95 - 1) // 100] for values in told.values()), "p95_run"),
                Line("", places, tuple(len(values) for values in told.values()), "runs"),
            ),
        ),
    )


def _code(event: ScreenShown | StorageFailed | BatchSettled | PowerLost | SoftwareDied) -> str:
    """What kind of mark it makes; empty for none."""
    if isinstance(event, ScreenShown):
        return "full" if event.kind == "storage_full" else ""
    if isinstance(event, StorageFailed):
        return "full" if event.errno == "ENOSPC" else ""
    if isinstance(event, BatchSettled):
        return "settlement" if event.closed and not event.repeated else ""
    return "power_loss" if isinstance(event, PowerLost) else "died"


def _lines_of_space(measured: list[SpaceMeasured], watched: SpaceCourse | None, end_us: int) -> Iterator[Line]:
    """What the terminal itself left free, and what the software saw, foreign bytes counted as used; watched, at all times."""
    if watched is not None:
        # Until the end it stayed as it was seen last.
        yield Line("", (*watched.at_us, end_us), (*watched.free_bytes, watched.free_bytes[-1]), "watched")
    for code, seen in (("own", False), ("seen", True)):
        points = thinned([(each.at_us, each.free_bytes) for each in measured if (each.when in _SEEN) is seen])
        if points and not (seen and watched is not None):
            yield Line("", tuple(at for at, _ in points), tuple(free for _, free in points), code)


def _forecast(base_bytes: int, budget_bytes: int, day: float, end_us: int) -> Line:
    """From the first measured value, a straight line to where memory is over, or as far as it is drawn."""
    over_us = (day - 1) * US_PER_DAY
    until_us = over_us if over_us <= _FORECAST_TIMES * end_us else 2.0 * end_us
    reached = base_bytes + (budget_bytes - base_bytes) * (until_us / over_us if over_us else 1.0)
    return Line("", (0, round(until_us)), (base_bytes, round(reached)), "forecast")


def _last(lines: list[Line]) -> list[float]:
    return [line.ys[-1] for line in lines if line.code == "forecast" and line.ys[-1] is not None]


def thinned(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most ``POINTS_MAX`` of them: of each stretch the least and the most, so that no peak is lost."""
    if len(points) <= POINTS_MAX:
        return points
    kept: list[tuple[int, int]] = []
    stretches = POINTS_MAX // 2
    for place in range(stretches):
        stretch = points[place * len(points) // stretches : (place + 1) * len(points) // stretches]
        ends = {min(stretch, key=lambda each: each[1]), max(stretch, key=lambda each: each[1])}
        kept += sorted(ends)
    return kept

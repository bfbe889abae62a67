"""What is plotted of a run, from tiny histories worked out by hand and from one real run; without data there is no plot."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.engine.report.model import Line, Mark, Series
from harness.engine.report.series import DEVICES_MAX, POINTS_MAX, SpaceCourse, series_of, series_of_runs, thinned
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    BatchSettled,
    Booted,
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
    SpaceMeasured,
    StorageFailed,
    TerminalInstalled,
)
from harness.history.query import HistoryFile
from harness.scenario.load import load_text
from tests.engine.small_runs import run

T01, T02 = "T01", "T02"
NINE = 9 * US_PER_HOUR
MIB = 1 << 20


def _installed(*devices: str) -> list[AnyEvent]:
    return [TerminalInstalled(0, each, each, "m", "shop", "s", "unionpay", "wifi") for each in devices or (T01,)]


def _series(*events: AnyEvent, code: str, **keywords: object) -> list[Series]:
    history = [*enumerate(events)]
    return [each for each in series_of(history, **keywords) if each.code == code]  # type: ignore[arg-type]


def _space(at_us: int, free_bytes: int, when: str, device: str = T01, volume: str = "data") -> SpaceMeasured:
    return SpaceMeasured(at_us, device, volume, free_bytes, MIB, when)


def test_of_a_run_in_which_nothing_was_measured_nothing_is_plotted() -> None:
    assert series_of([]) == () == series_of([*enumerate(_installed())])
    assert series_of_runs({}) == series_of_runs({"acceptance_percent": array("d", [99.0])}) == ()


def test_free_space_has_what_the_terminal_left_and_what_the_software_saw_with_settlements_and_full_marks() -> None:
    (found,) = _series(
        *_installed(),
        _space(0, MIB, "installed"),
        FaultStruck(NINE, "full_storage#1", "full_storage", (T01,)),
        _space(NINE + 1, 0, "said_full"),
        ScreenShown(NINE + 1, T01, 1, "storage_full", "full"),
        StorageFailed(NINE + US_PER_MINUTE, T01, "write", "/data/log", "ENOSPC", 9),  # the same want of space
        StorageFailed(NINE + US_PER_HOUR, T01, "write", "/data/log", "EIO", 10),
        StorageFailed(NINE + US_PER_HOUR, T01, "write", "/data/log", "ENOSPC", 11),
        _space(NINE + 2 * US_PER_HOUR, MIB // 2, "before_settlement"),
        BatchSettled(NINE + 2 * US_PER_HOUR, T01, "1", False, False, (1, 1, 0, 0), (1, 1, 0, 0)),
        BatchSettled(NINE + 3 * US_PER_HOUR, T01, "1", True, True, (1, 1, 0, 0), (1, 1, 0, 0)),
        _space(NINE + 3 * US_PER_HOUR, MIB - 10, "after_settlement"),
        FaultLifted(NINE + 4 * US_PER_HOUR, "full_storage#1", "full_storage", (T01,)),
        code="free_space",
    )
    assert (found.subject, found.x_unit, found.y_unit, found.y_most) == ("T01 data", "us", "bytes", MIB)
    assert found.lines == (
        Line("", (0, NINE + 2 * US_PER_HOUR, NINE + 3 * US_PER_HOUR), (MIB, MIB // 2, MIB - 10), "own"),
        Line("", (NINE + 1,), (0,), "seen"),
    )
    assert found.marks == (
        Mark(NINE + 1, "full"), Mark(NINE + US_PER_HOUR, "full"), Mark(NINE + 3 * US_PER_HOUR, "settlement"),
    )  # fmt: skip
    assert [(span.x, span.x_end, span.text) for span in found.spans] == [
        (NINE, NINE + 4 * US_PER_HOUR, "full_storage#1")
    ]


def test_the_fullest_terminals_come_first_with_every_volume_and_those_left_out_are_counted() -> None:
    names = [f"T{number:02d}" for number in range(1, DEVICES_MAX + 4)]
    events = [_space(1, MIB - place, "installed", name) for place, name in enumerate(names)]
    found = _series(
        *_installed(*names), *events, _space(1, 9, "installed", names[-1], "cache"), code="free_space"
    )  # fmt: skip
    assert [each.subject for each in found[:3]] == [f"{names[-1]} data", f"{names[-1]} cache", f"{names[-2]} data"]
    assert len({each.subject.split()[0] for each in found}) == DEVICES_MAX and found[0].left_out == 3
    (only,) = _series(*_installed(*names), *events, code="free_space", device=T02)
    assert only.subject == "T02 data" and not only.left_out


def test_a_fault_that_is_never_lifted_lasts_to_the_end_and_a_moment_is_a_mark() -> None:
    (found,) = _series(
        *_installed(),
        _space(0, MIB, "installed"),
        FaultStruck(NINE, "eio#1", "read_error", (T01,)),
        FaultStruck(NINE, "cut#1", "power_loss", (T01,)),
        PowerLost(NINE, T01, "power_loss"),
        PhaseStarted(US_PER_DAY, "check"),
        code="free_space",
    )
    assert [(span.x, span.x_end) for span in found.spans] == [(NINE, US_PER_DAY)]
    assert found.marks == (Mark(NINE, "fault", "cut#1"), Mark(NINE, "power_loss"))


def test_what_was_watched_all_the_time_is_a_line_and_stays_until_the_end() -> None:
    watched = (SpaceCourse("data", MIB, (0, NINE), (MIB, 5)),)
    events = (
        *_installed(),
        _space(0, MIB, "installed"),
        _space(NINE, 5, "said_full"),
        PhaseStarted(US_PER_DAY, "check"),
    )
    (found,) = _series(*events, code="free_space", device=T01, watched=watched)
    assert [line.code for line in found.lines] == ["watched", "own"]
    assert (found.lines[0].xs, found.lines[0].ys) == ((0, NINE, US_PER_DAY), (MIB, 5, 5))


def _memory(sales: int, held_bytes: int, device: str = T01, at_us: int | None = None) -> MemorySampled:
    return MemorySampled(sales * US_PER_MINUTE if at_us is None else at_us, device, held_bytes, 0, 100_000, sales)


def test_memory_that_grows_has_its_slope_and_the_day_on_which_it_is_over() -> None:
    samples = [_memory(sales, 10_000 + 8 * sales) for sales in range(0, 1000, 10)]
    (found,) = _series(
        *_installed(), Booted(0, T01, 1), *samples, PhaseStarted(US_PER_DAY, "check"), code="memory"
    )  # fmt: skip
    figures = {each.code: each.value for each in found.figures}
    # From 10,240 bytes, when the warm-up was over, 8 bytes a sale and 990 sales a day: 1 + 89,760 / 7,920.
    assert figures == {"budget_bytes": 100_000, "slope_bytes_per_sale": 8.0, "dies_on_day": 12}
    measured, forecast = found.lines
    assert (measured.code, len(measured.xs), measured.ys[-1]) == ("measured", 100, 17_920)
    # More than eight times as far as was measured: the forecast is drawn as far again, and not to its end.
    assert (forecast.code, forecast.xs, forecast.ys[0]) == ("forecast", (0, 2 * US_PER_DAY), 10_240)
    assert found.y_most is None


def test_a_forecast_that_is_near_is_drawn_to_all_the_memory_there_is() -> None:
    samples = [_memory(sales, 10_000 + 40 * sales) for sales in range(0, 1000, 10)]
    (found,) = _series(
        *_installed(), Booted(0, T01, 1), *samples, PhaseStarted(US_PER_DAY, "check"), code="memory"
    )  # fmt: skip
    assert found.lines[1].ys == (11_200, 100_000) and found.y_most == 100_000
    assert {each.code: each.value for each in found.figures}["dies_on_day"] == 3


def test_memory_that_does_not_grow_or_was_hardly_used_has_no_forecast() -> None:
    flat = [_memory(sales, 10_000, T01) for sales in range(0, 1000, 10)]
    few = [_memory(sales, 10_000 + 99 * sales, T02) for sales in range(3)]
    found = _series(
        *_installed(T01, T02, "T03"), *flat, *few, _memory(1, 1, "T03"), PhaseStarted(US_PER_DAY, "check"), code="memory"
    )  # fmt: skip
    assert [(each.subject, [line.code for line in each.lines]) for each in found] == [
        (T01, ["measured"]), (T02, ["measured"]),
    ]  # fmt: skip
    assert [[figure.code for figure in each.figures] for each in found] == [
        ["budget_bytes", "slope_bytes_per_sale"], ["budget_bytes"],
    ]  # fmt: skip


def test_of_many_points_the_peaks_are_kept() -> None:
    points = [(at, 7) for at in range(50_000)]
    points[12_345] = (12_345, 900)
    points[40_001] = (40_001, 0)
    found = thinned(points)
    assert len(found) <= POINTS_MAX and (12_345, 900) in found and (40_001, 0) in found and found == sorted(found)


def _customer(intent: int, hour: int, belief: str, token: str = "") -> list[AnyEvent]:
    at_us = hour * US_PER_HOUR + intent
    shown = [Presented(at_us, T01, intent, token, intent)] if token else []
    ledger = (
        [LedgerChanged(at_us, T01, intent, "sale", "DECLINED", "", "1", "1", 100, token, "51")] if token == "no" else []
    )
    return [
        IntentOpened(at_us, T01, intent, "sale", 100),
        *shown,
        *ledger,
        IntentClosed(at_us + 1, T01, intent, belief),
    ]


def test_customers_are_counted_by_the_hour_they_came_and_how_they_left() -> None:
    (found,) = _series(
        *_installed(),
        *_customer(1, 9, "paid", "a"),
        *_customer(2, 9, "not_paid", "no"),
        *_customer(3, 9, "unknown", "b"),
        *_customer(4, 24 + 11, "paid"),  # the next day
        IntentOpened(1, T01, 5, "refund", 100),
        IntentOpened(1, T01, 6, "sale", 100, repeats=1),
        IntentOpened(1, T01, 7, "sale", 100),  # is never done
        PhaseStarted(2 * US_PER_DAY, "recovery"),
        *_customer(8, 60, "paid"),  # support's own
        code="acceptance",
    )
    assert {line.code: line.ys for line in found.lines} == {"came": (3, 0, 1), "paid": (1, 0, 1), "declined": (1, 0, 0)}
    assert found.lines[0].xs == (9, 10, 11)


def _sale(action: int, lasts_us: int) -> list[AnyEvent]:
    at_us = action * US_PER_MINUTE
    return [
        ActionStarted(at_us, T01, action, "sale", 1000, action),
        Presented(at_us, T01, action, str(action), action),
        ActionEnded(at_us + lasts_us, T01, action, "approved"),
    ]


def test_response_times_stand_by_fill_level_where_enough_was_sold() -> None:
    events: list[AnyEvent] = []
    for action in range(1, 60):
        if action in (21, 50):
            events.append(_space(action * US_PER_MINUTE, MIB // 20 if action == 21 else 0, "fill_level"))
        events += _sale(action, (2 if action < 21 else 4 if action < 40 else 9) * US_PER_SECOND)
    (found,) = _series(*_installed(), *events, code="response_by_fill")
    assert {line.code: line.ys for line in found.lines} == {"p50": (2.0, 4.0), "p95": (2.0, 9.0), "sales": (20, 29)}
    assert found.lines[0].xs == (0, 90) and found.left_out == 10


def test_of_many_runs_the_slowest_sales_stand_by_fill_level() -> None:
    (found,) = series_of_runs(
        {
            "sale_s_p95": array("d", [4, 8, 6]),
            "sale_s_p95_from_90_percent_full": array("d", [7]),
            "events": array("d", [1]),
        }
    )
    assert {line.code: line.ys for line in found.lines} == {
        "median_run": (6.0, 7.0),
        "p95_run": (8.0, 7.0),
        "runs": (3, 1),
    }
    assert found.lines[0].xs == (-1, 90)


@pytest.mark.slow
def test_plots_and_verdict_of_a_run_say_the_same(tmp_path: Path) -> None:
    plan = load_text(
        "name: leaky\nterminals: 1\ndays: {count: 2, open: '08:00', close: '20:00'}\nsales_per_day: 100\n"
        "people: {daily_reboot: false}\n"
        "faults:\n  - {type: memory_leak, at: {day: 1, time: '08:30'}, per_action: 52 KiB, devices: 1}\n"
    )
    verdict = run(plan, "reference", out=tmp_path)
    measures = {each.name: each.value for each in verdict.measures}
    found: dict[str, Series] = {}
    for each in series_of(HistoryFile(tmp_path / "history.jsonl")):
        found.setdefault(each.code, each)
    figures = {each.code: each.value for each in found["memory"].figures}
    assert figures["slope_bytes_per_sale"] == measures["leak_bytes_per_sale"] > 52 * 1024
    assert figures["dies_on_day"] == measures["dies_on_day"] < 20
    customers = {line.code: sum(each or 0 for each in line.ys) for line in found["acceptance"].lines}
    assert (customers["came"], customers["paid"]) == (verdict.sales.asked, verdict.sales.accepted)
    assert max(each or 0 for each in found["response_by_fill"].lines[1].ys) >= measures["sale_s_p95"]

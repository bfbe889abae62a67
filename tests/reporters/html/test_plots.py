"""Plots in the page: drawn where there is data and said in words, with the reason where nothing is; names are only ever text."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.engine.report.model import FORMAT, Figure, Line, Mark, Measures, Report, Series, Span, Spread, Verdict
from harness.reporters.html.page import write_report
from tests.reporters.html.browser import PHONE, OpenReport, Page

replace = msgspec.structs.replace
HOUR = 3_600_000_000
DAY = 24 * HOUR
HOSTILE = "<img src=x onerror=\"console.error('hacked')\"></template></script>"


def _report(*series: Series, kind: str = "run") -> Report:
    verdict = Verdict("pass", 0)
    return Report(FORMAT, kind, "shop", "0", "somewhere", verdict, measures=Measures((), series))  # type: ignore[arg-type]


def _space(subject: str = "T01 data", text: str = "full_storage#1") -> Series:
    return Series(
        "free_space",
        "us",
        "bytes",
        (
            Line("", (0, 9 * HOUR, 18 * HOUR), (1 << 20, 1 << 18, 1 << 20), "own"),
            Line("", (12 * HOUR, 13 * HOUR), (4096, 0), "seen"),
        ),
        subject,
        (Mark(18 * HOUR, "settlement"), Mark(13 * HOUR, "full"), Mark(14 * HOUR, "fault", text)),
        (Span(10 * HOUR, 14 * HOUR, text),),
        y_most=1 << 20,
    )


def _all() -> tuple[Series, ...]:
    levels = (0.0, 90.0, 99.0)
    return (
        _space(),
        _space("T02 data"),
        Series(
            "memory",
            "us",
            "bytes",
            (
                Line("", (0, DAY, 2 * DAY), (1e6, 6e6, 11e6), "measured"),
                Line("", (0, 8.5 * DAY), (1e6, 64 << 20), "forecast"),
            ),
            "T01",
            figures=(
                Figure("budget_bytes", 64 << 20), Figure("slope_bytes_per_sale", 53_248), Figure("dies_on_day", 9),
            ),
            y_most=64 << 20,
        ),
        Series(
            "response_by_fill",
            "percent",
            "s",
            (Line("", levels, (6.5, 7, 9), "p50"), Line("", levels, (8, 9, 31), "p95"), Line("", levels, (90, 30, 20), "sales")),
        ),
        Series(
            "acceptance",
            "hour",
            "customers",
            (Line("", (9, 10), (20, 10), "came"), Line("", (9, 10), (18, 4), "paid"), Line("", (9, 10), (1, 2), "declined")),
        ),
    )  # fmt: skip


def _drawn(page: Page, count: int) -> list[str]:
    """Once all are drawn: the kinds of plot whose canvas has more than one colour on it."""
    page.wait(lambda: len(page.all(".plot .canvas[data-drawn]")) == count, "not all plots are drawn")
    return list(page.run(_COLOURED))


_COLOURED = """
const found = [];
for (const plot of document.querySelectorAll(".plot")) {
  const canvas = plot.querySelector("canvas"), seen = new Set();
  const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  for (const each of pixels) seen.add(each);
  if (seen.size > 8) found.push(plot.dataset.code);
}
return found;
"""


@pytest.mark.parametrize(("size", "scheme", "language"), [((1280, 900), "light", "en-GB"), (PHONE, "dark", "zh-CN")])
def test_every_plot_is_drawn_and_said(
    size: tuple[int, int], scheme: str, language: str, open_report: OpenReport, tmp_path: Path
) -> None:
    write_report(_report(*_all()), tmp_path / "report.html")
    page = open_report(tmp_path / "report.html", size=size, scheme=scheme, language=language)
    assert _drawn(page, 4) == ["free_space", "memory", "response_by_fill", "acceptance"]
    words = page.text("#view")
    assert "[" not in words, "a text is missing in one of the languages"
    if language == "en-GB":
        for said in (
            "Least: 0 B of 1 MiB free", "It grows by 52 KiB a sale and has nothing left on day 9", "of 140 sales",
            "22 of 30 customers left having paid; 3 were declined by the host",
        ):  # fmt: skip
            assert said in words
    else:
        assert "第 9 天耗尽" in words and "22 位付款离开" in words
    assert page.all(".plots-all .none") == [] and page.too_wide() == []
    page.picture(f"plots_{scheme}")


def test_another_terminal_is_chosen_and_the_pointer_tells_values(open_report: OpenReport, tmp_path: Path) -> None:
    watched = replace(
        _space("T02 data", HOSTILE), lines=(Line("", (0, 9 * HOUR, 18 * HOUR), (1 << 20, 1 << 18, 1 << 20), "watched"),)
    )
    write_report(_report(_space(), watched), tmp_path / "report.html")
    page = open_report(tmp_path / "report.html")
    assert _drawn(page, 1) == ["free_space"]
    page.run("const s = document.querySelector('.plot select'); s.value = '1'; s.dispatchEvent(new Event('change'))")
    assert _drawn(page, 1) == ["free_space"]
    # Nearer to the next change than to the last: until then it is what it was.
    page.run(_POINT, 0.76)
    page.wait(lambda: "day 1 1" in page.text(".plot .around"))
    assert (
        "after each event" in page.text(".plot .words")
        and HOSTILE in page.text(".plot .around")
        and "256 KiB" in page.text(".plot .keys")
    )


_POINT = """
const over = document.querySelector(".u-over"), box = over.getBoundingClientRect();
const at = {clientX: box.left + box.width * arguments[0], clientY: box.top + 20, bubbles: true};
over.dispatchEvent(new MouseEvent("mouseenter", at));
over.dispatchEvent(new MouseEvent("mousemove", at));
"""


def test_without_data_nothing_is_drawn_and_the_page_says_why(open_report: OpenReport, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(_report(_space()), path)
    page = open_report(path)
    assert _drawn(page, 1) == ["free_space"]
    assert "memory (not sampled twice), response times (fewer than 20 sales" in page.text(".plots-all .none")
    write_report(_report(kind="sweep"), path)
    page = open_report(path)
    page.wait_for(".plots-all")
    assert page.all(".plot") == [] and "are those of one run" in page.text(".plots-all")


def test_of_many_runs_measures_are_spread_over_them(open_report: OpenReport, tmp_path: Path) -> None:
    spreads = (
        Spread("acceptance_percent", 99.2, 99.9, 100, 100, 60, (1, 0, 2, 57)),
        Spread("availability_percent", 100, 100, 100, 100, 60),  # all alike: a plot would show nothing
        Spread("sales_asked", 1, 2, 3, 3, 60, (1, 2)),
    )
    report = _report(kind="sweep")
    write_report(replace(report, measures=Measures(spreads)), tmp_path / "report.html")
    page = open_report(tmp_path / "report.html", size=PHONE)
    assert _drawn(page, 1) == ["spread_acceptance_percent"]
    assert "60 runs: from 99.2 to 100; half at most 99.9" in page.text(".plot .words")
    page.run(_POINT, 0.9)
    page.wait(lambda: "57 runs" in page.text(".plot .keys"))


@pytest.mark.parametrize("value", [-1, 1 << 62])
def test_numbers_that_no_run_has_do_not_hang_the_page(value: float, open_report: OpenReport, tmp_path: Path) -> None:
    def odd(line: Line) -> Line:
        return replace(line, ys=tuple(value for _ in line.ys))

    series = tuple(replace(each, lines=tuple(map(odd, each.lines)), y_most=value) for each in _all())
    one = (Spread("acceptance_percent", value, value, -value, value, 9, (9, 1)),)
    write_report(replace(_report(), measures=Measures(one, series)), tmp_path / "report.html")
    page = open_report(tmp_path / "report.html")
    page.wait(lambda: not page.all(".plot .canvas:not([data-drawn])"), "not all plots are drawn")
    assert len(page.all(".plot")) >= 4 and "NaN" not in page.text() and "undefined" not in page.text()

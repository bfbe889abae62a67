"""The overview in a browser: what it says, where its heat map leads, in both languages and colours, on a phone, of nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from selenium.webdriver.remote.webelement import WebElement

from harness.engine.report.gather import gather
from harness.engine.report.model import Report
from harness.reporters.html.page import write_report
from tests.engine.report.cuts import OFFLINE, SALE, VOID, kept, told_of
from tests.engine.report.results import DECLARED, LOST, SCENARIOS, TWICE, run_of, swept
from tests.reporters.html.browser import PHONE, OpenReport, Page

MISSING_TEXT = re.compile(r"\[\w+\]")
MANY = tuple(replace(LOST, signature=f"{n:08x}", invariant=n, name=f"name_{n}", count=10 * n) for n in range(4, 30))


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep with many kinds of finding, and a scenario with a very long name."""
    place = tmp_path_factory.mktemp("overview")
    unheard = replace(LOST, fault="host.no_reply", place="")
    runs = [run_of(SCENARIOS[0], seed, "fail", LOST, unheard, TWICE, *MANY, value=seed) for seed in (1, 2)]
    runs += [run_of("x" * 300, 1, "pass", value=30), run_of(SCENARIOS[1], 3, "inconclusive", value=9)]
    write_report(swept(place / "swept", *runs), place / "report.html")
    return place / "report.html"


def press(page: Page, button: WebElement) -> None:
    """Wherever it has scrolled to: what is pressed may lie under the head of the page."""
    page.run("arguments[0].click()", button)


def test_a_cell_of_the_heat_map_leads_to_its_findings_and_back(failed: Path, open_report: OpenReport) -> None:
    page = open_report(failed)
    page.wait_for(".matrix")
    words = page.text()
    for told in (
        "2 of 3 random runs failed. Of all such runs fewer than 98 % fail", "1 run inconclusive: why", "show all 28",
        "16 of 20 declared runs are not finished", "declared, and not finished",
    ):  # fmt: skip
        assert told in words, told
    assert page.text(".matrix .never") == "never bit" and len(page.all("td.cell.idle")) == 28
    # What happens on any day was not planned: it has no number of bites, and is no kind of fault that bit or did not.
    unheard = next(each for each in page.all(".matrix tbody tr") if each.text.startswith("host.no_reply"))
    assert unheard.find_element("css selector", "td.number").text == "–"
    assert "1 / 2\nfault kinds bit" in words
    cells = page.all(".matrix td.heat button")
    assert len(cells) == 29 and cells[0].text == "6"
    press(page, next(each for each in cells if "no fault" in str(each.get_attribute("title"))))
    page.wait(lambda: len(page.all(".signature")) == 1, "one kind of finding")
    assert "no_double_charge" in page.text("#findings") and "Only no fault × 3 no_double_charge" in page.text(
        "#findings"
    )
    assert page.fragment == "overview/cell/-/3"
    page = open_report(failed, page.fragment)
    page.wait(lambda: len(page.all(".signature")) == 1, "the same by its address")
    press(page, page.wait_for("#findings .hint button"))
    page.wait(lambda: len(page.all(".signature")) == 15, "all of them, shortened")
    press(page, page.wait_for("#findings .more"))
    page.wait(lambda: len(page.all(".signature")) == 28, "all of them")
    press(page, page.wait_for(".hint button.link"))
    page.wait(lambda: len(page.all(".matrix th.invariant")) > 30, "all invariants")


def test_language_and_colours_are_chosen_by_buttons_by_the_reader_s_settings_and_by_the_address(
    failed: Path, open_report: OpenReport
) -> None:
    page = open_report(failed, language="zh-CN", scheme="dark")
    page.wait_for(".matrix")
    assert page.run("return document.documentElement.lang") == "zh-Hans" and "未通过" in page.text(".verdict")
    assert "断电" in page.text(".matrix") and not MISSING_TEXT.search(page.text())
    dark = page.run("return getComputedStyle(document.body).backgroundColor")
    page.wait_for("#language").click()
    page.wait(lambda: "FAIL" in page.text(".verdict"), "English")
    page.wait_for("#theme").click()
    page.wait(lambda: page.run("return getComputedStyle(document.body).backgroundColor") != dark, "light")
    assert page.run("return document.documentElement.dataset.theme") == "light"
    page.go("overview?lang=zh&theme=light")
    page.wait(lambda: "未通过" in page.text(".verdict"), "Chinese by the address")


def test_a_phone_scrolls_wide_tables_in_their_boxes_and_not_the_page(failed: Path, open_report: OpenReport) -> None:
    page = open_report(failed, size=PHONE)
    page.wait_for(".matrix")
    assert page.too_wide() == []
    assert page.run(
        "const box = document.querySelector('.matrix').parentElement; return box.scrollWidth > box.clientWidth"
    )


@pytest.mark.parametrize("kind", ["no run", "nothing at all"])
def test_results_of_no_run_and_an_empty_report_are_pages_too(
    kind: str, open_report: OpenReport, tmp_path: Path
) -> None:
    report = swept(tmp_path / "none")
    if kind != "no run":
        ended = msgspec.structs.replace(report.verdict, because=(), status="error")
        report = Report(1, "gate", "x", "", "", ended)
    write_report(report, tmp_path / "report.html")
    page = open_report(tmp_path / "report.html")
    page.wait_for(".verdict")
    assert not MISSING_TEXT.search(page.text()) and "None." in page.text("#findings")
    page.go("finding/7")
    page.wait(lambda: "no such page" in page.text(), "a page that there is not")


def test_a_pass_shows_what_its_faults_did(open_report: OpenReport, tmp_path: Path) -> None:
    one = replace(DECLARED, scenarios=DECLARED.scenarios[:1], runs=1)
    write_report(swept(tmp_path / "s", run_of(SCENARIOS[0], 1, "pass"), declared=one), tmp_path / "pass.html")
    page = open_report(tmp_path / "pass.html")
    page.wait_for(".faultlist")
    assert "None of 1 random run failed" in page.text() and "never bit" in page.text(".faultlist")
    page.wait_for(".faultlist + button").click()
    page.wait_for(".matrix")


def test_crash_points_show_where_a_cut_is_fatal_in_words_of_states(tmp_path: Path, open_report: OpenReport) -> None:
    write_report(gather(kept(tmp_path / "cuts", told_of(SALE, VOID, OFFLINE))), tmp_path / "report.html")
    page = open_report(tmp_path / "report.html")
    page.wait_for(".cuts-table")
    rows = [row.text.split("\n") for row in page.all(".cuts-table tbody tr")]
    assert [" ".join(row) for row in rows] == [
        "after 0200 sent 9 of 10 states 0 of 4 states", "again, in the recovery: in recovery 1 of 1 state –",
    ]  # fmt: skip
    heat = [each.get_attribute("class") for each in page.all(".cuts-table td")]
    assert heat == ["cell heat h6", "cell held", "cell heat h7", "cell none"]
    words = page.text()
    for told in (
        "From 10 of 34 states that a power cut may leave harm came", "sale: from 10 of 30 states harm came", "7 states",
        "States that were listed and not judged", "not explored: it has no offline sales", "Findings, by flow and place",
        "write /data/a, in till.py:120 store",
    ):  # fmt: skip
        assert told in words, told
    assert " runs" not in words and " run" not in page.text(".tiles") and MISSING_TEXT.search(words) is None
    page.go("finding/0")
    page.wait(lambda: page.all(".told-before li"))
    assert [each.text for each in page.all(".told-before li")] == ["one event", "a guilty one"]
    assert "sale, after 0200 sent, fat" in page.text(".verdict") and len(page.all(".told-before .guilty")) == 1
    for size, language, scheme in ((PHONE, "zh-CN", "dark"), (PHONE, "en-GB", "light")):
        page = open_report(tmp_path / "report.html", "overview", size=size, language=language, scheme=scheme)
        page.wait_for(".cuts-table")
        assert page.too_wide() == [] and MISSING_TEXT.search(page.text()) is None
        assert ("个状态中" in page.text(".cuts-table")) == (language == "zh-CN")

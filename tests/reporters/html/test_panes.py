"""The report of a run that failed, opened as by somebody who wants to know why: every pane works, by pointer and keyboard."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from harness.engine.report.gather import gather
from harness.reporters.html.page import write_report
from harness.results.model import Declared, DeclaredScenario
from harness.results.store import Store
from tests.reporters.html.browser import PHONE, OpenReport, Page
from tests.reporters.html.reading import card_numbers, whole

SCENARIO = """\
name: cut in a sale
terminals: 1
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 6
host: {no_reply: 0%, decline: 0%}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false}
profile: posix-weak
faults: [{type: power_loss, at: {action: sale, storage_operation: 4}, times: 2}]
"""
MISSING_TEXT = re.compile(r"\[\w+\]")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a terminal that keeps its log in memory, in a scenario of an hour in which the power goes twice."""
    place = tmp_path_factory.mktemp("panes")
    (place / "cut.yaml").write_text(SCENARIO)
    _harness(place, "run", "cut.yaml", "--terminal", "log_in_ram", "--out", "out", expect=1)
    _harness(place, "report", "out")
    yield place / "out" / "report.html"


def _harness(place: Path, *arguments: str, expect: int = 0) -> None:
    command = [sys.executable, "-m", "harness.cli.main", *arguments]
    done = subprocess.run(command, check=False, cwd=place, capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, done.stderr or done.stdout


def _ready(page: Page, view: str) -> None:
    page.wait(lambda: page.run("return document.body.dataset.ready") == view, view)


def _detail(page: Page) -> tuple[int, str]:
    """The event that is shown: its number, by the address, and what stands beside the list."""
    return int(page.fragment.rpartition("/")[2]), page.text(".detail")


def test_from_the_overview_to_the_event_that_proves_it(report: Path, open_report: OpenReport) -> None:
    page = open_report(report)
    _ready(page, "overview/")
    assert "FAIL" in page.text(".verdict") and "log_in_ram" in page.text(".verdict")
    for title in ("Faults × invariants", "Findings, by kind", "Measures", "What was not checked"):
        assert title in page.text()
    page.picture("overview")
    page.wait_for(".signature a.button").click()
    page.wait_for(".story")
    assert page.fragment.startswith("finding/")
    for title in ("What happened", "Run it again", "The nearest run without it"):
        assert title in page.text(), title
    page.wait_for(".guilty-links a").click()
    number, words = _detail(page)
    assert "guilty" in words and page.run(
        "return document.querySelector('.events [aria-current]').dataset.number"
    ) == str(number)
    page.picture("finding")


def test_events_are_stepped_through_by_keyboard_and_each_has_an_address(report: Path, open_report: OpenReport) -> None:
    page = open_report(report, "finding/0")
    page.wait_for(".events [aria-current]")
    seen = []
    for key in (Keys.HOME, "j", Keys.ARROW_DOWN, Keys.ARROW_RIGHT, "k", Keys.ARROW_UP, Keys.END, Keys.ARROW_LEFT):
        page.press(key)
        seen.append(_detail(page)[0])
    first, last = seen[0], seen[6]
    assert first < seen[1] < seen[2] < seen[3] < last and seen[4] == seen[2] and seen[5] == seen[1] and seen[7] < last
    guilty = [int(each.get_attribute("data-number") or 0) for each in page.all(".events li.guilty")]
    page.press(Keys.HOME)
    stops = []
    for _ in guilty:
        page.press("n")
        stops.append(_detail(page)[0])
    assert stops == guilty and len(guilty) > 1
    page.press("p")
    assert _detail(page)[0] == guilty[-2]
    again = open_report(report, f"finding/0/event/{guilty[-2]}")
    again.wait_for(".events [aria-current]")
    assert again.run("return document.querySelector('.events [aria-current]').dataset.number") == str(guilty[-2])


def test_a_message_is_told_field_by_field_and_the_disk_beside_what_is_durable(
    report: Path, open_report: OpenReport
) -> None:
    page = open_report(report, "finding/0")
    page.wait_for(".events [aria-current]")
    number = page.run(
        "return [...document.querySelectorAll('.events li')].find((e) => e.innerText.includes('sends 0200')).dataset.number"
    )
    page.go(f"finding/0/event/{number}")
    page.wait(lambda: page.fragment.endswith(number) and "0200" in page.text(".detail"))
    words = page.text(".detail")
    assert page.all(".detail .fields tr")[1:] and "durable" in words


@pytest.mark.parametrize("fragment", ["overview", "finding/0"])
def test_theme_and_language_are_changed_by_their_buttons(fragment: str, report: Path, open_report: OpenReport) -> None:
    page = open_report(report, fragment, size=PHONE)
    page.wait_for(".card")
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(paper)
    assert not MISSING_TEXT.findall(page.text()) and page.too_wide() == []
    page.wait_for("#theme").click()
    page.wait(lambda: page.run(paper) != light)
    page.wait_for("#language").click()
    page.wait(lambda: page.run("return document.documentElement.lang") == "zh-Hans")
    page.wait(
        lambda: re.search(
            "[\u4e00-\u9fff]{4}", page.text("#view .card h1, #view .card h2, #view .card .lead, #view") or ""
        )
    )
    assert not MISSING_TEXT.findall(page.text()) and page.too_wide() == [] and page.run(paper) != light
    page.picture(f"{fragment.partition('/')[0]}_phone_dark_zh")
    page.browser.refresh()
    page.wait_for(".card")
    assert page.run("return document.documentElement.lang") == "zh-Hans" and page.run(paper) != light


def test_the_file_holds_no_card_number_and_says_how_to_run_it_again(report: Path) -> None:
    text = whole(report)
    assert card_numbers(text, apart=False) == []
    assert "harness run" in text and "--terminal log_in_ram" in text
    assert report.stat().st_size < 2_000_000


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_a_sweep_in_which_nothing_was_run_is_a_page_that_says_so(
    language: str, open_report: OpenReport, tmp_path: Path
) -> None:
    with Store.create(tmp_path, Declared((DeclaredScenario("power/cut", ""),), 10, "reference")):
        pass
    path = tmp_path / "report.html"
    write_report(gather(tmp_path), path)
    page = open_report(path, size=PHONE, language=language)
    page.wait_for(".verdict")
    said = (
        ("INCONCLUSIVE", "10 of 10 declared runs") if language == "en-GB" else ("无结论", "10 次运行中有 10 次未完成")
    )
    assert all(each in page.text(".verdict") for each in said), page.text(".verdict")
    assert not MISSING_TEXT.findall(page.text()) and page.too_wide() == [] and page.all(".plot") == []

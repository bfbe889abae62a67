"""The bench itself: what a page complains about is heard, whatever way it comes; a quiet page is quiet."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.reporters.html.browser import PHONE, OpenReport, need_browser, tidy

QUIET = """<!doctype html><meta charset="utf-8"><title>quiet</title>
<body style="margin:0"><p id="seen">金额 1.00</p><p id="keys"></p>{}
<script>addEventListener("keydown", each => document.getElementById("keys").textContent += each.key)</script>"""


def _page(tmp_path: Path, inside: str = "", head: str = "") -> Path:
    path = tmp_path / "a page.html"
    path.write_text(head + QUIET.format(inside), encoding="utf-8")
    return path


def test_a_quiet_page_is_looked_at_in_the_size_colours_and_language_asked_for(
    open_report: OpenReport, tmp_path: Path
) -> None:
    page = open_report(_page(tmp_path), "there", size=PHONE, scheme="dark", language="zh-CN")
    assert page.text("#seen") == "金额 1.00" and page.fragment == "there"
    assert page.run("return [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, navigator.language]") == [
        360, True, "zh-CN",
    ]  # fmt: skip
    page.press("j", Keys.ARROW_DOWN)
    assert page.text("#keys") == "jArrowDown"
    assert page.too_wide() == [] and page.complaints() == []


@pytest.mark.parametrize(
    ("inside", "heard"),
    [
        ("<script>console.error('so it is')</script>", "so it is"),
        ("<script>console.warn('careful')</script>", "careful"),
        ("<script>throw new Error('no way')</script>", "no way"),
        ("<script>Promise.reject(new Error('later'))</script>", "later"),
        ("<img src='https://example.com/one.png'>", "https://example.com/one.png"),
        ("<script>fetch('http://127.0.0.1:9/two').catch(() => 0)</script>", "http://127.0.0.1:9/two"),
        ("<link rel='stylesheet' href='beside.css'>", "beside.css"),
        ("<div onclick='0'></div><script>eval('1')</script>", "Content Security Policy"),
    ],
)
def test_what_a_page_says_or_asks_for_is_heard(
    inside: str, heard: str, open_report: OpenReport, tmp_path: Path
) -> None:
    head = ""
    if heard == "Content Security Policy":
        head = "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\">"
    (tmp_path / "beside.css").write_text("p { color: red }")  # is there, and is not to be asked for
    page = open_report(_page(tmp_path, inside, head))
    found: list[str] = []
    page.wait(lambda: found.extend(page.complaints()) or any(heard in each for each in found), str(found))
    page.leave()
    page.complaints()


def test_complaints_that_nobody_asked_for_fail_the_test(open_report: OpenReport, tmp_path: Path) -> None:
    page = open_report(_page(tmp_path, "<script>console.log('here')</script>"))
    with pytest.raises(AssertionError, match=r"a page\.html: console INFO: .*here"):
        tidy([page])


def test_what_is_wider_than_a_phone_is_named_unless_it_scrolls_by_itself(
    open_report: OpenReport, tmp_path: Path
) -> None:
    wide = "<p class='far' style='width:500px'>wide</p>"
    assert open_report(_page(tmp_path, wide), size=PHONE).too_wide() == ["P.far 500"]
    assert open_report(_page(tmp_path, f"<div style='overflow-x:auto'>{wide}</div>"), size=PHONE).too_wide() == []


def test_without_chromium_it_is_skipped_and_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium chromium-driver"):
        need_browser()
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install"):
        need_browser()

"""Texts that somebody wrote to do harm: every pane shows them, none runs or breaks anything, and none holds a card number."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.reporters.html.page import write_report
from tests.reporters.html.browser import PHONE, OpenReport, Page
from tests.reporters.html.filling import Filling
from tests.reporters.html.reading import card_numbers, data, tags, whole

HOSTILE = (
    "<script>hacked=1</script>",
    "<img src=x onerror='hacked=1'>",
    "</template></script><script>hacked=1</script>",
    '" onmouseover="hacked=1" x="',
    "javascript:hacked=1",
    "<!--<script>",
    "{{ 7*7 }}{% raw %}${hacked}{count|one|more}",
    "__proto__",
    "<svg/onload=hacked=1>]]>",
    "&lt;b&gt;&#x3c;script>",
)
SCENARIO = """\
name: "<img src=x onerror='hacked=1'></template>"
terminals: 1
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 6
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false}
faults: [{type: power_loss, name: "<script>hacked=1</script>", at: {action: sale, occurrence: 3}}]
"""
PAN = "6222021234567890128"


def _harness(place: Path, *arguments: str, expect: int = 0) -> None:
    command = [sys.executable, "-m", "harness.cli.main", *arguments]
    done = subprocess.run(command, check=False, cwd=place, capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, done.stderr or done.stdout


def _shown(page: Page) -> None:
    """Nothing in the document but what the page's own script makes."""
    found = page.run(
        """
        const bad = [...document.querySelectorAll("img, iframe, object, embed, form, style + style, base, link")];
        for (const each of document.querySelectorAll("*")) {
          if ([...each.attributes].some((own) => own.name.startsWith("on"))) bad.push(each);
          if (each.tagName === "A" && !(each.getAttribute("href") || "").startsWith("#")) bad.push(each);
          if (each.tagName === "SCRIPT" && each.parentElement !== document.body) bad.push(each);
        }
        return [window.hacked === undefined, document.scripts.length, bad.map((each) => each.outerHTML.slice(0, 200))];
        """
    )
    assert found == [True, 1, []]


def _views(page: Page) -> list[str]:
    """Every view that there is an address of."""
    links = page.run("return [...document.querySelectorAll('a[href]')].map((each) => each.getAttribute('href'))")
    return sorted({str(each).removeprefix("#") for each in links})


def _go(page: Page, view: str) -> None:
    page.go(view)
    page.wait(
        lambda: page.run("return document.body.dataset.ready").startswith(view.partition("?")[0].rstrip("/")), view
    )


def test_hostile_texts_are_shown_in_every_pane_and_nothing_of_them_runs(
    open_report: OpenReport, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    write_report(Filling(*HOSTILE).report(), path)
    page = open_report(path, size=PHONE)
    page.wait(lambda: page.run("return document.body.dataset.ready"))
    seen, words = {"overview"}, ""
    waiting = ["overview", "finding/0", "finding/1"]
    while waiting:
        view = waiting.pop()
        _go(page, view)
        _shown(page)
        assert page.too_wide() == [] and page.squeezed() == [], view
        words += page.text("#view")
        fresh = [each for each in _views(page) if each not in seen and len(seen) < 12]
        seen.update(fresh)
        waiting += fresh
    assert [text for text in HOSTILE if text not in words] == []
    assert "<script>" in page.run("return document.title") or "hacked" in page.run("return document.title")


def test_the_markup_is_the_page_s_own_whatever_the_texts(tmp_path: Path) -> None:
    for texts in (HOSTILE, ("harmless",)):
        write_report(Filling(*texts).report(), tmp_path / f"{len(texts)}.html")
    assert tags(tmp_path / f"{len(HOSTILE)}.html") == tags(tmp_path / "1.html")


@pytest.mark.parametrize(
    "text",
    [
        PAN, f"card {PAN}.",
        f"{PAN[:8]}\u200b{PAN[8:]}", f"{PAN[:6]}\x00{PAN[6:]}", f"\u202e{PAN}\u202c", f"{PAN[:9]}\u00ad{PAN[9:]}",
        "x" * 590 + PAN, "7" * 20 + f" {PAN}",
    ],
    ids=range(8),
)  # fmt: skip
def test_no_card_number_is_in_the_file_or_in_its_data(text: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(Filling(text).report(), path)
    assert card_numbers(whole(path)) == []
    assert card_numbers(f"so {PAN} would be found, and {PAN[:4]} {PAN[4:8]} {PAN[8:]}") == [
        PAN, f"{PAN[:4]} {PAN[4:8]} {PAN[8:]}",
    ]  # fmt: skip


def test_a_line_of_ten_megabytes_is_cut_with_how_much_and_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    began_s = time.process_time()
    size = write_report(Filling(*["short"] * 30, "<b>" + "ab" * 5_000_000).report(), path)
    assert time.process_time() - began_s < 8 and size < 2_000_000
    text = json.dumps(data(path), ensure_ascii=False)
    assert "\u27e8\u2026+9,999," in text


@pytest.mark.parametrize("text", ["\u202ereversed\u202c\u200b\u2066zero\u2069", "a\x00b\x07\x1b[31mred\x9b\ud800half"])
def test_what_turns_or_hides_text_is_shown_as_a_symbol(text: str, open_report: OpenReport, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(Filling(text).report(), path)
    assert not set(whole(path)) & set("\u202e\u202c\u200b\u2066\u2069\x00\x07\x1b\x9b\ud800")
    page = open_report(path)
    page.wait(lambda: page.run("return document.body.dataset.ready"))
    assert "⟨U+" in page.text() or "␀" in page.text()


def test_software_that_writes_harm_wherever_it_can_is_told_and_does_none(
    open_report: OpenReport, tmp_path: Path
) -> None:
    (tmp_path / "hostile.yaml").write_text(SCENARIO)
    software = f"{Path(__file__).with_name('hostile_terminal.py')}:Hostile"
    _harness(tmp_path, "run", "hostile.yaml", "--terminal", software, "--out", "out", expect=1)
    _harness(tmp_path, "report", "out", "--trust")
    path = tmp_path / "out" / "report.html"
    assert card_numbers(whole(path), apart=False) == []
    page = open_report(path)
    page.wait(lambda: page.run("return document.body.dataset.ready"))
    _shown(page)
    held = data(path)
    words = ""
    for place in range(len(held) - 1):
        page.go(f"finding/{place}")
        page.wait_for(".events [aria-current]")
        for key in ("n", "j", "j", "p"):
            page.press(key)
        _shown(page)
        words += page.text("#view")
    assert "<img src=x onerror" in words and "</script>" in words and "⟨U+202E⟩" in words
    assert path.stat().st_size < 2_000_000

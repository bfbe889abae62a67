"""The page as a file: whole or not there, small enough, the same each time, and put together from all that it is made of."""

from __future__ import annotations

import base64
import hashlib
import re
import resource
from html import unescape
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.engine.report.model import FindingPage, RunsRow, Said, Series, SignatureRow, Step, Unchecked
from harness.faults.catalogue import all_faults
from harness.invariants.catalogue import INVARIANTS
from harness.reporters.html import page
from harness.reporters.html.fit import MOST, fitting, plain
from harness.reporters.html.page import assets, render, write_report
from harness.scenario.thresholds import MEASURES
from tests.reporters.html.filling import Filling
from tests.reporters.html.reading import data

HERE = Path(page.__file__).parent
replace = msgspec.structs.replace


def _noise(number: int, length: int = 400) -> str:
    """Text that no packing makes much smaller."""
    from random import Random

    return "".join(Random(number).choices("abcdefghijklmnopqrstuvwxyz0123456789 ", k=length))


# ---------------------------------------------------------------- put together


def test_every_asset_is_in_the_page_and_nothing_is_declared_twice() -> None:
    parts = {f"{path.parent.name}/{path.name}" for path in HERE.glob("*/*") if path.suffix in (".js", ".css")}
    assert parts == {*page.SCRIPTS, *page.STYLES}
    own = "\n".join((HERE / name).read_text() for name in page.SCRIPTS if name.startswith("assets/"))
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", own, re.MULTILINE)
    assert [each for each in names if names.count(each) > 1] == []


def test_what_would_end_the_script_or_the_style_is_in_neither() -> None:
    script, style = assets()
    assert not re.search(r"</script|<!--", script, re.IGNORECASE) and "</style" not in style.lower()
    assert "innerHTML" not in re.sub(r"/\*.*?\*/", "", (HERE / "assets/dom.js").read_text())
    for name in page.SCRIPTS:
        if name.startswith("assets/"):
            text = (HERE / name).read_text()
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|parseFromString|createContextualFragment|srcdoc|document\.write|"
                r"eval\(|new Function|set(?:Timeout|Interval)\([\"'`]|fetch\(|XMLHttpRequest|WebSocket|EventSource"
                r"|sendBeacon|import\(",
                text,
            )


def test_the_policy_allows_the_page_s_own_script_and_style_and_nothing_else() -> None:
    shown = render(Filling("<script>x</script>").report())
    head, _, _ = shown.partition("<title>")
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', head)

    def allowed(tag: str) -> str:
        (held,) = re.findall(rf"<{tag}>(.*?)</{tag}>", shown, re.DOTALL)
        return f"'sha256-{base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()}'"

    assert unescape(policy) == (
        f"default-src 'none'; script-src {allowed('script')}; style-src {allowed('style')}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "Leon Sorokin" in assets()[0], "the terms of what others wrote"


def test_the_same_report_gives_the_same_bytes() -> None:
    shown = render(Filling("one", "two").report())
    assert shown == render(Filling("one", "two").report())
    packed = re.findall(r'<template id="[\w-]+">([\w+/=]+)</template>', shown)
    assert len(packed) == 3 and all(base64.b64decode(each)[4:8] == bytes(4) for each in packed), "the time is in it"


# ---------------------------------------------------------------- size


def test_an_overview_that_is_too_large_says_what_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page, "OVERVIEW_BYTES_MAX", 40_000)
    report = Filling("x").report()
    assert report.runs is not None
    runs = replace(report.runs, rows=tuple(RunsRow(_noise(n), 1) for n in range(100)))
    rows = tuple(SignatureRow(f"{n:08x}", 1, "n", "k", _noise(n)) for n in range(400))
    series = tuple(Series("free_space", "us", "bytes", (), _noise(n)) for n in range(3))
    measures = replace(report.measures, series=series)
    left = (Said("left_signatures", count=7),)
    unchecked = tuple(Unchecked("other", _noise(n)) for n in range(100))
    large = replace(
        report, signatures=rows, runs=runs, measures=measures, left_out=left, unchecked=unchecked, findings=()
    )
    path = tmp_path / "report.html"
    write_report(large, path)
    shown = data(path)["data"]
    counts = {each["code"]: each["count"] for each in shown["left_out"]}
    assert counts["left_series"] == 3 and "series" not in shown["measures"]
    assert counts["left_signatures"] == 7 + 400 - len(shown["signatures"]) and 0 < len(shown["signatures"]) < 400
    assert counts["left_rows"] == 100 - len(shown["runs"]["rows"])
    assert counts["left_unchecked"] == 100 - len(shown["unchecked"])


def test_a_trace_that_is_too_large_leaves_its_page_without_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page, "FINDING_BYTES_MAX", 20_000)
    steps = tuple(Step(n, n, "disk", "Barrier", _noise(n)) for n in range(200))
    small = FindingPage("11111111", 1, "name", "told", steps=steps[:2])
    report = replace(Filling("x").report(), findings=(small, replace(small, signature="22222222", steps=steps)))
    path = tmp_path / "report.html"
    write_report(report, path)
    found = data(path)
    assert len(found["finding-0"]["steps"]) == 2
    assert "steps" not in found["finding-1"] and found["finding-1"]["why_empty"] == "too_large"
    assert any(each["code"] == "left_too_large" and "22222222" in each["what"] for each in found["data"]["left_out"])


def test_traces_that_are_too_large_together_leave_the_later_pages_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "FINDINGS_BYTES_MAX", 25_000)
    steps = tuple(Step(n, n, "disk", "Barrier", _noise(n)) for n in range(40))
    pages = tuple(FindingPage(f"{n:08x}", 1, "name", "told", steps=steps) for n in range(3))
    write_report(replace(Filling("x").report(), findings=pages), tmp_path / "report.html")
    found = data(tmp_path / "report.html")
    assert [len(found[f"finding-{n}"].get("steps", ())) for n in range(3)] == [40, 0, 0]  # type: ignore[attr-defined]


# ---------------------------------------------------------------- writing


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    report = Filling("x").report()
    for name, said in (("nowhere/report.html", "No such file"), ("taken", "Is a directory")):
        (tmp_path / "taken").mkdir(exist_ok=True)
        with pytest.raises(HarnessError, match=said):
            write_report(report, tmp_path / name)
    (tmp_path / "full.html").symlink_to("/dev/full")
    with pytest.raises(HarnessError, match="No space left"):
        write_report(report, tmp_path / "full.html")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["full.html", "taken"]
    path = tmp_path / ("long" * 40 + ".html")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        with pytest.raises(HarnessError, match="File too large"):
            write_report(report, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["full.html", "taken"]
    assert write_report(report, path) == path.stat().st_size
    assert sorted(each.name for each in tmp_path.iterdir()) == ["full.html", path.name, "taken"]


# ---------------------------------------------------------------- texts


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=900))
def test_a_fitting_text_is_short_has_nothing_unseen_in_it_and_stays_as_it_is(text: str) -> None:
    shown = fitting(text)
    assert len(shown) <= MOST + 30
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode("utf-8")
    if text.isascii() and text.isprintable() and len(text) <= MOST and not re.search(r"\d{13}", text):
        assert shown == text


def test_nothing_that_turns_or_hides_text_is_left_in_it() -> None:
    unseen = [*range(9), *range(0xB, 0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010)]
    unseen += [*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xD800, 0xDFFF, 0xFEFF, *range(0xFFF9, 0xFFFF)]
    unseen += [0xE0001, *range(0xE0020, 0xE0080)]
    for code in unseen:
        assert chr(code) not in fitting(f"a{chr(code)}b"), hex(code)
    assert fitting("a\tb\nc 交易 é") == "a\tb\nc 交易 é"


@pytest.mark.parametrize("card", ["4111111111111111", "6222021234567890128"])
def test_a_card_number_is_masked_alone_and_wherever_a_text_is_cut(card: str) -> None:
    assert plain(Said(card)) == {"code": f"{card[:6]}{'*' * (len(card) - 10)}{card[-4:]}"}
    for before in range(MOST - 25, MOST + 5):
        assert card[:8] not in fitting("x" * before + card + "x" * 99), before


def test_a_number_that_a_script_would_round_is_text() -> None:
    assert plain(Said("x", count=2**53 - 1, of=2**53)) == {"code": "x", "count": 2**53 - 1, "of": str(2**53)}


def test_words_are_there_in_both_languages_and_every_key_that_is_asked_for() -> None:
    texts = (HERE / "assets/texts.js").read_text()
    english, chinese = texts.split("Object.assign(TEXTS.zh")
    keys = [re.findall(r'\b(\w+): "', part) for part in (english.partition("TEXTS.en, {")[2], chinese)]
    assert keys[0] == keys[1] and len(set(keys[0])) == len(keys[0])
    asked = set(
        re.findall(r'\bt\("(\w+)"', (HERE / "assets/overview.js").read_text() + (HERE / "assets/app.js").read_text())
    )
    assert asked <= set(keys[0]) and len(asked) > 40


def test_every_invariant_fault_and_measure_has_a_chinese_name() -> None:
    names = (HERE / "assets/names.js").read_text()
    tables = re.findall(r"const (\w+_ZH) = \{(.*?)\n\};", names, re.DOTALL)
    told = {name: set(re.findall(r'\b(\w+): "', table)) for name, table in tables}
    assert told["PROMISES_ZH"] == set(INVARIANTS.names())
    assert told["FAULTS_ZH"] == set(all_faults().names())
    assert told["MEASURES_ZH"] >= set(MEASURES)

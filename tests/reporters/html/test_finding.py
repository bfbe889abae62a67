"""The page of a finding in a real browser: lanes, the step through events by keys and mouse, messages, the disk, what differs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from selenium.webdriver.common.keys import Keys

from harness.engine.report.model import (
    FORMAT,
    Band,
    Cut,
    Difference,
    Disk,
    Field,
    File,
    FindingPage,
    Lost,
    Message,
    Report,
    Step,
    Taken,
    Verdict,
    Volume,
    Why,
)
from harness.engine.report.window import step_of
from harness.history import events as e
from harness.reporters.html.page import write_report
from tests.reporters.html.browser import LAPTOP, PHONE, OpenReport, Page

MINUTE = 60_000_000
NINE = 540 * MINUTE
HOSTILE = "<img src=x onerror=\"console.error('hacked')\"></template></script>\u202e evil \x07"
T01, T02 = "T01", "T02"
CALLED, STORED = "till.py:40 sale > till.py:88 charge", "till.py:120 store"
ASSETS = Path(__file__).parents[3] / "harness" / "reporters" / "html" / "assets"


def _steps() -> tuple[Step, ...]:
    def at(seconds: float) -> int:
        return NINE + int(seconds * 1_000_000)

    return (
        Step(1, 0, "operator", "PhaseStarted", "phase: trading", facts=(("phase", "trading"),)),
        Step(4, at(0), "operator", "ActionStarted", "operator asks for sale", T01, facts=(("kind", "sale"),)),
        Step(5, at(1), "terminal", "SoftwareLogged", f"software prints {HOSTILE}", T01),
        Step(6, at(2), "link", "MessageSent", "terminal sends 0200", T01, 3, facts=(("mti", "0200"),), place=CALLED),
        Step(7, at(2.1), "link", "MessageDelivered", "message 3 arrives", T01, 3),
        Step(8, at(2.5), "host", "LedgerChanged", "host books", T01, guilty=True, facts=(("state", "APPROVED"),)),
        Step(
            9,
            at(3),
            "terminal",
            "ScreenShown",
            "screen: approved",
            T01,
            guilty=True,
            facts=(("kind", "approved"),),
            place="till.py:40 sale",
            returned=True,
        ),
        Step(10, at(3), "terminal", "ScreenShown", "screen: idle", T02, facts=(("kind", "idle"),)),
        Step(
            11,
            at(60),
            "terminal",
            "PowerLost",
            "POWER LOST",
            T01,
            facts=(("cause", "power_loss"),),
            place="till.py:12 wait",
        ),
        Step(12, at(105), "terminal", "Booted", "boots (boot 2)", T01, facts=(("boot", "2"),)),
    )


def _told() -> FindingPage:
    fields = (
        Field("", "TPDU", "6000030000"),
        Field("2", "primary account number", "622202******0008"),
        Field("4", "amount, transaction", "000000001500", parts=(("yuan", "15.00"),)),
        Field("35", "track 2 data", hidden=37),
    )
    return FindingPage(
        "0123abcd", 1, "no_lost_approval", f"T01 lost it. {HOSTILE}", T01, NINE, 1500, "critical", "a scenario", 1, "shop",
        "power_loss", "", "harness run a --terminal b --seed 1",
        Why("Every approval that was shown is settled.", "approved screens", "T01 lost it.", (8, 9)),
        _steps(),
        (
            Band("power_loss#1", "power_loss", "power", NINE + MINUTE, NINE + MINUTE, True, True, (T01,)),
            Band("", "no_power", "power", NINE + MINUTE, NINE + 105_000_000, devices=(T01,)),
        ),
        (Message(3, "up", "0200", "", NINE + 2_000_000, NINE + 2_100_000, "delivered", "", 90, fields),),
        (Volume("data", "/data", 1 << 20, "posix-weak", "only barriers order anything"),),
        (
            Disk(4, "data", (File("/data/old", 7, 7), File("/data/log", directory=True, volatile_bytes=0, durable_bytes=0))),
            Disk(
                9, "data", (File("/data/log/q", 228, None),), (), ("the append of 228 bytes",), (STORED,), ("it was lost",),
                (STORED,),
            ),
            Disk(12, "data", (File("/data/old", 7, 7, True),), ("/data/log/q",)),
        ),
        taken=(
            Taken(
                11, NINE + MINUTE, "data",
                (
                    Lost("the append was lost", f"{CALLED} > {STORED}", "unsynced"), Lost(f"more {HOSTILE}", "", "unsynced"),
                    Lost("the rename was lost", "till.py:121 store", "kept_not", "till.py:122 store"),
                ), 3, blamed=True,
            ),
            Taken(13, 2 * NINE, "cache", (Lost("of no matter", "", "under_way"),)),
        ),
        difference=Difference(
            ("power",), 1, True, T01, NINE + MINUTE, 11, 9, _steps()[8:9], _steps()[7:8], "harness run it --without power"
        ),
        shrunk="name: small\n# a comment\n",
        left_out=42, left_out_elsewhere=7, window=(0, NINE + 105_000_000), around=(11,), follows=3,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bare = FindingPage(
        "4567cdef", 3, "no_double_charge", "T02 charged twice.", again="harness run c", why_empty="software",
        cut=Cut("after the customer leaves, ext4-ordered", "write /data/a", ("data: the append was lost", HOSTILE)),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("finding") / "report.html"
    write_report(Report(FORMAT, "run", "shop", "0", "reports/it", Verdict("fail", 1), findings=(_told(), bare)), path)
    return path


def _at(page: Page) -> str:
    return str(page.run("return document.querySelector('.events [aria-current]').dataset.number"))


def _open(open_report: OpenReport, report: Path, fragment: str = "finding/0", **keywords: object) -> Page:
    page: Page = open_report(report, fragment, **keywords)
    page.wait(lambda: str(page.run("return document.body.dataset.ready || ''")).startswith("finding"), "not drawn")
    return page


def test_it_says_what_is_wrong_by_which_rule_and_leads_to_the_events_that_prove_it(
    open_report: OpenReport, report: Path
) -> None:
    page = _open(open_report, report)
    head = page.text(".verdict")
    for said in (
        "no lost approval",
        "Every approval that was shown is settled.",
        "approved screens",
        "15.00 yuan",
        "power_loss",
    ):
        assert said in head
    assert _at(page) == "9", "it begins at the first guilty thing that the terminal itself did"
    assert "Why it is marked: somebody was told this" in page.text(".detail")
    links = page.all(".guilty-links a")
    assert [link.text[:1] for link in links] == ["◆", "◆", "✕"], "two prove it, and one went wrong around them"
    assert "Look at 3 no double charge on this terminal first" in head
    links[0].click()
    assert _at(page) == "8" and page.fragment.startswith("finding/0/event/8")
    assert "this is what the host's books say" in page.text(".detail")
    assert len(page.all(".lanes .mark.guilty")) == 2 and page.text("body").count("hacked") >= 1
    assert page.all("#view img") == [] and page.complaints() == []
    page = _open(open_report, report)
    page.all(".guilty-links a")[2].click()
    assert _at(page) == "11"


def test_keys_and_mouse_step_through_the_events_of_one_terminal(open_report: OpenReport, report: Path) -> None:
    page = _open(open_report, report, "finding/0/event/6")
    seen = [_at(page)]
    for key in (
        "j", Keys.ARROW_DOWN, Keys.ARROW_RIGHT, "j", "k", Keys.ARROW_UP, Keys.ARROW_LEFT, Keys.HOME, "k", Keys.END, "j",
        "p", "p", "p", "n",
    ):  # fmt: skip
        page.press(key)
        seen.append(_at(page))
    assert seen == ["6", "7", "8", "9", "11", "9", "8", "7", "1", "1", "12", "12", "9", "8", "9", "8"]
    page.run(
        "document.querySelector('.lanes [data-number=\"11\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert _at(page) == "11" and "Power is lost" in page.text(".detail")
    page.run("document.querySelector('.events [data-number=\"5\"]').click()")
    assert _at(page) == "5" and page.fragment.startswith("finding/0/event/5")
    page.go("finding/0/event/9")
    page.wait(lambda: _at(page) == "9")
    page.all(".tabs button")[1].click()
    assert _at(page) == "10" and [
        each.get_attribute("data-number") for each in page.all(".events li[data-number]")
    ] == ["1", "10"]
    assert "The disk is shown of T01 alone" in page.text(".detail")
    page.press("n")
    assert _at(page) == "8", "the guilty events are the guilty terminal's, wherever one looks"


def test_stepping_by_keys_brings_what_is_stepped_through_into_view(open_report: OpenReport, report: Path) -> None:
    page = _open(open_report, report, size=LAPTOP)
    assert page.run("return scrollY") == 0
    page.press("j")
    for seen in (".detail h3", ".events [aria-current]"):
        top, low = page.run(
            f"const box = document.querySelector('{seen}').getBoundingClientRect(); return [box.top, box.bottom]"
        )
        assert top >= 0 and low <= page.run("return innerHeight"), seen
    at = page.run("return scrollY")
    page.press("j")
    assert page.run("return scrollY") == at, "what is in view stays where it is"


def test_a_message_is_told_field_by_field(open_report: OpenReport, report: Path) -> None:
    page = _open(open_report, report, "finding/0/event/6")
    told = page.text(".message")
    for said in (
        "To the host",
        "financial request",
        "arrived at day 1 09:00:02.100",
        "622202******0008",
        "yuan 15.00",
        "37 characters",
    ):
        assert said in told
    page.press("j")
    assert "622202******0008" in page.text(".message"), "where it arrives it is told again"


def test_each_event_operation_and_loss_names_the_line_it_comes_from(open_report: OpenReport, report: Path) -> None:
    page = _open(open_report, report, "finding/0/event/6")
    assert page.text(".detail .place") == "at till.py:88 charge called from till.py:40 sale"
    rows = {row.get_attribute("data-number"): row.text.splitlines()[-1] for row in page.all(".events li[data-number]")}
    assert rows["6"].endswith("till.py:88") and rows["11"].endswith("till.py:12") and ".py:" not in rows["8"]
    page.go("finding/0/event/9")
    page.wait(lambda: _at(page) == "9")
    assert page.text(".detail .place") == "returned by till.py:40 sale"
    assert "the append of 228 bytes" in page.text(".volume") and page.text(".volume .at").strip() == "till.py:120 store"
    page.press("j")
    assert page.text(".detail .place") == "the software stood at till.py:12 wait"
    assert "day 1 09:01:00.000, volume data" in page.text(".verdict .taken small")
    for lines in ([each.text for each in page.all(f"{pane} .taken :is(li, p)")] for pane in (".verdict", ".detail")):
        assert (
            lines[0]
            == "the append was lost written at till.py:120 store called from till.py:88 charge ← till.py:40 sale"
        )
        assert lines[2].startswith("Nothing had made that durable")
        assert lines[4].endswith("all the same. fsync at till.py:122 store")
        assert lines[3] == "the rename was lost written at till.py:121 store" and lines[5] == "3 more operations"
    assert "of no matter" not in page.text("body") and page.all(".taken img") == []
    page.press("k", "k")
    assert not page.all(".detail .taken") and not page.all(".detail .place")


def test_approved_on_the_screen_and_only_in_the_cache_is_seen(open_report: OpenReport, report: Path) -> None:
    page = _open(open_report, report, "finding/0/event/8")
    assert page.all(".callout.safe") and not page.all(".files .risky")
    page.press("j")
    assert "The screen says “approved” while 1 file or directory is only in the cache" in page.text(".callout.risk")
    row = page.text(".files tbody tr.changed")
    assert "/data/log/q" in row and "228" in row and "only in the cache" in row
    assert "the append of 228 bytes" in page.text(".volume") and "1 more file" not in page.text(".volume")
    assert "2 more files, unchanged, on the medium" in page.text(".volume")
    page.press("j")
    assert "not on the medium" in page.text(".callout.doubt")
    page.press("j")
    assert page.all(".callout.doubt") and "gone" in page.text(".files")
    row = next(each.text.split() for each in page.all(".files tr.changed") if "/data/old" in each.text)
    assert " ".join(row) == "/data/old 7 7 7 ≠ 7 7 = 7, content differs" and page.all(".files .risky.strong")
    risky = page.run(
        "return [...document.querySelectorAll('.lanes .risky')].map(each => each.getAttribute('width') > 10)"
    )
    assert risky == [True], "along the disk's lane, from the screen to the boot"


def test_beside_it_stand_the_other_run_the_smallest_scenario_and_what_is_left_out(
    open_report: OpenReport, report: Path
) -> None:
    page = _open(open_report, report)
    told = page.text("#view")
    for said in (
        "The same scenario and seed without the faults of power passes.", "the first 9 things", "harness run it --without power",
        "# a comment", "42 more events of T01 are left out", "7 events of other terminals", "harness run a --terminal b --seed 1",
    ):  # fmt: skip
        assert said in told, said
    page.run("[...document.querySelectorAll('#view a')].find(each => each.textContent.startsWith('They part')).click()")
    assert _at(page) == "11"
    page.go("finding/1")
    page.wait(lambda: "no double charge" in page.text("#view"))
    cut = page.text(".verdict")
    assert "after the customer leaves" in cut and "the append was lost" in cut and "write /data/a" in cut
    assert "does not ship with the harness" in page.text("#view") and "harness run c" in page.text("#view")
    page.press("j", "n", Keys.END)


@pytest.mark.parametrize(("language", "scheme"), [("en-GB", "light"), ("zh-CN", "dark")])
def test_on_a_phone_nothing_is_cut_off_and_every_word_has_its_language(
    open_report: OpenReport, report: Path, language: str, scheme: str
) -> None:
    page = _open(open_report, report, "finding/0/event/9", size=PHONE, language=language, scheme=scheme)
    for number in ("5", "6", "9", "11"):
        page.run(f"document.querySelector('.events [data-number=\"{number}\"]').click()")
        assert page.too_wide() == []
        missing = page.run("return (document.body.innerText.match(/\\[[a-z]+_\\w+\\]/g) || [])")
        assert missing == []
    assert ("磁盘" in page.text("#view")) == (language == "zh-CN")
    page.picture(f"finding-{language}-{scheme}")


def test_both_languages_say_the_same(open_report: OpenReport, report: Path) -> None:
    page = _open(open_report, report)
    script = (ASSETS / "finding_texts.js").read_text("utf-8")
    lacking = page.run(
        "let en, zh; (new Function('addTexts', arguments[0]))((a, b) => { en = a; zh = b; });"
        "return [...Object.keys(en).filter(each => !(each in zh)), ...Object.keys(zh).filter(each => !(each in en))]",
        script,
    )
    assert lacking == []
    # What there was no time for says which option gives more.
    named = page.run(
        "const found = []; (new Function('addTexts', arguments[0]))((...both) => both.forEach(texts => "
        "Object.entries(texts).forEach(([key, text]) => key.endsWith('_no_time') && found.push(text.includes('--max-time')))));"
        "return found",
        script,
    )
    assert named == [True] * 6


# What has no story of its own on a page.
_UNSEEN = {e.TerminalInstalled, e.Diverged}


def _filled(kind: type[e.Event]) -> e.Event:
    """An event of this kind that says something in each of its fields."""
    values: dict[str, object] = {}
    for each in msgspec.structs.fields(kind):
        told = str(each.type)
        if "tuple[int, int, int, int]" in told:
            values[each.name] = (1, 2, 3, 4)
        elif "tuple[tuple[int, int], ...]" in told:
            values[each.name] = ((1, 2),)
        elif "RecordSeen" in told:
            values[each.name] = (e.RecordSeen("000001", "000001", "sale", 5),) * 60  # more than a fact holds
        elif "tuple[int, ...]" in told:
            values[each.name] = (7, 8)
        elif "tuple[str, ...]" in told:
            values[each.name] = ("T01", "T02")
        elif "bool" in told:
            values[each.name] = True
        elif "int" in told:
            values[each.name] = 1234
        else:
            values[each.name] = {"kind": "sale", "what": "loaded paper", "error": ""}.get(each.name, "said")
    values["device"] = T01
    return kind(**{name: values[name] for name in (each.name for each in msgspec.structs.fields(kind))})


def test_every_event_is_told_in_chinese_and_lacks_nothing_that_it_says(open_report: OpenReport, tmp_path: Path) -> None:
    kinds = [each for each in get_args(e.AnyEvent) if each not in _UNSEEN]
    events = [msgspec.structs.replace(_filled(each), at_us=NINE + place) for place, each in enumerate(kinds)]
    kinds.append(e.RequestUnanswered)
    events.append(e.RequestUnanswered(NINE + 99, T01, 1234, "late"))
    steps = tuple(step_of(place, event) for place, event in enumerate(events))
    path = tmp_path / "report.html"
    told = msgspec.structs.replace(_told(), steps=steps)
    write_report(Report(FORMAT, "run", "shop", "0", "it", Verdict("fail", 1), findings=(told,)), path)
    shown = {}
    for language in ("en", "zh-CN"):
        page = _open(open_report, path, language=language)
        shown[language] = page.run(
            "return [...document.querySelectorAll('.events li .what')].map(each => each.textContent)"
        )
    english, chinese = shown["en"], shown["zh-CN"]
    assert len(english) == len(chinese) == len(kinds)
    for kind, before, after in zip(kinds, english, chinese, strict=True):
        assert re.search("[\u4e00-\u9fff]", after), (kind, after)
        assert before != after and not re.search(r"undefined|NaN|\[object|null", after), (kind, after)
        # Numbers are the same in both: what was lost, which message, how many bytes.
        assert set(re.findall(r"\d[\d,]*\d|\d", before)) == set(re.findall(r"\d[\d,]*\d|\d", after)), (
            kind,
            before,
            after,
        )
    assert "never" not in english[-1] and "从不" not in chinese[-1], "it comes with a later one"
    assert "host.no_reply" in (ASSETS / "sentences.js").read_text("utf-8")

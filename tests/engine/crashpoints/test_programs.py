"""Crash points and failing calls of a program of its own: the firmware in C, and the same with one safeguard taken out."""

import functools

from harness.engine.crashpoints.calls.playing import Playing, Range
from harness.engine.crashpoints.calls.report import FlowCalls
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.report import FlowReport
from harness.engine.crashpoints.scene import Setting
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from tests.engine.crashpoints.explored import media
from tests.sut.firmware import c_firmware

NEVER_SYNCS = ("synchronous=EXTRA", "synchronous=OFF")
WITHOUT_INSPECTION = ('"--inspect"', '"--look"')
ANSWERS_BEFORE_A_SECOND_START = (
    ("    open_storage(directory);\n    has_keys", '''    char mark[300];
    snprintf(mark, sizeof mark, "%s/once", directory);
    if (!access(mark, F_OK))
        snprintf(mark, sizeof mark, "%s/again", directory);
    fclose(fopen(mark, "w"));
    sync();
    open_storage(directory);
    has_keys'''),
    ("            inspect(arguments[++at]);",
     '            if (!access("/data/again", F_OK)) return 1;\n            inspect(arguments[++at]);'),
)  # fmt: skip


@functools.cache
def setting(*changed: tuple[str, str]) -> Setting:
    return Setting(Plan("plain counter"), software.load(c_firmware(*changed)), 1)


def explored(extent: Extent, *changed: tuple[str, str]) -> FlowReport:
    with interpreter.installed():
        ways = media("ext4-ordered")
        return Exploration(setting(*changed), FLOWS.get("sale"), ways, extent, lambda: "", lambda *_: None).explore()


def played(failures: tuple[str, ...], call: int, *changed: tuple[str, str]) -> FlowCalls:
    with interpreter.installed():
        extent = Range(failures, call)
        return Playing(setting(*changed), FLOWS.get("sale"), extent, lambda: "", lambda *_: None).play()


def test_it_comes_back_from_every_state_and_without_its_barriers_it_does_not() -> None:
    sound = explored(Extent(images_limit=12, states_limit=6))
    assert sound.found == [] and sound.judged == 6
    careless = explored(Extent(images_limit=12, states_limit=6), NEVER_SYNCS)
    assert {found.invariant for found in careless.found} >= {1}
    # A program's calls are told apart by what they do to which file.
    first = careless.found[0]
    assert "/data/shop.db" in first.example.step and first.place.split(" ")[1].startswith("/data/shop.db"), first
    assert " in " not in first.example.step


def test_every_kind_of_failing_call_bites() -> None:
    report = played(("enospc", "eio", "fsync", "memory", "reset"), 3)
    assert report.found == [] and not report.left
    assert {count.failure for count in report.counts} == {"enospc", "eio", "fsync", "memory", "reset"}
    for count in report.counts:
        assert count.tried and count.bit == count.tried, count
    calls = {count.failure: count.calls for count in report.counts}
    assert calls["eio"] > calls["enospc"] > 0 and calls["memory"] > calls["fsync"] > 2 and calls["reset"] == 4, calls


def test_a_program_without_inspection_is_not_accused_of_unreadable_records() -> None:
    report = explored(Extent(images_limit=12, states_limit=4), WITHOUT_INSPECTION)
    assert report.found == [] and report.judged == 4
    told = report.not_checked["17 record_atomicity"]
    assert told.startswith("the software offers no inspection: before any fault, --inspect: "), told
    assert "nothing of the kind" in report.not_checked["18 corruption_detected"]


def test_one_that_answers_on_a_fresh_device_owes_an_answer_in_every_state() -> None:
    # Every start after the first leaves a mark, and with it the records are not read any more.
    report = explored(Extent(images_limit=12, states_limit=4), *ANSWERS_BEFORE_A_SECOND_START)
    assert {found.invariant for found in report.found} == {17}
    assert "can no longer be read" in report.found[0].example.summary

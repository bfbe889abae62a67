"""Crash points as tests of reports want them: made up, of a flow that comes to harm, one that was cut short, one not explored."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.engine.crashpoints.report import Cell, CrashReport, Example, FlowReport, Found, ProfileCount
from harness.engine.report.crashes import CRASHES


def kept(directory: Path, told: CrashReport) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / CRASHES).write_bytes(msgspec.json.encode(told))
    return directory


def found_of(number: int, name: str, place: str, summary: str) -> Found:
    example = Example(
        "0f", 1, 2, 9_000_000, "fat", "after 0200 sent", f"write /data/a, in till.py:120 {place}", ("data: the append was lost",),
        "", summary, ("  one event", "> a guilty one"), "harness crashpoints power/plain_counter --terminal mine.py:M --state 0f",
    )  # fmt: skip
    return Found(number, name, "critical", f"{place}: write", ["fat"], 7, 1400, example)


def told_of(*flows: FlowReport, **more: object) -> CrashReport:
    return CrashReport("plain", "mine.py:M", "pos", 1, 3, list(flows), **more)  # type: ignore[arg-type]


SALE = FlowReport(
    "sale", "one card sale", "", [ProfileCount("fat", 20, 40, 30, 2, failing=9, unsurvivable={17: 3}), ProfileCount("ext4", 20)],
    [Cell("after 0200 sent", "fat", 1, 5, 10, 9), Cell("after 0200 sent", "ext4", 1, 5, 4, 0),
     Cell("in recovery", "fat", 2, 9, 1, 1)],
    [found_of(1, "no_lost_approval", "store", "T01 lost 14.00 yuan"),
     found_of(1, "no_lost_approval", "mark", "T01 lost 9.00 yuan"),
     found_of(17, "record_atomicity", "store", "T01 holds 1 damaged records")],
    30, 5, [], {"5 reversal_removed": "no reversal", "24 returns_to_service": "nothing died"}, failing=10,
)  # fmt: skip
VOID = FlowReport(
    "void", "a void", "", [], [], [], 4, 0, ["interrupted"], {"5 reversal_removed": "no reversal"}, unsettled=2,
    unsettled_state="ab",
)  # fmt: skip
OFFLINE = FlowReport("offline", "no line", "it has no offline sales")

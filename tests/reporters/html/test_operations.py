"""What was done to a disk and what a cut made of it, in both languages: every sentence that the disk's account can say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from harness.engine.report.model import FORMAT, FindingPage, Lost, Report, Taken, Verdict
from harness.reporters.html.page import write_report
from harness.storage.draft import Fate, Part, Resized, SectorFates, Steps
from harness.storage.image import Image
from harness.storage.oplog import (
    BARRIERS,
    Close,
    DropDirty,
    Link,
    Op,
    Rename,
    Returned,
    SetMode,
    SyncDirectory,
    SyncFile,
    SyncVolume,
    Truncate,
    Unlink,
    Write,
)
from harness.storage.profiles.story import tell, tell_since
from tests.reporters.html.browser import OpenReport

_OPERATIONS: tuple[Op, ...] = (
    Link(1, "a", 2, 0o100644), Link(1, "b", 2, 0o100644, created=False), Write(2, 0, b"12345", 0), Write(2, 1, b"12", 5),
    Truncate(2, 3, 5), SetMode(2, 0o100600), SyncFile(2), SyncFile(2, data_only=True), SyncDirectory(1), SyncVolume(),
    DropDirty(2), Rename(1, "a", 1, "c", 2, None), Unlink(1, "c", 2),
)  # fmt: skip
_PARTS: tuple[Part, ...] = (
    SectorFates(bytes(range(5))), SectorFates(bytes((1, 1, 0, 0))), Resized(7, 3, 9, Fate.ZEROS),
    Resized(None, 3, 9, Fate.GARBAGE), Steps(sum(1 << bit for bit in range(5))), Steps(0),
)  # fmt: skip


def test_every_operation_of_a_disk_is_told_in_chinese_and_lacks_nothing(
    open_report: OpenReport, tmp_path: Path
) -> None:
    silent = (Returned, Close)
    assert {type(each) for each in _OPERATIONS} == set(get_args(Op)) - set(silent)
    linked, write, truncate, rename = _OPERATIONS[0], _OPERATIONS[2], _OPERATIONS[4], _OPERATIONS[-2]
    lost, _ = tell(
        Image(), _OPERATIONS, [place for place, each in enumerate(_OPERATIONS) if not isinstance(each, BARRIERS)], ()
    )
    texts = [*tell_since(Image(), _OPERATIONS, 0), *(each.text for each in lost if "DropDirty" not in each.text)]
    for part in _PARTS:
        torn = {SectorFates: write, Resized: truncate, Steps: rename}[type(part)]
        texts += [each.text for each in tell(Image(), (linked, write, torn), (), ((2, part),))[1]]
    assert len(texts) > 25
    taken = Taken(11, 0, "data", tuple(Lost(each) for each in texts), blamed=True)
    path = tmp_path / "report.html"
    page = FindingPage("0123abcd", 1, "no_lost_approval", "T01 lost it.", "T01", taken=(taken,))
    write_report(Report(FORMAT, "run", "shop", "0", "it", Verdict("fail", 1), findings=(page,)), path)
    for language in ("en", "zh-CN"):
        shown = open_report(path, "finding/0", language=language)
        shown.wait_for(".verdict .taken li")
        told = shown.run("return [...document.querySelectorAll('.verdict .taken li')].map(each => each.textContent)")
        assert len(told) == len(texts)
        if language == "en":
            assert told == texts
    for before, after in zip(texts, told, strict=True):
        left = re.sub(r"/[ab c]\S*|fsync|fdatasync|sync", "", after)
        assert re.search("[\u4e00-\u9fff]", after) and not re.search("[A-Za-z]", left), (before, after)
        assert sorted(re.findall(r"\d+", before)) == sorted(re.findall(r"\d+", after)), (before, after)

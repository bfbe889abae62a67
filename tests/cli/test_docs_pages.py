"""Every command of the documentation, run as it stands, page by page; and what pages quote of output and of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.reporters import documentation

from .pages import commands, play

ENDS = {
    "cut.yaml --terminal my_terminal.py:MyTerminal --out": 1,
    "--terminal my_terminal.py:MyTerminal --profile posix-weak": 1,
    "--terminal no_directory_fsync": 1,
    "exec:reports/shop_terminal --no-reserve": 1,
    "--terminal filequeue": 1,
    "replay reports/first/finding.zip": 1,
    "run reports/reply_lost.yaml --terminal silent_charge": 1,
    "hunt reports/field.yaml": 1,
    "--fail enospc --terminal jsonfile": 1,
    "gate --terminal reference --budget 5s": 2,
}
"""What does not end with 0, by words of the command."""
ELSEWHERE = {"pytest": "tests/testing/test_documentation.py", "zh/README": "tests/cli/test_readme.py"}
PAGES = [each for each in documentation.pages() if commands(each.text()) and each.topic not in ELSEWHERE]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.topic)
def test_a_page_does_as_it_says(page: documentation.Page, place: Path) -> None:
    play(page.text(), place, ENDS)

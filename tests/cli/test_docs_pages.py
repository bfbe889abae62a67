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
    "replay reports/first": 1,
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


MADE_UP = (
    "Save this as `a.yaml`:\n\n```yaml\nname: a\n```\n\nRun:\n\n```console\ncat a.yaml\n```\n\n```text\nname...\n```\n"
)


def test_a_made_up_page_is_played_and_each_of_its_lies_is_found(place: Path) -> None:
    for number, (one, other) in enumerate(
        [
            ("", ""),
            ("cat a.yaml", "cat b.yaml"),
            ("name...", "nothing"),
            ("cat a.yaml", "echo name; echo x >&2"),
            ("cat", "true;"),
        ]
    ):
        directory = place / str(number)
        directory.mkdir()
        if not number:
            assert play(MADE_UP, directory, {}) == ["name: a"]
            continue
        with pytest.raises(AssertionError):
            play(MADE_UP.replace(one, other), directory, {})
    assert commands(MADE_UP) == ["cat a.yaml"] and len(PAGES) > 5

"""The README's commands, as they stand there, in an empty directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import ROOT
from .pages import blocks, commands, play
from .test_docs_pages import ENDS

README = (ROOT / "README.md").read_text("utf-8")
CHINESE = (ROOT / "harness" / "docs" / "zh" / "README.md").read_text("utf-8")


@pytest.mark.slow
def test_commands_give_what_the_readme_says(place: Path) -> None:
    assert len(commands(README)) >= 8
    said = "\n".join(play(README, place, ENDS))
    mine = said[said.index("my_terminal.py:MyTerminal") :]
    for words in ("invariant 3 ", "invariant 8 ", "invariant 24 ", "(exception: my_terminal.py:"):
        assert words in mine


def test_both_languages_have_the_same_commands_and_quotes() -> None:
    assert [each.body for each in blocks(README) if each.tag in ("console", "text")] == [
        each.body for each in blocks(CHINESE) if each.tag in ("console", "text")
    ]


def test_set_up_lines_install_what_the_commands_need() -> None:
    # Setting up is tried in CI, from an empty machine; here: every terminal named is installed by the first line.
    first, second = (each.body for each in list(blocks(README))[:2])
    assert first == "python3 -m venv .venv && .venv/bin/pip install -q -e '.[engines]' && .venv/bin/harness run\n"
    assert second == "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/poe test\n"
    assert second.strip() in (ROOT / ".ci" / "run").read_text("utf-8")

"""The page of engines is what its command gives: quick rows here, all of them in soak."""

from itertools import takewhile

import pytest

from harness.engine.field.__main__ import main
from harness.engine.field.engines import ENGINES
from harness.engine.field.fullness import small_tmpfs
from harness.engine.field.page import PAGE, PROFILES, cut_row, full_row, measure

SLOW = {"git", "git, core.fsync=all", "sqlitedict"}
"""A minute and more each: every look of git's is several programs, and sqlitedict really hangs on the full tmpfs."""


def can_mount() -> str:
    try:
        with small_tmpfs():
            return ""
    except OSError as error:
        return str(error)


def is_as_written(name: str) -> None:
    reason = can_mount()
    if reason:
        pytest.skip(reason)
    written, engine = PAGE.read_text(), ENGINES[name]
    if engine.version not in written:
        pytest.skip(f"the page is about another version than {engine.version}")
    row = measure(engine)
    lines = written.splitlines()
    assert cut_row(row) in lines
    assert full_row(row) in lines


@pytest.mark.slow
def test_a_row_of_the_page_is_what_the_command_gives() -> None:
    is_as_written("TinyDB")


@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name in ENGINES if name not in SLOW])
def test_every_row_of_the_page_is_what_the_command_gives(name: str) -> None:
    is_as_written(name)


def rows_below(head: str) -> list[str]:
    lines = PAGE.read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(head)) + 2
    return list(takewhile(lambda line: line.startswith("| "), lines[start:]))


def test_the_page_has_every_engine_and_profile_and_nothing_else() -> None:
    for head in (f"| engine | {' | '.join(PROFILES)} |", "| engine | filled"):
        assert [row.split(" | ")[0].removeprefix("| ") for row in rows_below(head)] == list(ENGINES)


def test_wherever_the_harness_and_a_tmpfs_differed_the_page_says_so() -> None:
    assert {row.split(" | ")[-1] for row in rows_below("| engine | filled")} == {"the same |"}


def test_an_engine_that_is_not_there_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["TinyDb"]) == 4
    assert "TinyDB" in capsys.readouterr().err

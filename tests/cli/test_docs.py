"""``harness docs``, and the pages themselves: none forgotten, none stale, no link that leads nowhere, no full card number."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.reporters import documentation
from harness.reporters.reference import contract, texts

from .conftest import ROOT, Harness

FOLDER = documentation.folder()
FILES = sorted(FOLDER.rglob("*.md"))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINES_MAX = 250


def test_the_index_names_every_page_once_and_nothing_else() -> None:
    topics = [each.topic for each in documentation.pages()]
    files = [str(each.relative_to(FOLDER).with_suffix("")) for each in FILES if each != FOLDER / documentation.INDEX]
    assert sorted(topics) == sorted(files)
    assert all(each.title and each.summary for each in documentation.pages())


def test_pages_of_reference_are_what_is_registered() -> None:
    for name, text in texts():
        stale = f"harness/docs/reference/{name} is stale: run `harness docs --write`"
        assert (FOLDER / "reference" / name).read_text("utf-8") == text, stale


@pytest.mark.parametrize("path", [ROOT / "README.md", *FILES], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere_and_a_page_is_not_too_long(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= LINES_MAX
    for target in LINK.findall(CODE.sub("", text)):
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        assert place.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in _anchors(place), f"{path.name}: {target}"


def test_the_links_that_are_looked_at_are_those_that_there_are() -> None:
    index = FOLDER / documentation.INDEX
    found = {target.partition("#")[0] for target in LINK.findall(CODE.sub("", index.read_text("utf-8")))}
    assert {str(each.relative_to(FOLDER)) for each in FILES if each != index} <= found
    anchors = _anchors(FOLDER / "reference/exit_codes.md")
    assert "exit-codes" in anchors and "exit" not in anchors


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", CODE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in heads}


def test_topics_are_listed_shown_and_refused(harness: Harness) -> None:
    listed = harness("docs")
    assert listed.returncode == 0 and listed.stderr == ""
    rows = json.loads(harness("docs", "--json").stdout)
    assert [each["topic"] for each in rows] == [each.topic for each in documentation.pages()]
    assert all(each["topic"] in listed.stdout for each in rows)
    shown = harness("docs", "tutorial")
    assert shown.stdout == (FOLDER / "tutorial.md").read_text("utf-8")  # elsewhere than on a terminal: as it stands
    assert json.loads(harness("docs", "faults", "--json").stdout)["topic"] == "reference/faults"
    example = harness("docs", "examples/my_terminal.py").stdout
    assert example == (FOLDER / "examples" / "my_terminal.py").read_text("utf-8")
    assert harness("docs", "../__init__.py").returncode == harness("docs", "/etc/passwd").returncode == 4
    wrong = harness("docs", "tutorail")
    assert wrong.returncode == 4 and "did you mean 'tutorial'" in wrong.stderr


def test_on_a_terminal_a_page_is_laid_out_and_goes_through_the_pager(place: Path) -> None:
    controller, terminal = pty.openpty()
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "PAGER": "cat",
        "COLUMNS": "80",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", "docs", "exit_codes"],
        cwd=place, env=environ, stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    said = b""
    try:
        while data := os.read(controller, 65536):
            said += data
    except OSError:  # how the other end's leaving is told
        pass
    os.close(controller)
    assert process.wait(timeout=30) == 0
    assert b"\x1b[" in said and b"inconclusive" in said
    assert b"# Exit codes" not in said and b"|---|" not in said


def test_every_field_of_the_contract_is_explained_where_pydoc_shows_it() -> None:
    classes = {each.__name__: each for each in contract.documented()}
    assert {
        "Manifest",
        "TextPattern",
        "Record",
        "Inspection",
        "Action",
        "CardData",
        "Screen",
        "Receipt",
        "Device",
    } <= classes.keys()
    for name, cls in classes.items():
        told = contract.described(cls)
        fields = contract.fields_of(cls)
        assert [*told] == [*fields], f"{name}: its docstring tells each field, in their order"
        for field, (_, default) in fields.items():
            said, meaning = told[field]
            assert (said or "needed") == (default or "needed") and meaning.strip(), (
                f"{name}.{field}: its default and meaning"
            )

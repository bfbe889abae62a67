"""A page of documentation, played from top to bottom as a reader would: files saved, commands run, quoted output looked for.

What a page may hold, by the paragraph before a block and the block's tag:

- "Save this as `NAME`" before ``yaml`` or ``python``: the file is written. "Replace `METHOD` by this": in my_terminal.py.
- "From `PATH`:" : the block stands in that file of the project.
- ``console``: each line is run by a shell. It exits with 0, or as ``ends`` says of a line that holds certain words.
- ``text``: output of a command above it, line by line; ``...`` is what was left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .conftest import ROOT

_TOOL = re.compile(r"\.venv/bin/(harness|python)\b")
_TOOLS = {"harness": f"{sys.executable} -m harness.cli.main", "python": sys.executable}
SET_UP = "python3 -m venv .venv"
_FILE = re.compile(r"[Ss]ave\s+(?:this|it)\s+as\s+`([\w.]+)`")
_METHOD = re.compile(r"Replace\s+`(\w+)`\s+by\s+this")
_PROGRESS = re.compile(
    r"\d+ of \d+ runs  |telling .* in full; |pages? [-\d, .]+ of \d+: |no time for \d+ of \d+ pages; "
)
_SOURCE = re.compile(r"^From `([\w./]+)`:$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and the paragraph before it."""

    before: str
    tag: str
    body: str


def blocks(text: str) -> Iterator[Block]:
    """All blocks of a page, in order."""
    paragraph: list[str] = []
    body: list[str] | None = None
    tag = ""
    is_over = False
    for line in text.splitlines():
        if body is not None:
            if line == "```":
                yield Block("\n".join(paragraph), tag, "".join(f"{each}\n" for each in body))
                paragraph, body = [], None
            else:
                body.append(line)
        elif line.startswith("```"):
            tag, body = line.removeprefix("```"), []
        elif not line:
            is_over = True
        else:
            paragraph = [line] if is_over else [*paragraph, line]
            is_over = False


def commands(text: str) -> list[str]:
    """What a page has its reader type, but for setting up."""
    lines = (line for block in blocks(text) if block.tag == "console" for line in block.body.splitlines())
    return [line for line in lines if not line.startswith(SET_UP)]


def play(text: str, place: Path, ends: Mapping[str, int]) -> list[str]:
    """Do what the page says, in ``place``; gives all that its commands printed."""
    for name in ("scenarios", "harness"):
        (place / name).symlink_to(ROOT / name)
    (place / "reports").mkdir(exist_ok=True)
    said: list[str] = []
    for block in blocks(text):
        if block.tag == "console":
            for command in block.body.splitlines():
                if not command.startswith(SET_UP):
                    said += _typed(command, place, ends)
        elif block.tag == "text":
            _find(block.body, said)
        elif found := _FILE.search(block.before):
            (place / found[1]).write_text(block.body, encoding="utf-8")
        elif found := _METHOD.search(block.before):
            _replace(place / "my_terminal.py", found[1], block.body)
        elif found := _SOURCE.search(block.before):
            assert block.body in (ROOT / found[1]).read_text("utf-8"), block.before
    return said


def _typed(command: str, place: Path, ends: Mapping[str, int]) -> list[str]:
    line = _TOOL.sub(lambda found: _TOOLS[found[1]], command)
    done = subprocess.run(
        ["sh", "-c", line], cwd=place, capture_output=True, text=True, check=False, timeout=300,
        env={
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(place), "TMPDIR": str(place / "tmp"),
            "PYTHONPATH": str(ROOT),
        },
    )  # fmt: skip
    expected = next((code for words, code in ends.items() if words in command), 0)
    assert done.returncode == expected, (command, done.stdout[-3000:], done.stderr)
    # What takes long says how far it is: a report always, a sweep on a slow machine here, too.
    told = [each for each in done.stderr.splitlines() if not _PROGRESS.match(each)]
    assert not told, (command, done.stderr)
    return done.stdout.splitlines()


def _find(quoted: str, said: list[str]) -> None:
    for line in quoted.splitlines():
        kept = line.removesuffix("...").rstrip()
        assert not kept or any(shown.startswith(kept) for shown in said), f"no command above says: {kept}"


def _replace(path: Path, method: str, body: str) -> None:
    text = path.read_text("utf-8")
    changed, count = re.subn(
        rf"    def {method}\(.*?(?=\n    def |\Z)", lambda _: body.rstrip() + "\n", text, flags=re.DOTALL
    )
    assert count == 1
    path.write_text(changed, encoding="utf-8")

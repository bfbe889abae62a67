"""The pages of ``harness/docs``: which there are, in the order of their index, and the text of each.

Models: pages of Markdown that ship beside the code. The index, ``README.md``, names every page in a table, and so gives order and
summaries; a page's title is its first line. Does not model: other languages' pages, which are read where they lie.
Source: house style 1.3; a test holds the index to the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import harness
from harness.core.errors import UsageError
from harness.core.registry import nearest

INDEX = "README.md"
_ROW = re.compile(r"^\| \[[^\]]+\]\(([\w/]+)\.md\) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its topic (its path without ``.md``), its title, and what it tells in a line."""

    topic: str
    title: str
    summary: str
    path: Path

    def text(self) -> str:
        """The page as Markdown."""
        return self.path.read_text("utf-8")


@cache
def folder() -> Path:
    """Where the pages are: in a checkout and in an installed package alike."""
    return Path(harness.__path__[0], "docs")


def pages() -> Iterator[Page]:
    """All pages, in the order of the index."""
    for topic, summary in _ROW.findall((folder() / INDEX).read_text("utf-8")):
        path = folder() / f"{topic}.md"
        with path.open(encoding="utf-8") as file:
            title = file.readline().removeprefix("# ").strip()
        yield Page(topic, title, summary, path)


def attachment(name: str) -> Path | None:
    """The file of that path that belongs to the pages and is none itself: an example, a workflow."""
    path = folder() / name
    is_inside = folder() in path.resolve().parents
    return path if is_inside and path.suffix != ".md" and path.is_file() else None


def page(name: str) -> Page:
    """The page that ``name`` means: a topic, its file's name, or its last part where only one ends so."""
    wanted = name.removesuffix(".md").strip("/")
    found = {each.topic: each for each in pages()}
    if wanted in found:
        return found[wanted]
    ending = [topic for topic in found if topic.rpartition("/")[2] == wanted]
    if len(ending) == 1:
        return found[ending[0]]
    raise UsageError(f"no page is called {name[:80]!r}; {nearest(wanted, list(found))}; `harness docs` lists them")

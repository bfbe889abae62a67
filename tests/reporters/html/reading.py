"""What an HTML report holds, read without a browser: its markup as it stands, and its data unpacked."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path


class _Templates(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.held: dict[str, str] = {}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "template":
            self._inside = dict(attrs).get("id") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.held[self._inside] = self.held.get(self._inside, "") + data


def tags(path: Path) -> list[str]:
    """Every tag of the markup, in order."""
    parser = _Templates()
    parser.feed(path.read_text("utf-8"))
    return parser.tags


def data(path: Path) -> dict[str, object]:
    """Every piece of data, unpacked, by its name."""
    parser = _Templates()
    parser.feed(path.read_text("utf-8"))
    return {name: json.loads(gzip.decompress(base64.b64decode(text))) for name, text in parser.held.items()}


def whole(path: Path) -> str:
    """Everything that can be read in the file, its data unpacked: a text to search."""
    own = re.sub(r"<template[^>]*>.*?</template>", "", path.read_text("utf-8"), flags=re.DOTALL)
    return own + json.dumps(data(path), ensure_ascii=False)


def card_numbers(text: str, *, apart: bool = True) -> list[str]:
    """Numbers as long as a card's whose last digit fits, whatever stands between the digits that cannot be seen.

    ``apart``: or that is a blank or dash, as in no dump of bytes. What stands behind a decimal point is no card number.
    """
    bare = re.sub(
        "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\x00-\x08\x0b-\x1f\x7f\u2400-\u2421]|\u27e8U\\+[0-9A-F]+\u27e9",
        "",
        text,
    )
    between = "[ -]?" if apart else ""
    found = re.findall(rf"(?<!\d)(?<!\d\.)\d(?:{between}\d){{12,18}}(?!\d)", bare)
    return [each for each in found if _fits(re.sub(r"\D", "", each))]


def _fits(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 2

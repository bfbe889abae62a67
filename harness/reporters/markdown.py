"""Markdown: for a job's summary, a merge request's note, a mail.

Models: text of terminal software stands in code spans alone, where nothing is a link, a mention, a picture or HTML; a limit on
the whole, which cuts at the end of a line and says so. Does not model: any one server's extensions, but tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.core.words import several
from harness.reporters import plain
from harness.reporters.ci import Outcome, Problem

_MARK = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️", "error": "💥"}
_CUT = "\n(cut off: it would be too long)\n"
_UNCHECKED_MOST = 60
BYTES_MOST = 4 << 20


def render(outcome: Outcome, bytes_most: int = BYTES_MOST) -> str:
    """The whole text, of at most ``bytes_most`` bytes."""
    kept: list[str] = []
    left = bytes_most - len(_CUT.encode())
    for line in _lines(outcome):
        left -= len(line.encode()) + 1
        if left < 0:
            return "\n".join(kept) + _CUT if bytes_most > len(_CUT.encode()) else ""
        kept.append(line)
    return "\n".join(kept) + "\n"


def _lines(outcome: Outcome) -> Iterator[str]:
    yield f"## {_MARK[outcome.status]} {outcome.status}: {code(outcome.title)}"
    yield ""
    for sentence in (*outcome.said, *(f"because {each}" for each in outcome.because)):
        yield f"- {code(sentence)}"
    if outcome.new:
        yield ""
        yield f"### {len(outcome.new):,} new"
        for each in outcome.new:
            yield from _problem(each)
    if outcome.known:
        yield ""
        yield f"### {len(outcome.known):,} known (baseline)"
        for each in outcome.known:
            yield from _problem(each)
    if outcome.vanished:
        yield ""
        yield "### no longer found"
        yield from (f"- {code(each)}" for each in outcome.vanished)
    if outcome.measures:
        yield ""
        yield "| measure | least | median | most |"
        yield "| --- | ---: | ---: | ---: |"
        yield from (
            f"| {code(name)} | {least:,.6g} | {median:,.6g} | {most:,.6g} |"
            for name, least, median, most in outcome.measures
        )
    if outcome.unchecked:
        yield ""
        yield "### not checked"
        yield from (f"- {code(what)}: {code(why)}" for what, why in outcome.unchecked[:_UNCHECKED_MOST])
        if len(outcome.unchecked) > _UNCHECKED_MOST:
            yield f"- and {len(outcome.unchecked) - _UNCHECKED_MOST:,} more"


def _problem(each: Problem) -> Iterator[str]:
    money = f", {each.money_fen / 100:,.2f} yuan at stake" if each.money_fen else ""
    counted = f"{several(each.findings, 'finding')} in {several(each.runs, 'run')}"
    yield f"- **{code(each.title)}** {code(each.signature)}: {counted}{money}"
    yield f"  - {code(each.summary)}"
    yield f"  - {code(f'{each.file}:{each.line}')}"
    if each.again:
        yield f"  - replay: {code(plain.line(each.again, 1_000))}"


def code(text: str) -> str:
    """A code span: within it everything is shown as it is, but for the mark that ends it and, in tables, the next cell's."""
    inside = re.sub(r"[`|]", lambda found: "'" if found.group() == "`" else "¦", plain.line(text, 2_000)).strip()
    return f"`{inside}`" if inside else "`-`"

"""GitHub: annotations on the log of a step, and the summary of its job.

Models: workflow commands (``::error file=..,line=..::text``) with everything escaped that would end one or begin another; at most
ten of a kind, as GitHub shows no more of a step, the tenth saying how many there are; text beside them between ``stop-commands``,
so that nothing that terminal software wrote is taken for a command. Does not model: check runs, which need a token.
Source: GitHub's documentation of workflow commands; actions/runner, ActionCommand (``##[`` anywhere in a line is older syntax).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

from harness.core.words import several
from harness.reporters import plain
from harness.reporters.ci import Outcome, Problem
from harness.reporters.markdown import render as markdown

ANNOTATIONS_MOST = 10
SUMMARY_BYTES_MOST = (1 << 20) - 4_096
_MESSAGE_MOST = 4_000
_TITLE_MOST = 200


def commands(outcome: Outcome) -> str:
    """One command a line."""
    return "".join(f"{line}\n" for line in _lines(outcome))


def summary(outcome: Outcome, taken_bytes: int = 0) -> str:
    """The job's summary, so long that it fits beside ``taken_bytes`` that stand there already."""
    return markdown(outcome, max(0, SUMMARY_BYTES_MOST - taken_bytes))


def guarded(text: str) -> str:
    """``text`` for the log as it is, with every command in it switched off."""
    token = secrets.token_hex(16)
    end = "" if text.endswith("\n") else "\n"
    return f"::stop-commands::{token}\n{text}{end}::{token}::\n"


def _lines(outcome: Outcome) -> Iterator[str]:
    errors = [_of_problem("error", each) for each in outcome.new]
    warnings = [_of_problem("warning", each) for each in outcome.known]
    title = f"harness: {outcome.status}"
    if outcome.status == "error":
        errors = [command("error", each, title=title) for each in outcome.because] + errors
    elif outcome.status == "inconclusive":
        warnings = [command("warning", each, title=title) for each in outcome.because] + warnings
    yield from _capped("error", errors)
    yield from _capped("warning", warnings)
    if outcome.said:
        yield command("notice", " ".join(outcome.said), title=title)


def _of_problem(kind: str, each: Problem) -> str:
    known = " (known)" if each.known else ""
    counted = f"{several(each.findings, 'finding')} in {several(each.runs, 'run')}"
    text = f"{each.summary}\n{counted}\nreplay: {plain.line(each.again, 1_000)}"
    return command(kind, text, title=f"{each.title}{known} [{each.signature}]", file=each.file, line=each.line)


def _capped(kind: str, made: Sequence[str]) -> Iterator[str]:
    if len(made) <= ANNOTATIONS_MOST:
        yield from made
        return
    yield from made[: ANNOTATIONS_MOST - 1]
    yield command(kind, f"and {len(made) - ANNOTATIONS_MOST + 1:,} more; the job's summary has them", title="harness")


def command(kind: str, message: str, *, title: str, file: str = "", line: int = 0) -> str:
    """One workflow command."""
    properties = {"file": plain.line(file), "line": str(line) if line else "", "title": plain.line(title, _TITLE_MOST)}
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{kind} {said}::{_data(plain.block(message, _MESSAGE_MOST))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

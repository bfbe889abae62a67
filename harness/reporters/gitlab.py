"""GitLab's code quality report: one entry a signature, which is its fingerprint: the same finding is the same in every pipeline.

Models: what the merge request's widget reads. Does not model: findings that are gone, which GitLab sees by itself.
Source: GitLab's documentation of the code quality report format.
"""

from __future__ import annotations

import msgspec

from harness.reporters import plain
from harness.reporters.ci import Outcome, Problem


class Lines(msgspec.Struct, frozen=True):
    """From which line on."""

    begin: int


class Location(msgspec.Struct, frozen=True):
    """Where in the repository."""

    path: str
    lines: Lines


class Entry(msgspec.Struct, frozen=True):
    """One entry."""

    description: str
    check_name: str
    fingerprint: str
    severity: str
    location: Location


def render(outcome: Outcome) -> bytes:
    """The whole file."""
    entries = [_entry(each) for each in outcome.problems]
    return msgspec.json.format(msgspec.json.encode(entries), indent=1) + b"\n"


def _entry(each: Problem) -> Entry:
    severity = "minor" if each.known else "critical" if each.money_fen else "major"
    return Entry(
        plain.line(f"{each.title}: {each.summary}") + f" (replay: {plain.line(each.again, 1_000)})",
        plain.line(f"harness/{each.name}", 200),
        plain.line(each.signature, 64),
        severity,
        Location(plain.line(each.file), Lines(max(1, each.line))),
    )

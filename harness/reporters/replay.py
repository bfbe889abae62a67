"""What a replay came to, as a person reads it: whether the finding came again, and where the history parted."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.units import clock_text
from harness.core.words import several
from harness.engine.replay.replay import Replayed
from harness.reporters import plain
from harness.reporters.console import render as render_verdict

_LINE_CHARACTERS = 200


def render(replayed: Replayed) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(replayed)) + "\n"


def _lines(replayed: Replayed) -> Iterator[str]:
    info = replayed.info
    # Whoever made the bundle had a hand in these: they are text, and no commands to a screen or to a CI server.
    scenario, signature, name = (plain.line(each, 200) for each in (info.scenario, info.signature, info.name))
    yield f"replay · {scenario} · signature {signature} · invariant {info.invariant} {name}"
    if replayed.again:
        yield "the same finding came again"
    elif replayed.signatures:
        yield f"that finding did not come again; the run found {', '.join(replayed.signatures)}"
    else:
        yield f"that finding did not come again; the run ended as: {replayed.verdict.status}"
    yield _parted(replayed)
    if replayed.versions:
        yield f"written by {plain.line('; '.join(replayed.versions))}"
    if replayed.verdict.diverged:
        yield f"{replayed.verdict.diverged:,} decisions are not pinned in it and took their neutral value"
    if replayed.until:
        yield ""
        events = several(replayed.verdict.events, "event")
        never = f"{replayed.until} did not come in this run of {events}; its last events"
        yield f"the last events up to {replayed.until}" if replayed.came else never
        yield from replayed.last
    if replayed.disk:
        yield f"what storage held then: {replayed.disk}"
    yield ""
    yield render_verdict(replayed.verdict).rstrip("\n")


def _parted(replayed: Replayed) -> str:
    parted = replayed.parted
    if parted is None:
        return f"the history is the same, event by event ({replayed.verdict.events:,})"
    if not parted.line:
        return f"the history is the same up to event {parted.event:,}, {clock_text(parted.at_us)}, and ends there"
    where = f"the history first parts at event {parted.event:,}, {clock_text(parted.at_us)}; there is now"
    return f"{where}\n  {parted.line[:_LINE_CHARACTERS]}"

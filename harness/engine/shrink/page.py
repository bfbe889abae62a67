"""The file of a shrunk case: what it shows, how to run it, and the scenario."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path

from harness.core.units import US_PER_DAY
from harness.core.words import several
from harness.engine.request import RunRequest, dialect_flag
from harness.engine.shrink.size import UNKNOWN, Size
from harness.results.model import FindingRow
from harness.scenario.brief import brief_text
from harness.scenario.plan import Plan

_COLUMNS = 116


def page_of(plan: Plan, finding: FindingRow, base: RunRequest, out: Path, before: str, after: str) -> tuple[str, str]:
    """The text of the file, and the command that runs it."""
    software = [] if base.terminal is None else ["--terminal", shlex.quote(base.terminal)]
    images = [f"--image {shlex.quote(each.removeprefix('='))}" for each in base.images]
    replay = " ".join(["harness run", shlex.quote(str(out)), *software, *dialect_flag(base.dialect), *images])
    said = [
        f"Invariant {finding.invariant} {headed(finding)}: {finding.summary}" if finding.invariant else finding.summary,
        f"Signature {finding.signature}. Shrunk from {before} to {after}.",
        f"Run it: {replay}",
    ]
    if plan.actions == () and finding.invariant:
        said.insert(1, _without_actions(plan, finding))
    lines = [line for each in said for line in textwrap.wrap(" ".join(each.split()), _COLUMNS)]
    return "".join(f"# {line}\n" for line in lines) + brief_text(plan), replay


def _without_actions(plan: Plan, finding: FindingRow) -> str:
    """What it fails by, where nobody comes: a file that looks as if nothing happened in it."""
    days = plan.days.count
    if finding.at_us < days * US_PER_DAY:
        return "It needs no action of its own: it fails by what is done anyway, such as settling at closing time."
    return (
        f"It needs no action of its own: it fails with the sales that the harness itself makes at the end, after the last "
        f"day, when it tries whether the terminal still works (told as day {days + 1})."
    )


def headed(finding: FindingRow) -> str:
    """The name of what was found, and what struck before it."""
    return f"{finding.name} after {finding.fault}" if finding.fault else finding.name


def told(size: Size, customers: int | None = None) -> str:
    """A size in words. ``customers``: how many came, where they are drawn and somebody has seen it."""
    who = several(size.actions, "action")
    if size.drawn:
        came = size.actions if size.actions < UNKNOWN else customers
        who = "drawn customers" if came is None else several(came, "drawn customer")
    elif size.repeats > size.actions:
        who += f" ({size.repeats:,} with repetitions)"
    parts = [several(size.terminals, "terminal"), several(size.days, "day"), several(size.faults, "fault"), who]
    if size.pins:
        parts.append(several(size.pins, "pinned decision"))
    return ", ".join(parts)

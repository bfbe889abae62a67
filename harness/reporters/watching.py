"""A sweep while it runs, as a table that rewrites itself: how far it is, what was found, what bit, what runs at present.

Models: counts of what has been told, newest kinds of finding first, within the width and height that there are. Does not model:
when it is drawn, and where (``cli.watching``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.reporters.plain import line
from harness.results.model import FindingRow, RunRow

if TYPE_CHECKING:
    from rich.console import RenderableType

_BAR_MOST = 60
_FINDINGS_MOST = 12
_WORKERS_MOST = 4
_OTHER_LINES = 11
"""Of the screen, beside findings and workers."""


@dataclass(frozen=True, slots=True)
class AtWork:
    """One run that has begun."""

    label: str
    seed: int
    since_s: float


@dataclass(slots=True)
class SweepView:
    """What has been told of a sweep."""

    verdicts: Counter[str] = field(default_factory=Counter)
    findings: dict[str, FindingRow] = field(default_factory=dict)
    """By signature, in the order in which they were first found."""
    runs_with: Counter[str] = field(default_factory=Counter)
    """By signature: how many runs."""
    seeds: dict[str, int] = field(default_factory=dict)
    """By signature: of the first run that showed it."""
    bites: dict[str, int] = field(default_factory=dict)
    """By fault: how many strikes had an effect, over all runs in which it was on."""

    def saw(self, run: RunRow) -> list[FindingRow]:
        """One more run; its findings of a kind that is new."""
        self.verdicts[run.verdict] += 1
        new = []
        for finding in {each.signature: each for each in reversed(run.findings)}.values():
            self.runs_with[finding.signature] += 1
            if finding.signature not in self.findings:
                self.findings[finding.signature] = finding
                self.seeds[finding.signature] = run.seed
                new.append(finding)
        for bite in run.bites:
            self.bites[bite.fault] = self.bites.get(bite.fault, 0) + bite.bit
        return new

    @property
    def done(self) -> int:
        """How many runs there were."""
        return self.verdicts.total()

    def table(self, head: str, share: float, at_work: Sequence[AtWork], height: int) -> RenderableType:
        """All of it, for ``rich``: ``head`` says how far it is, and so does a bar. What others have named is never markup."""
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [
            one_line(head),
            _bar(share),
            self._verdicts(),
        ]
        workers = min(len(at_work), _WORKERS_MOST)
        room = max(1, min(_FINDINGS_MOST, height - _OTHER_LINES - workers))
        if self.findings:
            parts += [Text(""), *self._findings(room)]
        if self.bites:
            bit = sorted(((count, name) for name, count in self.bites.items() if count), reverse=True)
            parts += [Text(""), one_line("bit: " + (", ".join(f"{name} {n:,}" for n, name in bit) or "nothing yet"))]
            never = sorted(name for name, count in self.bites.items() if not count)
            if never:
                parts.append(one_line("not yet: " + ", ".join(never), "yellow"))
        if at_work:
            parts.append(Text(""))
            parts += [
                one_line(f"at work: {each.label} seed {each.seed}, {each.since_s:.0f} s", "dim")
                for each in at_work[:_WORKERS_MOST]
            ]
        return Group(*parts[: max(3, height - 1)])  # each is one line

    def _verdicts(self) -> RenderableType:
        from rich.text import Text

        told = Text(no_wrap=True, overflow="ellipsis")
        for name, style in (("pass", "green"), ("fail", "red"), ("inconclusive", "yellow"), ("error", "magenta")):
            count = self.verdicts[name]
            told.append(f"{name} {count:,}  ", style if count else "dim")
        return told

    def _findings(self, room: int) -> list[RenderableType]:
        newest = list(reversed(self.findings.values()))
        lines = [one_line(f"{'finding':<10}{'runs':>7}{'seed':>9}  invariant, newest first", "bold")]
        for each in newest[:room]:
            after = f" after {each.fault}" if each.fault else ""
            counts = f"{self.runs_with[each.signature]:>7,}{self.seeds[each.signature]:>9}"
            lines.append(one_line(f"{each.signature:<10}{counts}  {each.invariant} {each.name}{after}", "red"))
        if len(newest) > room:
            lines.append(one_line(f"and {len(newest) - room} more", "dim"))
        return lines


def _bar(share: float) -> RenderableType:
    from rich.text import Text

    full = round(_BAR_MOST * min(share, 1.0))
    return Text.assemble(("━" * full, "green"), ("━" * (_BAR_MOST - full), "dim"), no_wrap=True, overflow="crop")


def one_line(text: str, style: str = "") -> RenderableType:
    """Text of anybody's on one line of the screen, cut off where that ends."""
    from rich.text import Text

    return Text(line(text), style, no_wrap=True, overflow="ellipsis")

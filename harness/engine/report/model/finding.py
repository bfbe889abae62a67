"""The page of one finding."""

from __future__ import annotations

import msgspec

from harness.engine.report.model.moments import Band, Disk, Message, Step, Taken, Volume
from harness.engine.report.model.plots import Series


class Why(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why the invariant says what it says: its sentence, its evidence, and the argument with the events that it points at."""

    sentence: str
    evidence: str = ""
    argument: str = ""
    guilty: tuple[int, ...] = ()


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Against the nearest run without the finding: ``without`` these families of fault, or under another ``seed``.

    ``event`` is the first of this history that the other does not have, ``here`` what came from then on and ``there`` what came
    instead. ``why_none`` is a code: every_run (it came in all that were tried, ``tried`` of them),
    no_time, not_run, same (nobody outside could tell the two apart).
    """

    without: tuple[str, ...] = ()
    seed: int | None = None
    passes: bool = True
    """Whether it passes; else it has other findings, and not this one."""
    device: str = ""
    at_us: int = 0
    event: int | None = None
    same: int = 0
    """How many things anybody outside could notice are the same before."""
    here: tuple[Step, ...] = ()
    there: tuple[Step, ...] = ()
    again: str = ""
    tried: int = 0
    why_none: str = ""


class Cut(msgspec.Struct, frozen=True, omit_defaults=True):
    """The power cut of a state of crash points: when in the flow, which call of the software left the state, what was lost."""

    where: str
    step: str = ""
    losses: tuple[str, ...] = ()
    arrived: str = ""


class FindingPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The story of one finding. ``why_empty`` says why there are no steps where there are none."""

    signature: str
    invariant: int
    name: str
    summary: str
    device: str = ""
    at_us: int = 0
    money_fen: int = 0
    severity: str = ""
    scenario: str = ""
    seed: int | None = None
    terminal: str = ""
    fault: str = ""
    place: str = ""
    again: str = ""
    """The line that replays it."""
    why: Why | None = None
    steps: tuple[Step, ...] = ()
    bands: tuple[Band, ...] = ()
    messages: tuple[Message, ...] = ()
    volumes: tuple[Volume, ...] = ()
    disks: tuple[Disk, ...] = ()
    why_no_disk: str = ""
    """A code: second_disk, too_much, not_run, no_time, crash_point."""
    taken: tuple[Taken, ...] = ()
    """What the power cuts that are shown took, and the one that is blamed."""
    difference: Difference | None = None
    shrunk: str = ""
    """The smallest scenario, as YAML."""
    shrunk_again: str = ""
    not_shrunk: str = ""
    series: tuple[Series, ...] = ()
    left_out: int = 0
    """Events of this terminal that were left out, to keep it small."""
    left_out_elsewhere: int = 0
    """And of the others."""
    window: tuple[int, int] = (0, 0)
    """From when to when the events of this terminal are shown."""
    came_again: bool = True
    """Whether the run that was made for this page shows the finding."""
    why_empty: str = ""
    """A code: not_asked, more_findings, no_time, software, no_run, not_again, failed, too_large."""
    told: str = ""
    """What an error said, for ``failed``."""
    cut: Cut | None = None
    told_before: tuple[str, ...] = ()
    """What the results tell of it in lines, for a page without steps."""
    around: tuple[int, ...] = ()
    """What went wrong around the events that prove it, by the numbers of its events: where to look first."""
    follows: int = 0
    """The invariant of an earlier finding on the same device that this one may be a consequence of."""

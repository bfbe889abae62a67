"""What a report holds: the frozen shapes between what gathers it (``engine.report``) and what draws it (``reporters.html``).

Models: an overview (verdict, bound, what was not checked, faults by invariants, signatures, measures, runs), one page a finding,
and series to plot. Does not model: wording and looks. What the harness itself says is a code and numbers, so that it can be said
in every language; what terminal software or an invariant said is text, and only ever text. Every text may be hostile: it
becomes fit to show where the page is written, in one place.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

FORMAT = 1

Kind: TypeAlias = Literal["sweep", "gate", "run", "bundle", "crashpoints"]
Status: TypeAlias = Literal["pass", "fail", "inconclusive", "error"]
Lane: TypeAlias = Literal["operator", "terminal", "disk", "link", "host"]


# ---------------------------------------------------------------- overview


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sentence of the harness about what it found. ``code`` is a key of the page's texts, which takes the rest into it.

    ``text`` is what is said where the texts have no such code, and what a reason quotes; ``again`` a line to copy.
    """

    code: str
    text: str = ""
    what: str = ""
    count: int = 0
    of: int = 0
    again: str = ""


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it ended, and what keeps it from a pass."""

    status: Status
    exit_code: int
    because: tuple[Said, ...] = ()
    waived: tuple[Said, ...] = ()
    checked: tuple[str, ...] = ()
    """Invariants as ``NUMBER NAME``, where that is known."""


class Bound(msgspec.Struct, frozen=True, omit_defaults=True):
    """What random runs that were declared beforehand say about all such runs. ``upper_95`` is a share, None where there is none.

    ``why_none``: nothing (no conclusive run), search (runs were chosen by what others did), ended_early (ended for a finding),
    not_begun, one_run (a single run or a bundle is no sample), every_state (states are listed, not drawn by chance).
    """

    failed: int
    conclusive: int
    inconclusive: int
    upper_95: float | None
    why_none: str = ""
    scenario: str = ""
    """Of which runs it speaks; empty for the declared ones of all scenarios."""
    terminals: int = 0
    first_seed: int = 0
    terminal_days: int = 0
    shard: tuple[int, int] | None = None


class Unchecked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that nothing is said about. ``code``: invariant, check, missing, never_bit, skipped, cut_off, vanished, other."""

    code: str
    what: str
    why: str = ""
    count: int = 0


class FaultRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One kind of fault: in ``runs`` of the runs it was on. ``kind`` is empty for findings that no fault led to."""

    kind: str
    family: str
    runs: int = 0
    struck: int = 0
    bit: int = 0

    @property
    def never_bit(self) -> bool:
        """Whether it was on and had no effect anywhere, so that nothing is known about it."""
        return bool(self.runs) and not self.bit


class InvariantColumn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One invariant. ``checked`` is None where nothing says whether any run could judge it."""

    number: int
    name: str
    sentence: str = ""
    checked: bool | None = None


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """Findings of one invariant after one kind of fault. ``signatures`` are those of ``Report.signatures``, the first few."""

    fault: str
    invariant: int
    findings: int
    runs: int
    money_fen: int = 0
    signatures: tuple[str, ...] = ()


class Matrix(msgspec.Struct, frozen=True, omit_defaults=True):
    """Faults by invariants. A cell that is not here is empty; what that means, row and column say (never bit, not checked)."""

    faults: tuple[FaultRow, ...] = ()
    invariants: tuple[InvariantColumn, ...] = ()
    cells: tuple[Cell, ...] = ()


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault that struck last before findings of a signature, where in the code, and in how many runs."""

    fault: str
    place: str
    runs: int = 0


class SignatureRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Findings that differ in devices, times and amounts alone. ``page`` is the number of its page in ``Report.findings``."""

    signature: str
    invariant: int
    name: str
    kind: str
    summary: str
    again: str = ""
    runs: int = 0
    findings: int = 0
    money_fen: int = 0
    points: tuple[Point, ...] = ()
    page: int | None = None
    known: bool = False
    """It stands in the baseline and does not fail."""
    part: str = ""
    """The gate's part that found it."""
    scenario: str = ""
    seed: int | None = None
    """The first run that showed it."""
    shrunk: str = ""
    """The file of the smallest scenario."""
    shrunk_again: str = ""
    not_shrunk: str = ""


class Spread(msgspec.Struct, frozen=True, omit_defaults=True):
    """One measure over ``runs`` runs; its name ends with its unit. ``steps`` counts runs in equal steps from least to most."""

    name: str
    least: float
    median: float
    most: float
    p95: float | None = None
    runs: int = 0
    steps: tuple[int, ...] = ()
    bound: str = ""
    """``at least`` or ``at most``, where something was asked for."""
    threshold: float | None = None
    missed: bool = False
    meaning: str = ""


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """An instant worth a line in a plot. ``code``: settlement, full, fault, power_loss, reboot, died, phase."""

    x: float
    code: str
    text: str = ""


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a plot; None leaves a gap. ``code``: measured, forecast, budget, p50, p95; else ``label`` names it."""

    label: str
    xs: tuple[float, ...]
    ys: tuple[float | None, ...]
    code: str = ""


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stretch of a plot that a fault held on."""

    x: float
    x_end: float
    text: str = ""


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One number beside a plot. ``code``: slope_bytes_per_sale, dies_on_day, feasible, accepted, ..."""

    code: str
    value: float


class Series(msgspec.Struct, frozen=True, omit_defaults=True):
    """One plot. ``code``: free_space, memory, response_by_fill, acceptance. Units: us, day, sales, percent, bytes, s."""

    code: str
    x_unit: str
    y_unit: str
    lines: tuple[Line, ...]
    subject: str = ""
    """The device and volume, or the scenario."""
    marks: tuple[Mark, ...] = ()
    spans: tuple[Span, ...] = ()
    figures: tuple[Figure, ...] = ()
    y_most: float | None = None
    left_out: int = 0
    """Points or devices that were left out, to keep it small."""


class Measures(msgspec.Struct, frozen=True, omit_defaults=True):
    """Numbers over all runs, and what can be plotted."""

    spreads: tuple[Spread, ...] = ()
    series: tuple[Series, ...] = ()


class RunsRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Runs of one scenario, cell of a campaign or part of a gate, by verdict."""

    label: str
    declared: int
    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    upper_95: float | None = None
    failed_seeds: tuple[int, ...] = ()
    inconclusive_seeds: tuple[int, ...] = ()
    what: str = ""
    took_s: float | None = None
    skipped: str = ""


class Runs(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of them, and by scenario; ``left_out`` rows, none of them worse, are not here."""

    total: RunsRow
    rows: tuple[RunsRow, ...] = ()
    parts: tuple[RunsRow, ...] = ()
    """A gate's."""
    reasons: tuple[Said, ...] = ()
    """Why runs are inconclusive or broke, those of most runs first."""
    left_out: int = 0


class CutCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """Cuts after ``step`` of a flow, or of a recovery (``depth`` 2), on one medium: from ``failing`` of ``states`` harm came."""

    step: str
    medium: str
    states: int
    failing: int = 0
    depth: int = 1


class CutFlow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One flow whose power was cut everywhere: where in it a cut does harm. Steps are in their order."""

    flow: str
    summary: str
    media: tuple[str, ...] = ()
    cells: tuple[CutCell, ...] = ()
    left_out: int = 0
    """Steps that are not here, to keep it small."""


# ---------------------------------------------------------------- one finding


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of the history in a lane. ``number`` is its place in the history, ``message`` the number of its message."""

    number: int
    at_us: int
    lane: Lane
    kind: str
    """The event's type, such as MessageSent."""
    text: str
    device: str = ""
    """Empty for what happens to the run as a whole."""
    message: int | None = None
    guilty: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    """All that the event says, by the names of the history's fields."""
    cut: int = 0
    """So many characters of its texts are left out."""
    place: str = ""
    """The lines of the software that it comes from, outermost first (``till.py:40 sale > till.py:88 charge``); of a power cut and
    a death where it stood. Empty where it does not come from a call of the software, or that is not known.
    """
    returned: bool = False
    """``place`` is a method, and this tells what it returned."""


class Band(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault from its strike until it was lifted; None: to the end. ``damage`` cannot be lifted and is an instant.

    ``kind`` is no_power, without a ``fault``, for as long as a terminal has none.
    """

    fault: str
    kind: str
    family: str
    from_us: int
    until_us: int | None = None
    damage: bool = False
    bit: bool = False
    devices: tuple[str, ...] = ()
    text: str = ""


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of a message: its number, what the dialect calls it, and what it holds (masked; bytes as hexadecimal text).

    ``hidden``: so many characters or bytes are not shown, as they are card data or keys. ``size_bytes``: of bytes, all of them.
    ``parts``: what a composite field says, each a code of the texts (batch, trace, yuan, ...) and a value.
    """

    number: str
    name: str
    value: str = ""
    hidden: int = 0
    size_bytes: int = 0
    parts: tuple[tuple[str, str], ...] = ()


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message, decoded. ``fate``: delivered, dropped, or under way; ``direction``: up (to the host) or down.

    ``unanswered``: why the host sends nothing back, where it says so; a reason of ``history.events.RequestUnanswered``.
    """

    number: int
    direction: str
    mti: str
    title: str = ""
    sent_us: int = 0
    ended_us: int | None = None
    fate: str = ""
    why: str = ""
    size_bytes: int = 0
    fields: tuple[Field, ...] = ()
    error: str = ""
    altered: str = ""
    unanswered: str = ""


class Volume(msgspec.Struct, frozen=True, omit_defaults=True):
    """One volume of the guilty terminal. ``medium`` is its durability profile, ``promise`` what that says in one sentence."""

    name: str
    mount_point: str
    total_bytes: int
    medium: str
    promise: str = ""


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """One path as the software sees it (volatile), and as a power cut would be sure to leave it (durable).

    A size of None: it is not there. ``changed``: it is there in both, and the contents differ.
    """

    path: str
    volatile_bytes: int | None = None
    durable_bytes: int | None = None
    changed: bool = False
    directory: bool = False


class Disk(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new on one volume since its entry before: all entries up to an event's number, laid over each other, are the
    volume at that event.
    """

    number: int
    volume: str
    files: tuple[File, ...] = ()
    """Paths that are new, or are not what they were."""
    gone: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    """What was done to the volume since then, in words."""
    done_at: tuple[str, ...] = ()
    """Of each of these the lines of the software, as in ``Step.place``; of none where none is known."""
    at_risk: tuple[str, ...] = ()
    """What a power cut at this instant may do to what has been written, in words: the latest of it."""
    at_risk_at: tuple[str, ...] = ()
    """Of each the lines that wrote it."""
    done_left_out: int = 0
    at_risk_left_out: int = 0
    files_left_out: int = 0
    free_bytes: int = 0


class Lost(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation that a power cut took or tore. ``place``: the lines of the software that made it.

    ``why`` is a code: under_way (it had not returned), syncing (what would have made it durable had not), dropped (a failed fsync
    had dropped it), kept_not (what makes it durable had returned), unsynced, and unsynced_name: nothing of the kind had come.
    ``by``: the lines of that fsync. ``at_us``: when the call was made, where that is known.
    """

    text: str
    place: str = ""
    why: str = ""
    by: str = ""
    at_us: int = 0


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a power cut took of one volume; event ``number`` of the history tells it, too.

    ``blamed``: the finding is put down to this cut, as far as that can be known.
    """

    number: int
    at_us: int
    volume: str
    lost: tuple[Lost, ...] = ()
    left_out: int = 0
    blamed: bool = False


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


# ---------------------------------------------------------------- all of it


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a page shows. ``title`` is the software; ``harness`` the version that wrote it."""

    format: int
    kind: Kind
    title: str
    harness: str
    source: str
    verdict: Verdict
    bound: Bound | None = None
    unchecked: tuple[Unchecked, ...] = ()
    matrix: Matrix = Matrix()
    signatures: tuple[SignatureRow, ...] = ()
    measures: Measures = Measures()
    runs: Runs | None = None
    cuts: tuple[CutFlow, ...] = ()
    findings: tuple[FindingPage, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """What else to know of it: a code of the texts (campaign, seeds, swarm, budget, device, ...) and a value."""
    left_out: tuple[Said, ...] = ()
    """What was too much for one page."""

"""What an exploration of crash points came to: plain data for the console, for JSON and for merging shares of the work."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from harness.core.errors import ExitCode

_NAMED_MAX = 4
"""So many media that an invariant holds on are named; of more the number, the picture names them."""
UNLIKE = (
    "the software played differently in two processes (it may store addresses of objects or numbers of processes): "
    "their states have other names, and some may have been judged by neither"
)


NOTHING_JUDGED = "nothing was judged"
FORMAT = 1
"""Of the report as it is kept in a file: later ones may say more, and none says less."""


def shorter(one: str, other: str) -> str:
    """Of two reasons the shorter one, the same in whatever order they come; any is better than none."""
    if NOTHING_JUDGED in (one, other):
        return other if one == NOTHING_JUDGED else one
    return min(one, other, key=lambda each: (len(each), each))


class Cell(msgspec.Struct):
    """One square of the coverage picture: cuts after ``step`` of a flow (``depth`` 1) or of a recovery (2) under ``profile``.

    ``at`` is how many events had happened by then, at the earliest: it puts steps in order. ``failing`` of ``states``.
    """

    step: str
    profile: str
    depth: int = 1
    at: int = 0
    states: int = 0
    failing: int = 0


class ProfileCount(msgspec.Struct):
    """How much was listed and judged under one profile.

    ``states`` counts each legal state once for each instant; ``distinct`` those that differ in what comes after them;
    ``sampled_points`` instants of which not every state was listed, ``thinned_points`` those at which a long operation under way
    was cut at some of its places only, as its profile says. The same with ``again_`` for second cuts, in recovery.
    ``failing`` counts distinct states with a finding, ``unsurvivable`` findings by invariant that no software could avoid.
    """

    profile: str
    points: int = 0
    states: int = 0
    distinct: int = 0
    sampled_points: int = 0
    again_points: int = 0
    again_states: int = 0
    again_distinct: int = 0
    again_sampled_points: int = 0
    failing: int = 0
    unsurvivable: dict[int, int] = {}
    thinned_points: int = 0
    again_thinned_points: int = 0


class Example(msgspec.Struct, frozen=True):
    """One state of a finding, told so that a person can follow it: of those that lost the least the earliest.

    ``at_us`` is when the power went; ``state`` finds it again (``--state``); ``lost_operations`` is how many operations did
    not land whole.
    """

    state: str
    depth: int
    lost_operations: int
    at_us: int
    profile: str
    cut: str
    step: str
    losses: tuple[str, ...]
    arrived: str
    summary: str
    story: tuple[str, ...]
    replay: str = ""
    image: str = ""
    """Where the state's files were written, when --out was given."""

    @property
    def weight(self) -> tuple[int, int, int, str, str]:
        """Less is simpler to follow; the same order in every process."""
        return self.depth, self.lost_operations, self.at_us, self.state, self.profile


class Found(msgspec.Struct):
    """One kind of finding: an invariant, broken by states that the same code left behind. ``states`` counts distinct ones.

    ``nothing_lost``: all that the software had written is there, and ``place`` is no more than the last call before the cut.
    """

    invariant: int
    name: str
    severity: str
    place: str
    profiles: list[str]
    states: int
    money_fen: int
    example: Example
    nothing_lost: bool = False


class FlowReport(msgspec.Struct):
    """One flow. ``skipped`` says why it was not explored; ``left`` how many distinct states were listed and not judged."""

    flow: str
    summary: str
    skipped: str = ""
    profiles: list[ProfileCount] = []
    cells: list[Cell] = []
    found: list[Found] = []
    judged: int = 0
    left: int = 0
    because: list[str] = []
    """Why states are left, or what else keeps this from proving something."""
    not_checked: dict[str, str] = {}
    """Invariants that no judged history gave anything to judge by, each with a reason."""
    notes: list[str] = []
    """What was asked for besides a verdict and could not be had."""
    unsettled: int = 0
    """Distinct states with nothing found, and no settlement either: what became of approvals shows nowhere."""
    unsettled_state: str = ""
    """The first of them by name."""
    listing: str = ""
    """A digest of the names of the distinct states that first cuts may leave: equal in all shares of the same work, empty
    in one that was stopped before it had listed them."""
    failing: int = 0
    """Distinct states with a finding, on whatever medium."""

    def profile(self, name: str) -> ProfileCount:
        """The count of that profile, begun when it is new."""
        for each in self.profiles:
            if each.profile == name:
                return each
        self.profiles.append(ProfileCount(name))
        return self.profiles[-1]


class CrashReport(msgspec.Struct):
    """All of it."""

    scenario: str
    terminal: str
    device: str
    depth: int
    seed: int
    flows: list[FlowReport] = []
    format: int = FORMAT
    harness: str = ""
    """The version that wrote it."""

    @property
    def failing(self) -> bool:
        """Whether anything was found."""
        return any(flow.found for flow in self.flows)

    @property
    def exit_code(self) -> ExitCode:
        """Findings first; then whatever keeps the rest from proving something: that no state was judged, too."""
        if self.failing:
            return ExitCode.VIOLATED
        unproven = any(
            flow.left or flow.because or flow.unsettled or not (flow.skipped or flow.judged) for flow in self.flows
        )
        if unproven or all(flow.skipped for flow in self.flows):
            return ExitCode.INCONCLUSIVE
        return ExitCode.PASS

    def differences(self) -> list[str]:
        """What holds on one medium and breaks on another, one sentence an invariant and flow."""
        told: list[str] = []
        for flow in self.flows:
            names = [each.profile for each in flow.profiles]
            by_invariant: dict[tuple[int, str], set[str]] = {}
            for found in flow.found:
                by_invariant.setdefault((found.invariant, found.name), set()).update(found.profiles)
            for (number, name), failing in sorted(by_invariant.items()):
                passing = [each for each in names if each not in failing]
                if passing:
                    broken = ", ".join(each for each in names if each in failing)
                    kept = ", ".join(passing) if len(passing) <= _NAMED_MAX else f"the other {len(passing)} media"
                    told.append(f"{flow.flow}: keeps invariant {number} {name} on {kept}, breaks it on {broken}")
        return told


def merged(shares: Iterable[CrashReport]) -> CrashReport:
    """One report of shares of the same work: listings are the same in all, what was judged adds up."""
    reports = list(shares)
    whole = reports[0]
    for place in range(len(whole.flows)):
        # A share that was stopped before it had listed a flow knows nothing of it: those that have come first.
        same = sorted((report.flows[place] for report in reports), key=lambda flow: not flow.listing)
        for more in same[1:]:
            _add(same[0], more)
        whole.flows[place] = same[0]
    for flow in whole.flows:
        _put_in_order(flow)
    return whole


def _put_in_order(flow: FlowReport) -> None:
    """The same bytes, whatever the number of processes and the order in which they met things."""
    place = {each.profile: number for number, each in enumerate(flow.profiles)}
    flow.found.sort(key=lambda each: (each.invariant, each.nothing_lost, each.place))
    for found in flow.found:
        found.profiles.sort(key=lambda name: place.get(name, len(place)))
    flow.cells.sort(key=lambda each: (each.depth, each.at, each.step, place.get(each.profile, len(place))))
    for count in flow.profiles:
        count.unsurvivable = dict(sorted(count.unsurvivable.items()))


def _add(flow: FlowReport, more: FlowReport) -> None:
    if more.listing and flow.listing != more.listing and UNLIKE not in flow.because:
        flow.because.append(UNLIKE)
    flow.judged += more.judged
    flow.failing += more.failing
    flow.left += more.left
    flow.unsettled += more.unsettled
    flow.unsettled_state = min(filter(None, (flow.unsettled_state, more.unsettled_state)), default="")
    flow.because += [why for why in more.because if why not in flow.because]
    flow.notes += [note for note in more.notes if note not in flow.notes]
    both = flow.not_checked.keys() & more.not_checked.keys()
    flow.not_checked = {
        name: shorter(why, more.not_checked[name]) for name, why in flow.not_checked.items() if name in both
    }
    for count in more.profiles:
        mine = flow.profile(count.profile)
        mine.failing += count.failing
        # Second cuts are listed where the state before them is judged; first cuts are listed by every share.
        mine.again_points += count.again_points
        mine.again_states += count.again_states
        mine.again_distinct += count.again_distinct
        mine.again_sampled_points += count.again_sampled_points
        mine.again_thinned_points += count.again_thinned_points
        for number, times in count.unsurvivable.items():
            mine.unsurvivable[number] = mine.unsurvivable.get(number, 0) + times
    for cell in more.cells:
        for own in flow.cells:
            if (own.depth, own.step, own.profile) == (cell.depth, cell.step, cell.profile):
                own.at = min(own.at, cell.at)
                own.states += cell.states
                own.failing += cell.failing
                break
        else:
            flow.cells.append(cell)
    for found in more.found:
        for each in flow.found:
            if (each.invariant, each.place, each.nothing_lost) == (found.invariant, found.place, found.nothing_lost):
                each.states += found.states
                each.money_fen = max(each.money_fen, found.money_fen)
                each.profiles += [name for name in found.profiles if name not in each.profiles]
                each.example = min(each.example, found.example, key=lambda example: example.weight)
                break
        else:
            flow.found.append(found)

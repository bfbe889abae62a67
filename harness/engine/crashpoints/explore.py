"""Exploring one flow: list its states under all profiles, live on from each distinct one, judge, cut again in recovery.

Each distinct state is booted once, whatever the number of profiles and instants that allow it; it is judged once for each
history that may have led to it. ``share`` lets several processes divide the distinct states among themselves by name.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from harness.engine.crashpoints.afterwards import Afterwards, live_on
from harness.engine.crashpoints.cut import Situation, cut_events
from harness.engine.crashpoints.flows import Flow
from harness.engine.crashpoints.gather import Gathering, Historian, Keeper, Seen
from harness.engine.crashpoints.judging import RECOVERY_IDEMPOTENT, Court, not_idempotent
from harness.engine.crashpoints.medium import Medium
from harness.engine.crashpoints.offered import with_inspection_decided
from harness.engine.crashpoints.purpose import NO_LOST_APPROVAL, settled_at_last, unreached
from harness.engine.crashpoints.record import Recorded, record_boot, record_flow
from harness.engine.crashpoints.report import FlowReport, ProfileCount
from harness.engine.crashpoints.scene import Setting
from harness.engine.crashpoints.states import Count, State, StateLister, state_id
from harness.history.events import Event, SoftwareDied
from harness.invariants.catalogue import INVARIANTS
from harness.sut import interpreter

_HANGS_MAX = 3
"""Software that hangs costs real seconds at each boot: shown so often, the flow ends."""
_STATES_A_LOOK = 256
"""So many states are listed between two looks at whether to stop."""
_LIVES_A_COLLECTION = 40
"""A life leaves up to a megabyte of garbage where boots share no modules; garbage that piles up is memory, and slow."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much to explore. ``images_limit`` an instant and volume; ``states_limit`` distinct states a flow and chapter."""

    depth: int = 1
    images_limit: int = 512
    states_limit: int = 20_000
    share: int = 0
    shares: int = 1
    only_state: str = ""


@dataclass(slots=True)
class Case:
    """One distinct state: the first of its kind, and by profile and length of history where else it is legal."""

    name: str
    state: State
    media: dict[str, State] = field(default_factory=dict)
    histories: dict[int, dict[str, State]] = field(default_factory=dict)
    """Length of the tape -> by profile, a state with that history."""


Stop = Callable[[], str]
"""Why to stop now; empty to go on."""
Tell = Callable[[int, int, int], None]
"""Distinct states judged, distinct states known, findings."""


class Exploration:
    """All crash points of one flow."""

    def __init__(
        self,
        setting: Setting,
        flow: Flow,
        media: Sequence[Medium],
        extent: Extent,
        stop: Stop,
        tell: Tell,
        keeper: Keeper | None = None,
        historian: Historian | None = None,
    ) -> None:
        # Half the images that are inspected in an exploration have been seen before.
        setting = with_inspection_decided(setting)
        self.setting = setting = replace(setting, software=setting.software.remembering())
        self.flow = flow
        self.media = {medium.name: medium for medium in media}
        self.extent = extent
        self.report = FlowReport(flow.name, flow.summary)
        self._stop = stop
        self._tell = tell
        self._court = Court(setting)
        self._gathering = Gathering(self.report, self.media, keeper, historian)
        self._first = ""
        self._excused: dict[str, frozenset[int]] = {}
        """By profile: what the cut before this chapter made unsurvivable."""
        self._hangs = 0
        self._lives = 0
        self._failing: set[str] = set()
        self._failed: set[tuple[str, str]] = set()
        """By profile the states that some history to them broke something in."""
        self._settles = "settle" in setting.software.manifest.actions
        self._unsettled: set[str] = set()
        """States with nothing found, from which the last settlement failed."""
        self._met = False
        """Whether the one state that was asked for has been judged."""
        self._total = 0
        self._stopped = ""

    def explore(self) -> FlowReport:
        """All of it, or as much as ``stop`` allows."""
        if self._over():
            # Somebody waits for what has been judged; listing one more flow may take as long as all before.
            self._say_because(self._stopped)
            return self.report
        recorded = self.recorded()
        nothing = unreached(self.flow, recorded)
        if nothing:
            self._say_because(nothing)
        cases = self._cases(recorded, self.media, self._first_counts())
        names = sorted(case.name for case in cases)
        self.report.listing = blake2b("".join(names).encode(), digest_size=8).hexdigest()
        # In the order of their names, which is none: if time runs out, every instant and medium has had its share.
        mine = sorted((case for case in cases if self._is_mine(case.name)), key=lambda case: case.name)
        self._total = len(mine)
        with interpreter.settled_heap():
            self._judge_all(recorded, mine)
        # Second cuts may be what is missing, also of the last state.
        self.report.unsettled, self.report.unsettled_state = len(self._unsettled), min(self._unsettled, default="")
        self.report.not_checked = self._not_checked()
        for why in (self._stopped, self._unknown_state(), *self._court.inconclusive):
            if why:
                self._say_because(why)
        return self.report

    def recorded(self) -> Recorded:
        """The flow as it goes without a cut."""
        return record_flow(self.setting, self.flow)

    def _not_checked(self) -> dict[str, str]:
        """By number and name. Recovery that is cut and begun again is what depth 2 is for."""
        told = {INVARIANTS.get(name).number: (name, why) for name, why in self._court.not_checked.items()}
        if self.extent.depth < 2:
            number, name = RECOVERY_IDEMPOTENT
            told[number] = name, "recovery is cut with --depth 2"
        elif self.setting.software.no_inspection:
            told[RECOVERY_IDEMPOTENT[0]] = RECOVERY_IDEMPOTENT[1], self.setting.software.no_inspection
        return {f"{number} {name}": why for number, (name, why) in sorted(told.items())}

    def _judge_all(self, recorded: Recorded, cases: Sequence[Case]) -> None:
        for done, case in enumerate(cases):
            if self._over():
                self.report.left += len(cases) - done
                return
            once = self._judge(recorded, case, None, 1)
            if self.extent.depth > 1 and not self._over():
                self._cut_again(recorded, case, once)

    def _unknown_state(self) -> str:
        """Said when one state was asked for and there is none of that name: nothing was judged, so nothing was shown."""
        wanted = self.extent.only_state
        return f"there is no state {wanted} in this flow" if wanted and not self._met and not self._stopped else ""

    def _is_mine(self, name: str) -> bool:
        if self.extent.only_state:
            return self.extent.only_state.partition(".")[0] == name
        return int(name, 16) % self.extent.shares == self.extent.share

    def _over(self) -> bool:
        if not self._stopped:
            self._stopped = self._stop()
            if self._hangs >= _HANGS_MAX:
                self._stopped = f"the software hung {self._hangs} times"
        return bool(self._stopped)

    def _say_because(self, why: str) -> None:
        if why not in self.report.because:
            self.report.because.append(why)

    # ------------------------------------------------------------ listing

    def _first_counts(self) -> Callable[[str, Count, int], None]:
        def note(medium: str, count: Count, distinct: int) -> None:
            mine = self.report.profile(medium)
            mine.points, mine.states, mine.sampled_points = count.points, count.states, count.sampled_points
            mine.distinct, mine.thinned_points = distinct, count.thinned_points

        return note

    def _again_counts(self, counted: set[str]) -> Callable[[str, Count, int], None]:
        """States of one recovery count once a profile, with whatever history they are judged."""

        def note(medium: str, count: Count, distinct: int) -> None:
            if medium in counted:
                return
            counted.add(medium)
            mine: ProfileCount = self.report.profile(medium)
            mine.again_points += count.points
            mine.again_states += count.states
            mine.again_sampled_points += count.sampled_points
            mine.again_thinned_points += count.thinned_points
            mine.again_distinct += distinct

        return note

    def _cases(
        self, recorded: Recorded, media: Mapping[str, Medium], note: Callable[[str, Count, int], None]
    ) -> list[Case]:
        """The distinct states of a recording, at most ``states_limit``: those with the smallest names, a sample."""
        cases: dict[str, Case] = {}
        largest: list[tuple[int, str]] = []
        known: set[int] = set()
        timeline = recorded.timeline
        for name, medium in media.items():
            lister = StateLister(
                timeline, [medium.profiles[volume] for volume in timeline.volumes], self.extent.images_limit
            )
            own: set[int] = set()
            for place, state in enumerate(lister, 1):
                if place % _STATES_A_LOOK == 0 and self._over():
                    break
                case_name = state_id(state.key)
                rank = int(case_name, 16)
                own.add(rank)
                case = cases.get(case_name)
                if case is None:
                    if len(cases) == self.extent.states_limit:
                        if rank > -largest[0][0]:
                            continue
                        del cases[heapq.heappop(largest)[1]]
                    case = cases[case_name] = Case(case_name, state)
                    heapq.heappush(largest, (-rank, case_name))
                self._enter(recorded, case.media, name, state)
                self._enter(recorded, case.histories.setdefault(state.point.outside.events, {}), name, state)
            note(name, lister.count, len(own))
            known |= own
        if len(known) > len(cases):
            self._say_because(
                f"of {len(known):,} distinct states of one recording {self.extent.states_limit:,} were taken, drawn by name"
            )
        return list(cases.values())

    def _enter(self, recorded: Recorded, states: dict[str, State], medium: str, state: State) -> None:
        """Of several ways to one state under a medium the one that excuses least counts: it needed no betrayal."""
        known = states.setdefault(medium, state)
        if known is state:
            return
        excused = self.media[medium].excuses(recorded, known)
        if excused and len(self.media[medium].excuses(recorded, state)) < len(excused):
            states[medium] = state

    # ------------------------------------------------------------ judging

    def _judge(
        self,
        recorded: Recorded,
        case: Case,
        before_cut: Afterwards | None,
        depth: int,
        lived: dict[bool, Afterwards] | None = None,
    ) -> Afterwards:
        """Live on from one state, once for each situation that the customer may be in, and judge every history to it."""
        lived = {} if lived is None else lived
        anew = not lived
        failing: set[str] = set()
        for events, media in case.histories.items():
            history = recorded.history(events)
            found = recorded.situation(events)
            stays = self._stays(found)
            if stays not in lived:
                lived[stays] = self._live(recorded, case, stays)
            state = next(iter(media.values()))
            before = (*history, *cut_events(found, state.point.at_us, state.arrived, stays=stays))
            findings = list(self._court.findings(before, lived[stays]))
            if before_cut is not None:
                other = not_idempotent(before_cut.recovered, lived[stays].recovered, history)
                findings += [] if other is None else [other]
            seen = Seen(self._name(case, depth), depth, recorded, media, history, self._excused)
            failing |= self._gathering.note(seen, findings, (*before, *lived[stays].events))
            if (
                not findings
                and self._settles
                and not settled_at_last(lived[stays].events)
                and self._owed(recorded, media)
            ):
                self._unsettled.add(self._name(case, depth))
        for name in failing:
            failed = name, self._name(case, depth)
            self.report.profile(name).failing += failed not in self._failed
            self._failed.add(failed)
            self._failing.add(failed[1])
        self.report.failing = len(self._failing)
        self.report.judged += anew
        self._met = self._met or self._name(case, depth) == self.extent.only_state
        self._tell(self.report.judged, self._total, len(self.report.found))
        return lived[min(lived)]

    def _owed(self, recorded: Recorded, media: Mapping[str, State]) -> bool:
        """Whether on some medium the terminal could still have its records: without them no totals can agree."""
        return any(
            NO_LOST_APPROVAL
            not in self.media[name].excuses(recorded, state) | self._excused.get(name, frozenset[int]())
            for name, state in media.items()
        )

    def _live(self, recorded: Recorded, case: Case, stays: bool) -> Afterwards:
        remains = case.state.remains(recorded.timeline.volumes)
        lived = live_on(self.setting, recorded.chapter + 1, remains, customer_stays=stays, wish=self.flow.wish)
        self._lives += 1
        if self._lives % _LIVES_A_COLLECTION == 0:
            interpreter.collect_garbage()
        self._hangs += sum(event.reason == "spinning" for event in lived.events if isinstance(event, SoftwareDied))
        return lived

    def _name(self, case: Case, depth: int) -> str:
        return case.name if depth == 1 else f"{self._first}.{case.name}"

    # ------------------------------------------------------------ depth 2

    def _cut_again(self, recorded: Recorded, case: Case, once: Afterwards) -> None:
        """Every cut into the recovery from ``case``, under each profile that allowed the first one."""
        self._first = case.name
        remains = case.state.remains(recorded.timeline.volumes)
        boot: Recorded | None = None
        counted: set[str] = set()
        lived: dict[str, dict[bool, Afterwards]] = {}
        for before, media in self._befores(recorded, case):
            if boot is None:
                boot = record_boot(self.setting, recorded.chapter + 1, remains, before)
            boot = replace(boot, before=before)
            self._excused = {name: self.media[name].excuses(recorded, state) for name, state in media.items()}
            note = self._again_counts(counted)
            seconds = self._cases(boot, {name: self.media[name] for name in media}, note)
            wanted = self.extent.only_state.partition(".")[2]
            for done, second in enumerate(seconds):
                if self._over():
                    self.report.left += len(seconds) - done
                    break
                if wanted in ("", second.name):
                    self._judge(boot, second, once, 2, lived.setdefault(second.name, {}))
        self._excused = {}

    def _befores(self, recorded: Recorded, case: Case) -> Iterator[tuple[tuple[Event, ...], dict[str, State]]]:
        """The longest history to the state, which has promised the most, and by profile the state with it.

        One for each thing that the customer may believe; and one each for what the first cut excuses: a promise that the medium
        broke on the way to the state excuses nothing on another way, on which none was broken.
        """
        situations = {events: recorded.situation(events) for events in case.histories}
        chosen: dict[int, dict[str, State]] = {}
        for name in case.media:
            longest: dict[tuple[str, frozenset[int]], int] = {}
            for events in sorted(events for events, media in case.histories.items() if name in media):
                excused = self.media[name].excuses(recorded, case.histories[events][name])
                longest[self._belief(situations[events]), excused] = events
            for events in longest.values():
                chosen.setdefault(events, {})[name] = case.histories[events][name]
        for events, states in chosen.items():
            found, state = situations[events], next(iter(states.values()))
            cut = cut_events(found, state.point.at_us, state.arrived, stays=self._stays(found))
            yield (*recorded.history(events), *cut), states

    def _belief(self, found: Situation) -> str:
        """What a customer at the till believes; empty without one. Who is owed an answer tells histories of one state apart."""
        return "" if found.intent is None else found.belief

    def _stays(self, found: Situation) -> bool:
        """Whether a customer waits for the terminal to come back, and then pays again."""
        return found.in_doubt and self.flow.returns

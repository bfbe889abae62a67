"""What becomes of a judgement in the report: which state is told, how often a state counts, and who is asked to pay again."""

from dataclasses import replace

import msgspec

from harness.engine.crashpoints.afterwards import Afterwards, live_on
from harness.engine.crashpoints.callsites import CallSite, Step
from harness.engine.crashpoints.cut import Situation
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.gather import Gathering, Seen, guilty_step, lost_nothing, lost_operations
from harness.engine.crashpoints.report import FlowReport
from harness.engine.crashpoints.states import State, StateLister, state_id
from harness.engine.crashpoints.timeline import Begun
from harness.history.events import IntentOpened, RecordSeen, ScreenShown
from harness.invariants.base import Finding
from harness.storage.oplog import ROOT_INODE, SyncDirectory, SyncFile, Write
from harness.storage.profiles import registry
from harness.sut import interpreter
from tests.engine.crashpoints.explored import media, recorded, setting
from tests.engine.crashpoints.test_instants import SECOND_US, created, timeline

MEDIUM = "battery-ram"
FINDINGS = [Finding("name", 1, "T01", 1, "summary", fen, (), "major") for fen in (100, 50)]


def exploration(flow: str = "sale", extent: Extent = Extent()) -> Exploration:  # noqa: B008
    return Exploration(setting(), FLOWS.get(flow), media(MEDIUM), extent, lambda: "", lambda *_: None)


def states() -> list[State]:
    return list(StateLister(recorded().timeline, [registry.get(MEDIUM)] * 2, 64))


def gathered(depths: list[tuple[State, int]]) -> FlowReport:
    """A report of these states at these depths, each with the same two findings."""
    report = FlowReport("sale", "")
    gathering = Gathering(report, {each.name: each for each in media(MEDIUM)})
    for state, depth in depths:
        history = recorded().history(state.point.outside.events)
        seen = Seen(state_id(state.key), depth, recorded(), {MEDIUM: state}, history, {})
        assert gathering.note(seen, FINDINGS, history) == {MEDIUM}
    return report


def test_the_state_that_is_told_is_the_simplest_whichever_came_first() -> None:
    """First cuts before second ones, then what lost least, then the earliest, then by name."""
    found = [(state, depth) for state in states() for depth in (1, 2)]
    groups: dict[tuple[str, bool], list[tuple[int, int, int, str, str]]] = {}
    for state, depth in found:
        weight = depth, lost_operations(state), state.point.at_us, state_id(state.key), MEDIUM
        groups.setdefault((guilty_step(recorded(), state).place, lost_nothing(state)), []).append(weight)
    # States that lost something do not stand with those that lost nothing, though the last call was the same.
    assert any((place, not nothing) in groups for place, nothing in groups)
    assert any(len({weight[2] for weight in weights}) > 1 for weights in groups.values())
    for order in (found, found[::-1]):
        report = gathered(order)
        assert {(each.place, each.nothing_lost): each.example.weight for each in report.found} == {
            place: min(weights) for place, weights in groups.items()
        }
        # One that comes by several histories is one state all the same.
        assert {(each.place, each.nothing_lost): each.states for each in report.found} == {
            place: len({weight[3] for weight in weights}) for place, weights in groups.items()
        }
        assert any(len({weight[3] for weight in weights}) < len(weights) for weights in groups.values())
        assert all(each.nothing_lost == (not each.example.losses) for each in report.found)
        assert all(each.money_fen == 150 and each.profiles == [MEDIUM] for each in report.found)


def test_the_code_that_is_named_is_that_of_the_first_loss() -> None:
    """Two writes were lost: what made the second one is not to blame for the first."""
    steps = [Step("write", "/f", CallSite((f"own.py:{line} {name}",))) for line, name in ((1, "first"), (2, "second"))]
    log = [*created(0), SyncFile(2), SyncDirectory(ROOT_INODE), Write(2, 0, b"y", 1), Write(2, 1, b"z", 1)]
    begun = tuple(Begun(SECOND_US, 4 + place, place, step) for place, step in enumerate(steps))
    line = timeline((log,), [(0, (4,), 1), (2 * SECOND_US, (6,), 2)], (begun,))
    flow = replace(recorded(), timeline=line)
    named = {
        state.volumes[0].lost_indices: guilty_step(flow, state).place
        for state in StateLister(line, [registry.get("posix-weak")], 64)
        if len(state.volumes[0].log) == 2 and not state.volumes[0].torn_parts
    }
    assert named == {(): "second: write", (0,): "first: write", (1,): "second: write", (0, 1): "first: write"}


def test_only_who_came_to_buy_comes_back_and_pays_again() -> None:
    opened = IntentOpened(0, "T01", 9, "sale", 100)
    doubt, sure = (Situation((), (), opened, belief) for belief in ("unknown", "paid"))
    for name in FLOWS.names():
        assert exploration(name)._stays(doubt) == (name in {"completion", "offline", "preauth", "sale", "scan"})
        assert not exploration(name)._stays(sure)


def test_each_state_counts_as_judged_once_and_a_second_cut_that_was_named_is_judged_alone(monkeypatch) -> None:
    names: list[str] = []
    note = Gathering.note

    def noted(self, seen, findings, events):
        names.append(seen.name)
        return note(self, seen, findings, events)

    monkeypatch.setattr(Gathering, "note", noted)
    explorer = exploration()
    several = [
        case.name
        for case in explorer._cases(recorded(), explorer.media, lambda *_: None)
        if len(list(explorer._befores(recorded(), case))) > 1
    ]
    with interpreter.installed():
        for name in several:
            names.clear()
            report = exploration(extent=Extent(depth=2, only_state=name)).explore()
            if report.profiles[0].again_distinct > 1:
                break
        judged = set(names)
        assert len(names) > len(judged) == report.judged == 1 + report.profiles[0].again_distinct > 2
        names.clear()
        second = max(judged)
        alone = exploration(extent=Extent(depth=2, only_state=second)).explore()
    assert set(names) == {name, second} and alone.judged == 2 and alone.because == []


def test_second_cuts_know_what_people_had_been_shown_before_them() -> None:
    """Recovery alone had a record that somebody has seen; recovery twice has not."""
    shown = (ScreenShown(0, "T01", 3, "approved", "ok", 700, "000077", "000001"),)
    for before, findings in ((shown, 1), ((), 0)):
        explorer, flow = exploration(), replace(recorded(), before=before)
        case = explorer._cases(flow, explorer.media, lambda *_: None)[0]
        with interpreter.installed():
            once = live_on(explorer.setting, 1, case.state.remains(flow.timeline.volumes), customer_stays=False)
            assert once.recovered is not None
            records = (*once.recovered.records, RecordSeen("000077", "000001", "sale", 700))
            more = msgspec.structs.replace(once.recovered, records=records)
            explorer._judge(flow, case, Afterwards((), more, True, 0), 2)
        told = [found.example.summary for found in explorer.report.found if found.invariant == 19]
        assert len(told) == findings and all("record 000077 is missing" in summary for summary in told)

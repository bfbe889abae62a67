"""Each state is judged with every history that leads to it, and excused for what happened on the way and for nothing else."""

from harness.engine.crashpoints.cut import situation
from harness.engine.crashpoints.explore import Extent
from harness.engine.crashpoints.gather import Gathering, Seen
from harness.engine.crashpoints.report import FlowReport
from harness.engine.crashpoints.states import StateLister
from harness.invariants.base import Finding
from harness.storage.profiles import registry
from tests.engine.crashpoints.explored import explored, invariants, media, recorded

SOME = Extent(images_limit=16, states_limit=6)


def first_cuts(report: FlowReport) -> list[tuple[str, int, int]]:
    return [(cell.step, cell.states, cell.failing) for cell in report.cells if cell.depth == 1]


def test_a_state_is_judged_once_for_each_history_that_leads_to_it():
    states = list(StateLister(recorded().timeline, [registry.get("battery-ram")] * 2, 64))
    ways = {(state.key, state.point.outside.events) for state in states}
    report = explored("reference", "sale", ("battery-ram",))
    assert sum(cell.states for cell in report.cells) == len(ways) > report.judged == len({key for key, _ in ways})
    # There and back: some states are met by a customer in doubt and by one who is not.
    doubts: dict[object, set[bool]] = {}
    for state in states:
        history = recorded().history(state.point.outside.events)
        doubts.setdefault(state.key, set()).add(situation(history).in_doubt)
    assert {True, False} in doubts.values()


def test_what_the_first_cut_took_excuses_the_second_and_no_other_state(monkeypatch):
    carried: dict[int, set[bool]] = {1: set(), 2: set()}
    note = Gathering.note

    def noted(self, seen, findings, events):
        carried[seen.depth].add(any(seen.excused.values()))
        return note(self, seen, findings, events)

    monkeypatch.setattr(Gathering, "note", noted)
    once = explored("no_fsync", "sale", ("lying-flush",), SOME)
    twice = explored("no_fsync", "sale", ("lying-flush",), Extent(2, SOME.images_limit, SOME.states_limit))
    assert first_cuts(once) == first_cuts(twice)
    assert invariants(once)
    honest = explored("reference", "sale", ("lying-flush",), Extent(2, SOME.images_limit, SOME.states_limit))
    assert carried == {1: {False}, 2: {False, True}}
    assert honest.found == [] and honest.profiles[0].unsurvivable


def test_software_that_asks_for_no_flush_is_not_excused_by_one_that_lied():
    """no_fsync asks for none in a sale: what it loses there it loses on an honest medium too."""
    lies, honest = (explored("no_fsync", "sale", (name,), SOME) for name in ("lying-flush", "ext4-ordered"))
    assert invariants(lies) >= invariants(honest) >= {1}


def test_an_excuse_is_for_its_invariant_alone_and_the_square_of_the_picture_fails():
    state = next(iter(StateLister(recorded().timeline, [registry.get("battery-ram")] * 2, 8)))
    history = recorded().history(state.point.outside.events)
    one, eight = (Finding("name", number, "T01", 1, "summary", 100, (), "major") for number in (1, 8))
    for findings, failing, counted in (([one, eight], {"battery-ram"}, {8}), ([one], set(), set())):
        report = FlowReport("sale", "")
        gathering = Gathering(report, {each.name: each for each in media("battery-ram")})
        seen = Seen("ab", 2, recorded(), {"battery-ram": state}, history, {"battery-ram": frozenset({1})})
        assert gathering.note(seen, findings, history) == failing and invariants(report) == counted
        assert report.profiles[0].unsurvivable == {1: 1}
        assert [(cell.states, cell.failing) for cell in report.cells] == [(1, len(failing))]

"""What an exploration must not call a pass: a stop however late, a state that is not there, shares of which one got lost."""

import msgspec
import pytest

from harness.core.errors import ExitCode
from harness.engine.crashpoints.calls.playing import Range
from harness.engine.crashpoints.calls.report import CallReport
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.launch import killed_after_s
from harness.engine.crashpoints.report import (
    NOTHING_JUDGED,
    UNLIKE,
    Cell,
    CrashReport,
    Example,
    FlowReport,
    Found,
    ProfileCount,
    merged,
)
from harness.engine.crashpoints.request import CrashRequest
from harness.engine.crashpoints.states import StateLister, state_id
from harness.reporters.crashpoints import render
from harness.reporters.failing_calls import render as render_calls
from harness.storage.oplog import ROOT_INODE, Link, Truncate, Write
from harness.storage.profiles import registry
from harness.sut import interpreter
from tests.engine.crashpoints import played
from tests.engine.crashpoints.explored import explored, media, recorded, setting
from tests.engine.crashpoints.test_instants import timeline

MEDIUM = "battery-ram"


def of(*flows: FlowReport) -> CrashReport:
    return CrashReport("s", "t", "d", 1, 1, list(flows))


def first_state() -> str:
    return state_id(next(iter(StateLister(recorded().timeline, [registry.get(MEDIUM)] * 2, 64))).key)


@pytest.mark.parametrize(("asked", "judged"), [(1, 1), (2, 1), (3, 2)])
def test_a_stop_among_the_second_cuts_of_the_last_state_is_told(asked, judged):
    """It is asked for before the flow, before the first cut, before its second cuts are listed, and before each of these."""
    stops = iter([""] * (1 + asked))
    extent = Extent(depth=2, only_state=first_state())
    with interpreter.installed():
        done = Exploration(
            setting(), FLOWS.get("sale"), media(MEDIUM), extent, lambda: next(stops, "interrupted"), lambda *_: None
        ).explore()
    assert done.judged == judged and (done.left > 0) == (asked > 1)
    assert done.because == ["interrupted"] and of(done).exit_code is ExitCode.INCONCLUSIVE


@pytest.mark.parametrize("second", ["", ".0123456789ab"])
def test_a_state_that_is_not_there_is_said_so_and_is_no_pass(second):
    name = (first_state() if second else "0123456789ab") + second
    done = explored("reference", "sale", (MEDIUM,), Extent(depth=2 if second else 1, only_state=name))
    assert done.because == [f"there is no state {name} in this flow"]
    assert of(done).exit_code is ExitCode.INCONCLUSIVE


def test_a_state_that_is_there_is_judged_and_passes():
    done = explored("reference", "sale", (MEDIUM,), Extent(only_state=first_state()))
    assert done.judged == 1 and not done.because and of(done).exit_code is ExitCode.PASS


def test_no_state_judged_is_no_pass_unless_the_flow_was_skipped():
    assert of(FlowReport("sale", "", judged=1)).exit_code is ExitCode.PASS
    assert of(FlowReport("sale", "", judged=1), FlowReport("void", "")).exit_code is ExitCode.INCONCLUSIVE
    assert of(FlowReport("sale", "", judged=1), FlowReport("void", "", skipped="no")).exit_code is ExitCode.PASS
    assert of(FlowReport("void", "", skipped="no")).exit_code is ExitCode.INCONCLUSIVE
    assert of(FlowReport("sale", "", judged=1, left=1)).exit_code is ExitCode.INCONCLUSIVE
    assert of(FlowReport("sale", "", judged=1, because=["x"])).exit_code is ExitCode.INCONCLUSIVE


def example(at_us: int) -> Example:
    return Example("ab", 1, 0, at_us, "fat", "cut", "step", (), "", "summary", ())


def share(number: int) -> FlowReport:
    """What one of two shares found: some of it both did, some it alone."""
    own = f"place {number}"
    found = [
        Found(1, "one", "major", "both", ["fat", f"p{number}"], 2, 500 + number, example(number)),
        Found(1, "one", "major", own, ["fat"], 1, 10, example(9)),
    ]
    counts = [
        ProfileCount("fat", 5, 50, 20, 1, 3, 30, 10, 2, 4, {15: 1}, 2, 3),
        ProfileCount("sd", 5, 50, 20, 1, 3, 30, 10, 2, 4, {1: number}),
    ]
    cells = [Cell("both", "fat", 1, 7 - number, 3, 1), Cell(own, "fat", 1, 1, 1, 1)]
    return FlowReport("sale", "", "", counts, cells, found, 10, number, [f"why {number}", "both"])


def test_nothing_of_a_share_is_lost_and_nothing_counted_twice():
    whole = merged([of(share(1)), of(share(2))]).flows[0]
    assert (whole.judged, whole.left, whole.because) == (20, 3, ["why 1", "both", "why 2"])
    fat, sd = whole.profiles
    # First cuts are listed alike by every share; the rest is each one's own.
    assert msgspec.structs.astuple(fat) == (
        "fat",
        5,
        50,
        20,
        1,
        6,
        60,
        20,
        4,
        8,
        {15: 2},
        2,
        6,
    ) and sd.unsurvivable == {1: 3}
    cells = {cell.step: (cell.at, cell.states, cell.failing) for cell in whole.cells}
    assert cells == {"both": (5, 6, 2), "place 1": (1, 1, 1), "place 2": (1, 1, 1)}
    found = {each.place: each for each in whole.found}
    assert sorted(found) == ["both", "place 1", "place 2"]
    both = found["both"]
    assert (both.states, both.profiles, both.example.at_us) == (4, ["fat", "p1", "p2"], 1)
    assert both.money_fen == 502, "what is at stake in one state, whoever judged it"


def test_shares_that_listed_other_states_prove_nothing_together():
    """Software that stores the addresses of its objects: each process has states of its own, and takes a share of those."""
    alike, other = (FlowReport("sale", "", judged=8, listing=each) for each in ("aa", "bb"))
    assert merged([of(alike), of(msgspec.structs.replace(alike))]).exit_code is ExitCode.PASS
    whole = merged([of(msgspec.structs.replace(alike, because=[])), of(other), of(other)])
    assert whole.exit_code is ExitCode.INCONCLUSIVE and whole.flows[0].because == [UNLIKE]


def test_many_media_that_hold_are_counted_and_few_are_named():
    counts = [ProfileCount(f"m{number}") for number in range(7)]
    found = Found(1, "one", "major", "place", ["m0", "m2"], 2, 0, example(1))
    assert of(FlowReport("sale", "", profiles=counts, found=[found])).differences() == [
        "sale: keeps invariant 1 one on the other 5 media, breaks it on m0, m2"
    ]
    assert of(FlowReport("sale", "", profiles=counts[:4], found=[found])).differences() == [
        "sale: keeps invariant 1 one on m1, m3, breaks it on m0, m2"
    ]


@pytest.mark.parametrize("name", ["raw-slots", "battery-ram", "lying-flush", "fat", "ext4-ordered", "sd"])
def test_a_long_write_that_is_cut_at_a_few_places_only_is_told_of(name):
    """Where more places make more images than are listed, the report does not say "exhaustive" and nothing more."""
    profile = registry.get(name)
    for length in (8, 40_000):
        line = timeline(
            ([Link(ROOT_INODE, "a", 2, 0o100644), Write(2, 0, b"x" * length, 0)],), [(0, (1,), 1), (0, (2,), 2)]
        )
        lister = StateLister(line, [profile], 8)
        list(lister)
        thins = length > 8 and name in ("raw-slots", "battery-ram", "lying-flush")
        assert bool(lister.count.thinned_points) == thins
    line = timeline(([Link(ROOT_INODE, "a", 2, 0o100644), Truncate(2, 9_000, 0)],), [(0, (2,), 1)])
    lister = StateLister(line, [profile], 8)
    list(lister)
    assert lister.count.thinned_points == (name in ("fat", "sd"))


def test_the_report_says_where_long_writes_were_cut_at_a_few_places():
    flow = FlowReport("sale", "", profiles=[ProfileCount("raw-slots", 9, thinned_points=2)], judged=1)
    assert "exhaustive, but at 2 of 9 instants long writes are cut at a few places only" in render(of(flow))
    flow.profiles[0].sampled_points = 1
    assert "1 of 9 instants sampled" in render(of(flow)) and "at 2 of 9 instants long writes" in render(of(flow))
    report = explored("reference", "sale", ("raw-slots", "ext4-ordered"), Extent(states_limit=1))
    assert [each.thinned_points > 0 for each in report.profiles] == [True, False]


def test_the_state_under_way_may_hang_to_its_finding_before_its_process_is_killed():
    """Software that hangs at boot is stopped eleven times in one state; killed before, the hang would be told as no proof."""
    for wall_limit_s in (1.0, 60.0, 900.0):
        request = CrashRequest("s", wall_limit_s=wall_limit_s, spin_s=min(20.0, wall_limit_s))
        assert killed_after_s(request) - wall_limit_s > 11 * request.spin_s


def test_states_from_which_the_batch_cannot_be_settled_any_more_are_no_pass():
    """A batch that somebody has seen approved sales of is a finding of invariant 15; of any other, nothing is proven."""
    forgetful = played.setting(f"{played.CARELESS}SettlesOnlyWhenNew")
    with interpreter.installed():
        done = Exploration(
            forgetful, FLOWS.get("sale"), media(MEDIUM), Extent(states_limit=6), lambda: "", lambda *_: None
        ).explore()
    assert {each.invariant for each in done.found} == {15}
    report = of(done)
    assert report.exit_code is ExitCode.VIOLATED
    done.found, done.unsettled, done.unsettled_state = [], done.judged, "0" * 12
    report = of(done)
    assert report.exit_code is ExitCode.INCONCLUSIVE
    assert f"from {done.judged:,} distinct states the batch could not be settled" in render(report)
    other = FlowReport("sale", "", judged=1, unsettled=1, unsettled_state="0" * 12, listing=done.listing)
    whole = merged([report, of(other)])
    assert whole.flows[0].unsettled == done.judged and whole.flows[0].unsettled_state == "0" * 12


def test_trials_after_which_the_batch_cannot_be_settled_any_more_are_no_pass():
    extent = Range(("reset",), call=1)
    done = played.played(f"{played.CARELESS}SettlesOnlyWhenNew", "boot", ("reset",), extent=extent)
    assert {each.invariant for each in done.found} == {15}
    assert CallReport("s", "t", "d", "p", 1, [done]).exit_code is ExitCode.VIOLATED
    done.found, done.unsettled, done.unsettled_trial = [], 1, "reset, call 1"
    report = CallReport("s", "t", "d", "p", 1, [done])
    assert report.exit_code is ExitCode.INCONCLUSIVE
    assert "the batch could not be settled" in render_calls(report)


def test_a_flow_that_is_begun_after_a_stop_is_not_even_listed_and_no_pass():
    with interpreter.installed():
        done = Exploration(
            setting(), FLOWS.get("sale"), media(MEDIUM), Extent(), lambda: "interrupted", lambda *_: None
        ).explore()
    assert done == FlowReport("sale", done.summary, because=["interrupted"])
    assert of(done).exit_code is ExitCode.INCONCLUSIVE
    # Another share had listed it: what that one knows stays, and nobody is accused of having played differently.
    listed = explored("reference", "sale", (MEDIUM,), Extent(share=1, shares=2))
    (whole,) = merged([of(done), of(listed)]).flows
    assert whole.because == ["interrupted"] and whole.profile(MEDIUM).points > 15 and whole.judged


def test_the_report_is_the_same_whatever_the_number_of_processes():
    def whole(shares: int) -> bytes:
        extents = [Extent(images_limit=16, states_limit=24, share=share, shares=shares) for share in range(shares)]
        parts = [explored("rewritten_in_place", "sale", ("fat", "ext4-ordered"), extent) for extent in extents]
        return msgspec.json.encode(merged(map(of, parts)))

    assert b'"found":[{' in whole(1)
    assert whole(1) == whole(2) == whole(3)


@pytest.mark.slow
def test_card_numbers_in_the_names_of_files_are_masked():
    """They stand in the picture's rows, and in the steps and losses of findings."""
    careless = played.setting(f"{played.CARELESS}NamesFileByCard")
    extent = Extent(images_limit=32, states_limit=30)
    with interpreter.installed():
        done = Exploration(
            careless, FLOWS.get("boot"), media("posix-weak"), extent, lambda: "", lambda *_: None
        ).explore()
    told = msgspec.json.encode(done).decode() + render(of(done))
    assert done.found and "622202*********0123" in told and "6222021234567890123" not in told
    trials = played.played(f"{played.CARELESS}NamesFileByCard", "boot", ("fsync",))
    told = msgspec.json.encode(trials).decode()
    assert "622202*********0123" in told and "6222021234567890123" not in told


def test_what_nothing_judged_is_listed_with_its_reason():
    done = explored("reference", "sale", (MEDIUM,), Extent(states_limit=3))
    assert done.not_checked["19 recovery_idempotent"] == "recovery is cut with --depth 2"
    assert done.not_checked["21 completion_within_hold"] == "nothing of the kind happened"
    assert not {"1 no_lost_approval", "2 agreement", "12 settlement_exactly_once"} & done.not_checked.keys()
    assert "not checked: 21 completion_within_hold (nothing of the kind happened)" in render(of(done))
    again = explored("reference", "boot", (MEDIUM,), Extent(depth=2, states_limit=2))
    assert "19 recovery_idempotent" not in again.not_checked


def test_of_shares_only_what_none_of_them_could_judge_is_not_checked():
    first = FlowReport("sale", "", judged=1, not_checked={"1 a": "why", "2 b": "a longer why", "3 c": NOTHING_JUDGED})
    other = FlowReport("sale", "", judged=1, not_checked={"2 b": "why", "3 c": "none"}, notes=["files are missing"])
    for shares in ([first, other], [other, first]):
        whole = merged(
            [of(msgspec.structs.replace(each, because=[], notes=list(each.notes))) for each in shares]
        ).flows[0]
        assert whole.not_checked == {"2 b": "why", "3 c": "none"} and whole.notes == ["files are missing"]

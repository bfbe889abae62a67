"""The n-th call fails, for every n: all are reached once, all bite, the reference survives them, each careless habit is found."""

import itertools

import msgspec
import pytest

from harness.core.errors import ExitCode
from harness.engine.crashpoints.calls.catalogue import FAILURES
from harness.engine.crashpoints.calls.failure import TRIES_MAX, Manner
from harness.engine.crashpoints.calls.playing import Playing, Range
from harness.engine.crashpoints.calls.report import NO_FAILURE, CallCount, CallReport, FlowCalls, merged
from harness.engine.crashpoints.calls.trials import Stage, Trial, trials_of
from harness.engine.crashpoints.flows import FLOWS
from harness.history.events import (
    ActionEnded,
    FaultBit,
    FaultLifted,
    FaultStruck,
    MessageDropped,
    SoftwareDied,
    StorageFailed,
)
from harness.sut import interpreter
from tests.engine.crashpoints.played import CARELESS, invariants, one, played, setting
from tests.engine.crashpoints.test_purpose import REFUSES

APPROVED = "_approved: display.show"
OUT_OF_PLACE = {"enospc": "ubifs"}
"""Where the reference, which writes into room that it has taken before, meets a full volume at all."""


@pytest.mark.parametrize("failure", FAILURES.names())
def test_every_call_of_the_kind_fails_once_in_turn_until_there_is_none(failure):
    profile = OUT_OF_PLACE.get(failure, "")
    with interpreter.installed():
        stage = Stage(setting("reference", profile), FLOWS.get("sale"))
        calls = stage.calls(failure)
        assert stage.calls(failure) == calls and len(calls) >= 2
        some = calls if len(calls) < 8 else [*calls[:4], *calls[-2:]]
        for nth, call in enumerate(calls, 1):
            if call not in some:
                continue
            done = stage.play(Trial(failure, nth, Manner()))
            assert done.met == call, "another call failed than the one that is n-th"
            kinds = [type(each) for each in done.events if isinstance(each, FaultStruck | FaultBit | FaultLifted)]
            assert kinds == [FaultStruck, FaultBit, FaultLifted]
        assert stage.play(Trial(failure, len(calls) + 1, Manner())).met is None


@pytest.mark.parametrize(
    ("failure", "flow"),
    [
        *(pytest.param(failure, "sale", id=f"{failure}-sale") for failure in FAILURES.names() if failure != "memory"),
        ("enospc", "settle"), ("eio", "settle"), ("fsync", "upload"), ("reset", "upload"), ("eio", "boot"), ("fsync", "boot"),
        ("reset", "boot"), pytest.param("memory", "boot", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_the_reference_survives_every_call_and_every_failure_bites(failure, flow):
    report = played("reference", flow, [failure], OUT_OF_PLACE.get(failure, ""))
    assert report.found == [] and report.because == [] and not report.left
    (count,) = report.counts
    assert count.calls > 0 and count.tried == count.trials == count.bit >= 2 * count.calls
    assert count.silent == [] and count.failing == count.unsurvivable == 0


# who, flow, failure, medium -> invariants that must break, the code that is named, manners that must be among those that show it
HABITS = [
    ("SwallowsErrors", "eio", "", {1, 2, 17}, "write: pwrite", "once, then power loss"),
    ("SwallowsErrors", "enospc", "ubifs", {1, 2, 17}, "write: pwrite", "once"),
    ("FlushesAgain", "fsync", "", {17}, "write: fsync", "once, then power loss"),
    ("WritesOnce", "enospc", "ubifs", {1, 2}, "write: pwrite", "once, partly"),
    ("Forgetful", "memory", "", {1}, "append: pwrite", "once"),
    ("silent_charge", "reset", "", {2, 31}, "exchange: receive", "once"),
]


@pytest.mark.parametrize(("who", "failure", "profile", "broken", "place", "manner"), HABITS)
def test_a_careless_habit_is_found_by_the_failure_that_shows_it(who, failure, profile, broken, place, manner):
    terminal = who if who.islower() else CARELESS + who
    extent = Range((failure,))
    if failure == "memory":
        # Every allocation of a sale takes its time to try: the one that the habit is about, the approval's, is enough here.
        with interpreter.installed():
            calls = Stage(setting(terminal), FLOWS.get("sale")).calls(failure)
        extent = Range((failure,), call=max(nth for nth, call in enumerate(calls, 1) if call.step.kind == "pwrite"))
    report = played(terminal, "sale", [failure], profile, extent)
    assert broken <= invariants(report)
    assert any(place in found.place and manner in found.manners for found in report.found)
    example = report.found[0].example
    assert f"FAULT {FAILURES.get(failure)(None, None).fault_once}" in "\n".join(example.story)  # type: ignore[arg-type]
    assert ".py:" in example.step and any(line.startswith(">") for line in example.story)


def test_only_a_write_done_in_part_shows_who_never_looks_at_its_length():
    report = played(CARELESS + "WritesOnce", "sale", ["enospc"], "ubifs", Range(("enospc",), call=2))
    shown = {manner for found in report.found for manner in found.manners}
    assert shown and shown <= {"once, partly", "once, partly, then power loss"}


def test_a_write_done_in_part_is_followed_by_no_space_when_it_fails_for_good():
    once, for_good = (
        one("reference", "sale", Trial("enospc", 1, Manner(always, partly=True)), "ubifs") for always in (False, True)
    )
    for done in (once, for_good):
        bite = next(each.evidence for each in done.events if isinstance(each, FaultBit))
        assert bite.startswith("pwrite /data/journal.") and "stored" in bite
    assert not any(isinstance(each, StorageFailed) for each in once.events), "the rest found room"
    assert {each.errno for each in for_good.events if isinstance(each, StorageFailed)} == {"ENOSPC"}


def test_what_a_call_for_good_does_lasts_until_the_flow_is_over():
    done = one("reference", "sale", Trial("eio", 1, Manner(for_good=True)))
    struck, lifted = (
        next(each for each in done.events if isinstance(each, kind)) for kind in (FaultStruck, FaultLifted)
    )
    failed = [each for each in done.events if isinstance(each, StorageFailed)]
    assert len(failed) > 2 and all(struck.at_us <= each.at_us <= lifted.at_us for each in failed)
    assert lifted.at_us > failed[-1].at_us, "what follows is played on good storage"


def test_what_a_call_does_once_is_over_with_the_action_in_which_it_struck():
    done = one("reference", "sale", Trial("eio", 1, Manner()))
    place = next(place for place, each in enumerate(done.events) if isinstance(each, FaultLifted))
    assert isinstance(done.events[place - 1], ActionEnded)
    assert sum(isinstance(each, StorageFailed) for each in done.events) == 1


def test_an_answer_that_breaks_off_is_one_that_the_host_has_given():
    calls = [each.step.kind for each in _calls("reset")]
    assert calls == ["connect", "send", "receive"]
    booked = {}
    for nth, name in enumerate(calls, 1):
        done = one("reference", "sale", Trial("reset", nth, Manner()))
        struck = next(place for place, each in enumerate(done.events) if isinstance(each, FaultStruck))
        lost = [each.message for each in done.events[struck:] if isinstance(each, MessageDropped)]
        booked[name] = len(lost)
        directions = {each.message: each.direction for each in done.events if type(each).__name__ == "MessageSent"}
        assert [directions[message] for message in lost] == {"connect": [], "send": ["up"], "receive": ["down"]}[name]


def _calls(failure: str, terminal: str = "reference"):
    with interpreter.installed():
        return Stage(setting(terminal), FLOWS.get("sale")).calls(failure)


def test_software_that_tries_for_ever_is_ended_and_starts_anew():
    done = one(CARELESS + "TriesForEver", "sale", Trial("eio", 1, Manner(for_good=True)))
    died = [each for each in done.events if isinstance(each, SoftwareDied)]
    assert died and all(each.reason == "spinning" and str(TRIES_MAX) in each.detail for each in died)
    memory = one("reference", "sale", Trial("memory", 1, Manner(for_good=True)))
    assert [each.reason for each in memory.events if isinstance(each, SoftwareDied)] == ["out_of_memory"]
    assert sum(isinstance(each, FaultLifted) for each in memory.events) == 1


def test_what_is_wrong_anyway_is_told_once_and_held_against_no_call():
    report = played("log_in_ram", "boot", ["reset"])
    assert report.found and all(found.place == NO_FAILURE and found.trials == 1 for found in report.found)
    assert all(found.failures == [] and found.manners == [] for found in report.found)


def test_a_customer_who_saw_nothing_pays_again_within_the_flow():
    shown = [nth for nth, call in enumerate(_calls("memory", "jsonfile"), 1) if call.step.place.endswith(APPROVED)]
    report = played("jsonfile", "sale", ["memory"], extent=Range(("memory",), call=shown[0]))
    (double,) = (found for found in report.found if found.name == "no_double_charge")
    assert double.place.endswith(APPROVED) and double.money_fen == 4_250


def test_look_ups_fail_too_and_a_library_that_takes_an_error_for_a_no_is_found():
    report = played("jsonfile", "boot", ["eio"], extent=Range(("eio",), call=1))
    (count,) = report.counts
    assert (count.tried, count.failing) == (2, 1), "power that goes before anything is saved undoes it"
    assert {found.place for found in report.found} == {"boot > open_storage: stat"}
    assert 1 in invariants(report), "os.path.exists said no, and the terminal began an empty log"


def test_what_a_call_does_inside_itself_is_no_call_of_its_own():
    with interpreter.installed():
        calls = Stage(setting(CARELESS + "LooksTwice"), FLOWS.get("boot")).calls("eio")
    assert [call.step.kind for call in calls] == ["stat", "open", "read", "read", "stat", "open", "readinto"]


def test_shares_add_up_to_the_whole_and_every_run_is_alike():
    def report(share: int, shares: int) -> CallReport:
        extent = Range(("fsync", "reset"), share=share, shares=shares)
        return CallReport("s", "t", "d", "p", 1, [played("jsonfile", "sale", [], extent=extent)])

    whole, again = merged([report(0, 1)]), merged([report(0, 1)])
    split = merged(report(share, 3) for share in range(3))
    assert msgspec.json.encode(whole) == msgspec.json.encode(again) == msgspec.json.encode(split)
    assert whole.exit_code is ExitCode.VIOLATED


def test_trials_are_every_call_in_every_manner_and_shares_part_them():
    calls = _calls("fsync")
    trials = list(trials_of("fsync", calls))
    manners = FAILURES.get("fsync").manners
    assert {(each.nth, each.manner) for each in trials} == set(itertools.product(range(1, len(calls) + 1), manners))
    assert len(manners) == len({manner.text for manner in manners}) == 4
    named = Range(("fsync",), call=2, for_good=True)
    assert {each.nth for each in trials if named.has(each)} == {2}
    assert all(each.manner.for_good for each in trials if named.has(each))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (CallCount("eio", 4, 8, 8, 8), ExitCode.PASS),
        (CallCount("eio", 4, 8, 8, 0), ExitCode.INCONCLUSIVE),
        (CallCount("eio"), ExitCode.INCONCLUSIVE),
    ],
)
def test_a_pass_takes_failures_that_bit(count, expected):
    report = CallReport("s", "t", "d", "p", 1, [FlowCalls("sale", "", counts=[count])])
    assert report.exit_code is expected


def test_a_call_that_the_flow_does_not_make_is_said_so():
    report = played("reference", "sale", ["eio"], extent=Range(("eio",), call=99))
    assert report.because == ["there is no call 99 for eio: the flow makes 4 of the kind"]


def test_a_medium_excuses_a_trial_only_for_what_it_did_there():
    """The poorest image of an eMMC has no damage in it: what careless software lost there is its own doing."""
    calls = Range(("fsync",))
    honest = played(CARELESS + "FlushesAgain", "sale", ["fsync"], "ext4-ordered", calls)
    harmful = played(CARELESS + "FlushesAgain", "sale", ["fsync"], "emmc", calls)
    assert invariants(harmful) == invariants(honest) >= {17} and harmful.counts[0].unsurvivable == 0


def test_a_flush_that_lied_excuses_the_trials_that_power_ends_and_no_others():
    report = played(CARELESS + "FlushesAgain", "sale", ["fsync"], "lying-flush")
    (count,) = report.counts
    assert 0 < count.unsurvivable < count.tried
    assert not any(
        "power loss" in manner and found.invariant in (1, 17) for found in report.found for manner in found.manners
    )


def test_a_flow_that_comes_to_nothing_without_a_failure_is_no_pass(tmp_path):
    (tmp_path / "refuses.py").write_text(REFUSES)
    report = played(f"{tmp_path / 'refuses.py'}:Refuses", "void", ["memory"])
    assert report.because == ["played without a cut, the void flow came to nothing: the host voided no sale"]
    assert report.counts[0].bit > 0
    assert played("reference", "sale", ["fsync"]).because == []


def test_nothing_fails_for_good_before_the_call_that_was_named():
    done = one("reference", "sale", Trial("eio", 3, Manner(for_good=True)))
    kinds = [type(each) for each in done.events if isinstance(each, FaultStruck | StorageFailed)]
    assert kinds[0] is FaultStruck and kinds.count(StorageFailed) > 1


def test_a_call_that_is_not_reached_again_is_said_so_and_is_no_trial():
    with interpreter.installed():
        playing = Playing(setting(), FLOWS.get("sale"), Range(("eio",)), lambda: "", lambda *_: None)
        count = CallCount("eio", 99, 1)
        playing._one(count, Trial("eio", 99, Manner()))
    assert playing.report.because == [
        "eio, call 99, once: the call was not reached again; the software does not play alike"
    ]
    assert count.tried == count.bit == 0

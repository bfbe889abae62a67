"""Whole explorations: the reference comes back from every state; each known defect is found, and the step that left it named."""

from dataclasses import replace

import pytest

from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.scene import Setting
from harness.storage.profiles import registry
from harness.sut import interpreter
from harness.terminals.catalogue import CATALOGUE
from tests.engine.crashpoints.explored import explored, invariants, media, setting

FEW = Extent(images_limit=32, states_limit=60)
FEWER = Extent(images_limit=12, states_limit=12)
"""For software that imports much at each boot."""
ORDINARY = ("ext4-ordered", "posix-weak", "fat", "ubifs")


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS.names())
def test_the_reference_comes_back_from_every_state_of_every_flow_on_every_medium(flow):
    report = explored("reference", flow, ("all",))
    assert report.found == []
    assert not report.left and not report.because and not report.skipped
    assert [each.profile for each in report.profiles] == registry.names()
    for each in report.profiles:
        assert each.sampled_points == 0 and each.distinct >= 10 and each.points >= 15
    # Something was at stake: without its fsync the same terminal fails on all of them but those that need none.
    assert sum(each.distinct for each in report.profiles) > report.judged > 10


@pytest.mark.parametrize("first", [999_997, 999_998])
def test_the_reference_comes_back_from_a_cut_where_trace_numbers_wrap(first):
    """Signing on takes the first number, one sale the next: the flow's own is 999999, or 000001."""
    with interpreter.installed():
        around = Setting(replace(setting().plan, trace_number=first), setting().software, 1)
        report = Exploration(
            around, FLOWS.get("sale"), media("ext4-ordered"), FEW, lambda: "", lambda *_: None
        ).explore()
    assert report.found == [] and report.judged > 10


def test_two_cuts_are_survived_too_and_more_states_are_seen():
    report = explored("reference", "sale", ("ext4-ordered", "jffs2"), Extent(depth=2))
    assert report.found == []
    for each in report.profiles:
        assert each.again_states > each.states and each.again_distinct > each.distinct
        assert each.again_sampled_points == 0
    assert {cell.depth for cell in report.cells} == {1, 2}


# terminal, flow -> invariants that must be broken, a profile that shows it, code that is named, operation that is told
DEFECTS = [
    ("no_fsync", "sale", {1, 2}, "ext4-ordered", "write: write", "was lost"),
    ("no_directory_fsync", "sale", {1, 2}, "posix-weak", ": create", "the creation of /journal.0 was lost"),
    ("rename_without_fsync", "settle", {1}, "posix-weak", "start_generation", "journal"),
    ("rewritten_in_place", "sale", {1, 17}, "ext4-ordered", "append: write", "was torn: sector 0 lost, sector 1 kept"),
    ("torn_parsed", "sale", {17, 24}, "ext4-ordered", "append > write: write", "was torn"),
    ("tinydb", "sale", {1, 24}, "posix-weak", ": ", "data: "),
    ("filequeue", "sale", {1, 2}, "ext4-ordered", ": ", "data: "),
    ("migrated_in_place", "update", {1}, "ext4-ordered", "write", ""),
    ("order_after_send", "scan", {30, 31}, "ext4-ordered", "write", ""),
]


@pytest.mark.slow
@pytest.mark.parametrize(("terminal", "flow", "broken", "profile", "place", "told"), DEFECTS)
def test_a_defect_is_found_and_the_step_that_left_it_is_named(terminal, flow, broken, profile, place, told):
    report = explored(terminal, flow, (profile,), FEWER if terminal in ("tinydb", "filequeue") else FEW)
    assert broken <= invariants(report)
    assert report.profile(profile).failing > 0
    first = next(each for each in report.found if each.invariant == min(broken))
    assert place in first.place
    # Some defects need no loss: what they wrote in full is wrong enough.
    assert not told or any(told in loss for loss in first.example.losses), first.example.losses
    assert ".py:" in first.example.step and any(line.startswith(">") for line in first.example.story)


def test_every_storage_mutant_of_the_catalogue_is_among_the_defects():
    named = {terminal for terminal, *_ in DEFECTS}
    assert {each.name for each in CATALOGUE.values() if each.at_crash_points} <= named


@pytest.mark.slow
def test_a_difference_between_media_shows_in_the_counts():
    report = explored("no_directory_fsync", "sale", ORDINARY, FEW)
    failing = {each.profile: each.failing for each in report.profiles}
    assert failing["posix-weak"] and failing["fat"]
    assert failing["ext4-ordered"] == failing["ubifs"] == 0


def test_one_state_is_found_again_by_its_name():
    whole = explored("rewritten_in_place", "sale", ("ext4-ordered",))
    example = whole.found[0].example
    again = explored("rewritten_in_place", "sale", ("ext4-ordered",), Extent(only_state=example.state))
    assert again.judged == 1
    assert [each.example for each in again.found if each.invariant == whole.found[0].invariant] == [example]


def test_shares_divide_the_states_among_themselves():
    whole = explored("reference", "sale", ("raw-slots",))
    shares = [explored("reference", "sale", ("raw-slots",), Extent(share=each, shares=3)) for each in range(3)]
    assert sum(each.judged for each in shares) == whole.judged
    assert all(each.judged for each in shares)
    assert {each.listing for each in shares} == {whole.listing} != {""}


def test_a_stop_leaves_what_was_judged_and_says_what_was_not():
    asked = iter(["", "", "", "", "interrupted"])
    with interpreter.installed():
        report = Exploration(
            setting(), FLOWS.get("sale"), media("raw-slots"), Extent(), lambda: next(asked), lambda *_: None
        ).explore()
    assert report.judged == 3 and report.because == ["interrupted"]
    assert report.left == report.profile("raw-slots").distinct - 3

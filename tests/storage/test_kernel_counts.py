"""What the kernel check counts and does not let pass, without any kernel: its findings, its cuts, its choice of programs."""

import random
from dataclasses import replace

import pytest

from harness.storage.image import Image
from harness.storage.kernels.check import Checker, cuts_of
from harness.storage.kernels.cut import Observed
from harness.storage.kernels.file_systems import named
from harness.storage.kernels.findings import Finding, Tally
from harness.storage.kernels.habits import HABITS, without_links
from harness.storage.kernels.programs import Program
from harness.storage.oplog import ROOT_INODE
from harness.storage.profiles import registry

from .crash_builders import play
from .test_kernel_cuts import run_of_three

ALIEN = Image({}, {ROOT_INODE: {"x": 9}})


@pytest.mark.parametrize("count", ["not_allowed", "undecided", "damaged"])
def test_whatever_was_not_allowed_fails_the_check(count: str) -> None:
    """A state that nobody could decide about, or a mount that failed, is no state that the profile allows."""
    tally = Tally("ext4", "ext4-ordered", copies=12, allowed=11, **{count: 1})
    assert tally.failed and not Tally("ext4", "ext4-ordered", copies=12, allowed=12).failed
    total = Tally("ext4", "ext4-ordered", copies=12, allowed=12)
    total.add(tally)
    assert total.failed and getattr(total, count) == getattr(total.summary(), count) == 1


def test_tallies_add_up() -> None:
    places = [Finding(seed, 7, True, "story") for seed in (1, 2)]
    one = Tally("xfs", "xfs", 12, 9, 1, 1, 1, {"a", "b"}, {"this": 0, "that": 0}, places[:1])
    one.add(Tally("xfs", "xfs", 20, 13, 2, 2, 3, {"b", "c"}, {"this": 2, "that": 0}, places[1:]))
    assert one == Tally("xfs", "xfs", 32, 22, 3, 3, 4, {"a", "b", "c"}, {"this": 2, "that": 0}, places)
    told = one.summary()
    assert (told.copies, told.distinct_states, told.allowed_never_seen) == (32, 3, ["that"])
    assert (told.not_allowed, told.undecided, told.damaged) == (3, 3, 4)
    assert told.findings == ["seed 1, 7 events", "seed 2, 7 events"]


def judged(checker: Checker, seen: Observed, event_count: int) -> Tally:
    run = run_of_three()
    tally = Tally("ext4", "ext4-ordered", needed={"x": 0})
    checker._judge(tally, run, seen, Finding(3, event_count, True, ""))
    return tally


def test_each_state_counts_as_what_it_is() -> None:
    checker = Checker(named("ext4"), "nowhere", count_needed=False)
    allowed = judged(checker, Observed(Image()), 3)
    assert (allowed.copies, allowed.allowed, allowed.failed, allowed.findings) == (1, 1, False, [])
    assert allowed.states == {Image().digest()}
    # At the end everything was synced: nothing may be gone.
    for seen, event_count in ((Observed(ALIEN), 3), (Observed(Image()), 9)):
        alien = judged(checker, seen, event_count)
        assert (alien.copies, alien.allowed, alien.not_allowed, len(alien.findings)) == (1, 0, 1, 1)
        assert alien.findings[0].seed == 3 and "Create" in alien.findings[0].story
    damaged = judged(checker, Observed(None, "mount: Bad message"), 9)
    assert (damaged.copies, damaged.allowed, damaged.damaged, damaged.not_allowed) == (1, 0, 1, 0)
    assert "Bad message" in damaged.findings[0].story


def test_what_nobody_could_decide_is_not_allowed() -> None:
    checker = Checker(named("ext4"), "nowhere", count_needed=False)
    checker._profile = registry.get("posix-weak")
    many = play([("append", "/a", 700), ("append", "/b", 10), ("rewrite", "/d/c", 40)] * 12)
    run = replace(run_of_three(), log=many.log, log_ends=[len(many.log)] * 3)
    tally = Tally("ext4", "posix-weak")
    checker._judge(tally, run, Observed(ALIEN), Finding(3, 9, True, ""))
    assert (tally.allowed, tally.undecided, tally.failed, len(tally.findings)) == (0, 1, True, 1)


def test_cuts_are_all_over_the_program_and_every_second_one_is_of_a_drive_with_a_cache() -> None:
    run = run_of_three()
    cuts = cuts_of(run, random.Random(1), 200)
    assert {count for count, _ in cuts} == set(range(run.first_event, len(run.events) + 1))
    assert [in_order for _, in_order in cuts] == [True, False] * 100


class Choosing(Checker):
    """Says which programs it would have run."""

    def check(self, program: Program, rng: random.Random, cuts: int, seed: int = 0) -> Tally:
        self.chosen = program
        return Tally("", "")


@pytest.mark.parametrize("name", ["ext4", "vfat"])
def test_every_fourth_program_is_one_by_hand_and_each_has_its_turn(name: str) -> None:
    checker = Choosing(named(name), "nowhere")
    by_hand = [each for each in HABITS if name == "ext4" or without_links(each)]
    chosen = []
    for seed in range(4 * len(by_hand)):
        checker.check_seed(seed, 12, 1)
        chosen.append(checker.chosen)
    assert [chosen[seed] for seed in range(0, len(chosen), 4)] == by_hand and len(by_hand) > 10
    assert sum(program in by_hand for program in chosen) < len(chosen) // 3

"""Chance in a crash model: what is tried when not everything is, how draws are spread, and which way to an image is told."""

import random
from collections.abc import Sequence

import pytest

from harness.storage.draft import Draft
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, DropDirty, Link, Op, SyncFile, SyncVolume, Write
from harness.storage.profiles import registry
from harness.storage.profiles.base import Crash, Profile
from harness.storage.profiles.choices import Choices, Scripted, Seeded, adversarial_scripts, next_script
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.in_order import dropped_data, last_barrier
from harness.storage.profiles.story import Damage


def test_scripts_worth_trying_are_all_one_and_all_but_one_and_each_prefix() -> None:
    assert list(adversarial_scripts([2, 3, 2], [2, 3])) == [
        ([], 0), ([1], 0), ([0, 1], 0), ([0, 2], 0), ([0, 0, 1], 0),
        ([], 1), ([0], 1), ([1, 0], 1), ([1, 2], 1),
        ([0], 1), ([0, 0], 1),
    ]  # fmt: skip


def test_every_answer_to_every_question_is_tried_once() -> None:
    seen: list[tuple[int, int]] = []
    following: list[int] | None = []
    while following is not None:
        script = Scripted(following)
        first = script.pick(2)
        seen.append((first, script.pick(3) if first else script.rarely(9)))
        following = next_script(following, script.counts)
    assert seen == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]


def test_what_is_rare_happens_only_when_it_is_asked_for_by_name() -> None:
    assert not Scripted([], 1).rarely(5) and not Scripted([0], 1).rarely(5) and Scripted([1]).rarely(5)
    assert 20 < sum(Seeded(random.Random(seed)).rarely(5) for seed in range(200)) < 70


def test_draws_show_nearly_all_kept_nearly_all_lost_mixtures_and_parts() -> None:
    drawn = []
    for seed in range(400):
        choices = Seeded(random.Random(seed))
        drawn.append([choices.pick(4) for _ in range(10)])
    assert sum(set(each) == {0} for each in drawn) >= 5 and sum(set(each) == {1} for each in drawn) >= 5
    assert sum({0, 1} <= set(each) for each in drawn) > 100
    assert {answer for each in drawn for answer in each} == {0, 1, 2, 3}
    assert 100 < sum(not {2, 3} & set(each) for each in drawn) < 300, "some cuts tear and some do not"
    cuts = [Seeded(random.Random(seed)).cut(40) for seed in range(400)]
    assert cuts.count(40) > 60 and sum(36 <= cut < 40 for cut in cuts) > 80 and sum(cut < 20 for cut in cuts) > 60
    assert min(cuts) >= 0 and max(cuts) == 40


class Betraying(Profile):
    """One image, to which it comes by breaking something, by doing nothing, or by losing an operation that nobody would see."""

    name, summary = "betraying", ""

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = Crash(Draft(base))
        way = choices.pick(3)
        if way == 0:
            crash.damaged.append(Damage(2, 0, 1, "are stale"))
        elif way == 2:
            crash.lost.append(0)
        return crash

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        return [Durability.PENDING] * len(log)


def test_of_several_ways_to_one_image_the_one_that_took_least_is_told() -> None:
    """Whoever excuses software for what the medium did must not take the way on which it did the most."""
    base = Image({2: b"x"}, {ROOT_INODE: {"a": 2}}, {ROOT_INODE: 0o040755, 2: 0o100644})
    states = Betraying().legal_images(base, [Write(2, 0, b"x", 1)], 10, random.Random(1))
    (state,) = states
    assert state.cost == (0, 0) and state.intact and not state.bites and states.exhaustive


@pytest.mark.parametrize("limit", [1, 10])
def test_what_was_not_listed_in_full_does_not_say_that_it_was(limit: int) -> None:
    log = [op for place in range(2) for op in (Link(ROOT_INODE, f"f{place}", 2 + place, 0o100644),)]
    states = registry.get("posix-weak").legal_images(Image(), log, limit, random.Random(1))
    assert not states.exhaustive, "not before the last one"
    assert len(list(states)) == min(limit, 4) and states.exhaustive == (limit == 10) == (not states.sampled)


@pytest.mark.parametrize("barrier", [SyncFile(2), SyncVolume()])
def test_a_flush_that_failed_gave_up_what_was_written_since_the_last_good_one(barrier: Op) -> None:
    log: list[Op] = [
        Write(2, 0, b"a", 0), barrier, Write(2, 1, b"b", 1), Write(3, 0, b"c", 0), DropDirty(2), Write(2, 2, b"d", 2),
        SyncFile(2),
    ]  # fmt: skip
    assert dropped_data(log) == [False, False, True, False, False, False, False]
    assert last_barrier(log) == 6 and last_barrier(log[:6]) == 1 and last_barrier(log[2:4]) == -1

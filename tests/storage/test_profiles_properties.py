"""What holds for every profile on every short history: drawing agrees with listing, folding changes nothing, and so on."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st

from harness.storage.draft import Draft
from harness.storage.image import Image
from harness.storage.oplog import BARRIERS, Rename
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from harness.storage.profiles.cached_block import CachedBlockProfile
from tests.storage.crash_builders import ACTIONS, EVERY, aged, every_state, keys, play

PROFILES = [registry.get(name) for name in registry.names()]
every_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
few_examples = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
histories = st.lists(ACTIONS, min_size=1, max_size=5)
Actions = Sequence[tuple[object, ...]]


def small(profile: Profile, base: object, log: Sequence[object]) -> bool:
    """Whether all images can be listed in a moment."""
    # Neighbours' damage multiplies the images of a file system, whose own test this is already.
    limit = 250 if isinstance(profile, CachedBlockProfile) else 1200
    states = profile.legal_images(base, log, limit, random.Random(0))  # type: ignore[arg-type]
    for _ in states:
        pass
    return states.exhaustive


@every_profile
@given(actions=histories, numbers=st.lists(st.integers(0, 2**32), min_size=12, max_size=12))
@few_examples
def test_draw_is_always_among_the_legal_images(profile: Profile, actions: Actions, numbers: list[int]) -> None:
    bench = play(actions)
    assume(small(profile, bench.base, bench.log))
    legal = keys(every_state(profile, bench.base, bench.log))
    drawn = [profile.draw(bench.base, bench.log, random.Random(number)) for number in numbers]
    assert keys(drawn) <= legal


@every_profile
@given(actions=st.lists(ACTIONS, min_size=2, max_size=6), more=st.lists(ACTIONS, max_size=2))
@few_examples
def test_folding_never_changes_what_is_legal(profile: Profile, actions: Actions, more: Actions) -> None:
    """Neither for the log folded, nor for what happens after the fold."""
    folded_at = len(play(actions).log)
    bench = play([*actions, *more])
    assume(small(profile, bench.base, bench.log))
    base, rest = profile.durable_prefix(bench.base, bench.log[:folded_at])
    assert len(rest) <= folded_at + 2 * sum(isinstance(op, Rename) for op in bench.log)
    assert keys(every_state(profile, base, [*rest, *bench.log[folded_at:]])) == keys(
        every_state(profile, bench.base, bench.log)
    )


def mounted(profile: Profile, image: Image) -> str:
    """What the medium makes of an image: where it has no hard links, two names of one file become two files."""
    return profile.mount(Draft(image)).digest()


@every_profile
@given(actions=histories)
@few_examples
def test_what_the_software_last_saw_is_legal(profile: Profile, actions: Actions) -> None:
    bench = play(actions)
    assume(small(profile, bench.base, bench.log))
    states = every_state(profile, bench.base, bench.log)
    seen = mounted(profile, bench.now())
    assert seen in {state.image.digest() for state in states}
    intact = [state for state in states if state.intact]
    assert [state.image.digest() for state in intact] == [seen]


@every_profile
@given(actions=histories)
@few_examples
def test_nothing_is_lost_after_sync(profile: Profile, actions: Actions) -> None:
    actions = [action for action in actions if action[0] != "drop_dirty"]
    # On xfs sync flushes the drive only when there is something to commit.
    bench = play([*actions, ("rewrite", "/b", 40), ("sync",)])
    aged(profile, bench)
    (only,) = every_state(profile, bench.base, bench.log)
    assert only.image.digest() == mounted(profile, bench.now())
    base, rest = profile.durable_prefix(bench.base, bench.log)
    assert mounted(profile, base) == mounted(profile, bench.now()) and rest == []


@every_profile
@given(actions=histories)
@few_examples
def test_until_the_next_barrier_the_legal_images_only_grow(profile: Profile, actions: Actions) -> None:
    """So crash points before each barrier and at the end show all there is."""
    bench = play([action for action in actions if action[0] != "drop_dirty"])
    assume(small(profile, bench.base, bench.log))
    legal = keys(every_state(profile, bench.base, bench.log))
    last_barrier = max((place for place, op in enumerate(bench.log) if isinstance(op, BARRIERS)), default=-1)
    for length in range(last_barrier + 1, len(bench.log)):
        assert keys(every_state(profile, bench.base, bench.log[:length])) <= legal


@pytest.mark.parametrize(
    ("kinder", "harsher"),
    [
        ("ext4-ordered", "ext4-noauto_da_alloc"),
        ("ext4-noauto_da_alloc", "posix-weak"),
        ("posix-weak", "alice-default"),
        ("ext4-ordered", "emmc"),
        ("fat", "sd"),
        ("littlefs", "littlefs-unordered"),
    ],
)
@given(actions=histories)
@few_examples
def test_the_harsher_profile_allows_all_that_the_kinder_does(kinder: str, harsher: str, actions: Actions) -> None:
    bench = play(actions)
    assume(small(registry.get(harsher), bench.base, bench.log))
    allowed = keys(every_state(registry.get(harsher), bench.base, bench.log))
    assert keys(every_state(registry.get(kinder), bench.base, bench.log)) <= allowed


@every_profile
def test_the_same_seed_draws_the_same_image(profile: Profile) -> None:
    bench = play([("append", "/a", 700), ("rename", "/a", "/b"), ("append", "/d/c", 500), ("unlink", "/b")])
    for number in range(20):
        first, second = (profile.draw(bench.base, bench.log, random.Random(number)) for _ in range(2))
        assert first.image.digest() == second.image.digest()
        assert first.description == second.description


@every_profile
def test_draws_reach_every_legal_image_of_a_small_history(profile: Profile) -> None:
    bench = play([("append", "/a", 100), ("rename", "/a", "/b"), ("truncate", "/b", 600)])
    # Rare damage to what nobody wrote has its own test (test_profiles_cached_block), with fewer images to find.
    rare = isinstance(profile, CachedBlockProfile)
    legal = keys([state for state in every_state(profile, bench.base, bench.log) if not (rare and state.damage)])
    rng = random.Random(7)
    missing = legal
    for _ in range(60_000):
        missing = missing - keys([profile.draw(bench.base, bench.log, rng)])
        if not missing:
            break
    assert not missing


@every_profile
def test_a_long_history_is_sampled_and_says_so(profile: Profile) -> None:
    bench = play([("append", "/a", 700), ("append", "/b", 10), ("rewrite", "/d/c", 40)] * 12)
    states = profile.legal_images(bench.base, bench.log, 200, random.Random(3))
    found = list(states)
    digests = {state.image.digest() for state in found}
    assert len(found) == len(keys(found)) > 30 and bench.now().digest() in digests
    if (profile.synchronous or profile.name == "jffs2") and states.exhaustive:
        assert len(found) <= 200  # a cut takes one change at most, or the end of one log
        return
    assert states.sampled and not states.exhaustive and len(found) > 60
    assert profile.synchronous or bench.base.digest() in digests


@seed(1)
@given(actions=histories)
@few_examples
def test_the_account_names_every_operation_that_did_not_land(actions: Actions) -> None:
    profile = registry.get("posix-weak")
    bench = play(actions)
    state = profile.draw(bench.base, bench.log, random.Random(len(bench.log)))
    told = [loss.index for loss in (*state.lost, *state.torn)]
    assert len(told) == len(set(told)) <= len(bench.log)
    assert state.intact == (not told)
    assert (state.description == "everything landed") == state.intact


def test_every_is_large_enough_to_be_meant() -> None:
    assert EVERY > 1200

"""What must hold for the flash file systems on histories that other media have no use for.

Beside what test_profiles_properties plays: files left open, writes across blocks, directories made on the way, calls known to
have returned, and write-back by age.
"""

import os
import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.storage.oplog import BARRIERS, Op, Returned, SyncVolume
from harness.storage.profiles import registry
from harness.storage.profiles.base import CrashState, Profile
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.last_read import LastRead
from tests.storage.crash_builders import ACTIONS, Bench, _act, every_state, keys

FLASH = [registry.get(name) for name in ("f2fs", "f2fs-strict", "ubifs", "jffs2", "yaffs2")]
_paths = st.sampled_from(("/a", "/b", "/d/c", "/e/f"))
MORE_ACTIONS = st.one_of(
    ACTIONS,
    st.tuples(st.just("append"), _paths, st.sampled_from((700, 3000, 4500))),
    st.tuples(st.just("rename"), _paths, _paths),
    st.tuples(st.just("append to open file"), _paths, st.sampled_from((10, 700, 2500))),
    st.tuples(st.just("fsync"), _paths),
    st.tuples(st.just("fsync_directory"), st.sampled_from(("/", "/d", "/e"))),
    st.tuples(st.sampled_from(("returned", "written back", "mkdir"))),
)
Actions = Sequence[tuple[object, ...]]


def play(actions: Actions) -> Bench:
    """A bench with /a (1,000 bytes) and the directory /d on the medium, after the actions that are possible on it."""
    bench = Bench()
    bench.write("/a", b"o" * 1000)
    bench.disk.mkdir("/d")
    bench.settle()
    for place, action in enumerate(actions):
        letter = bytes([65 + place])
        try:
            match action:
                case ("returned",):
                    bench.log.append(Returned())
                case ("written back",):
                    bench.log.append(SyncVolume(written_back=True))
                case ("mkdir",):
                    bench.disk.mkdir("/e")
                case ("append to open file", str(path), int(length)):
                    descriptor = bench.disk.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
                    bench.disk.write(descriptor, letter * length)
                case _:
                    _act(bench, action, letter)
        except OSError:
            continue
    return bench


def listed(profile: Profile, bench: Bench) -> list[CrashState] | None:
    """All legal images; None where there are too many to list in a moment."""
    states = profile.legal_images(bench.base, tuple(bench.log), 400, random.Random(0))
    found = list(states)
    return found if states.exhaustive else None


@pytest.mark.parametrize("profile", FLASH, ids=lambda profile: profile.name)
@given(
    actions=st.lists(MORE_ACTIONS, min_size=2, max_size=7),
    more=st.lists(MORE_ACTIONS, max_size=3),
    numbers=st.lists(st.integers(0, 2**32), min_size=3, max_size=3),
)
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_listing_drawing_and_folding_agree(
    profile: Profile, actions: Actions, more: Actions, numbers: list[int]
) -> None:
    folded_at = len(play(actions).log)
    bench = play([*actions, *more])
    states = listed(profile, bench)
    if states is None:
        return
    legal = keys(states)
    assert bench.now().digest() in {state.image.digest() for state in states}
    assert all(state.image.digest() == bench.now().digest() for state in states if state.intact)
    assert keys([profile.draw(bench.base, bench.log, random.Random(number)) for number in numbers]) <= legal
    base, rest = profile.durable_prefix(bench.base, bench.log[:folded_at])
    assert keys(every_state(profile, base, [*rest, *bench.log[folded_at:]])) == legal
    durable = profile.surely_durable(bench.base, bench.log)
    for state in states:
        touched = [*state.lost_indices, *(index for index, _ in state.torn_parts)]
        assert len(touched) == len(set(touched))
        assert all(durable[index] != Durability.DURABLE for index in touched)
        assert state.description


@pytest.mark.parametrize("profile", FLASH, ids=lambda profile: profile.name)
@given(actions=st.lists(MORE_ACTIONS, min_size=2, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_until_the_next_barrier_the_legal_images_only_grow(profile: Profile, actions: Actions) -> None:
    bench = play([action for action in actions if action[0] != "drop_dirty"])
    states = listed(profile, bench)
    if states is None:
        return
    last_barrier = max((place for place, op in enumerate(bench.log) if isinstance(op, BARRIERS)), default=-1)
    for length in range(last_barrier + 1, len(bench.log)):
        assert keys(every_state(profile, bench.base, bench.log[:length])) <= keys(states)


def test_a_log_that_may_grow_is_read_again() -> None:
    read = LastRead(lambda base, log: len(log))
    bench = play([("append", "/a", 10)])
    log: list[Op] = list(bench.log)
    assert read(bench.base, log) == len(log)
    log.append(Returned())
    assert read(bench.base, log) == len(log)
    whole = tuple(log)
    assert read(bench.base, whole) == len(log) and read(bench.base, whole[:-1]) == len(log) - 1

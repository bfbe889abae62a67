"""The poorest image of a cut is one that the profile allows, and has nothing in it that might be lost."""

from __future__ import annotations

import stat

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, Link, Op, SyncDirectory, SyncFile, Write
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from harness.storage.profiles.poorest import poorest_image

from .crash_builders import ACTIONS, every_state, play
from .test_profiles_properties import every_profile, few_examples, small

FILE = stat.S_IFREG | 0o644


@every_profile
@given(actions=st.lists(ACTIONS, min_size=1, max_size=4))
@few_examples
def test_it_is_legal(profile: Profile, actions: list[tuple[object, ...]]) -> None:
    bench = play(actions)
    assume(small(profile, bench.base, bench.log))
    legal = {state.image.digest() for state in every_state(profile, bench.base, bench.log)}
    assert poorest_image(profile, bench.base, bench.log).digest() in legal


@pytest.mark.parametrize("name", ["posix-weak", "ext4-ordered", "fat"])
def test_what_was_not_synced_is_gone_and_what_was_is_there(name: str) -> None:
    log: list[Op] = [
        Link(ROOT_INODE, "log", 2, FILE), Write(2, 0, b"kept", 0), SyncFile(2), SyncDirectory(ROOT_INODE),
        Write(2, 4, b"lost", 4), Link(ROOT_INODE, "also lost", 3, FILE),
    ]  # fmt: skip
    profile = registry.get(name)
    assert poorest_image(profile, Image(), log).tree() == {"/log": b"kept"}
    assert len(poorest_image(profile, Image(), log[:2]).tree()) == 0

"""Deciding whether an image is legal agrees with listing the legal ones: on every short history, for members and for others."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.storage.image import Image
from harness.storage.profiles import membership_files, membership_unordered, registry
from harness.storage.profiles.base import Profile
from harness.storage.profiles.membership import Answer, canonical, is_allowed
from harness.storage.profiles.unordered import UnorderedProfile
from tests.storage.crash_builders import ACTIONS, Bench, every_state, play

PROFILES = [registry.get(name) for name in ("ext4-ordered", "ext4-dioread_lock", "xfs", "btrfs")]
every_decision = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
few_examples = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
histories = st.lists(ACTIONS, min_size=1, max_size=6)
Actions = Sequence[tuple[object, ...]]


def renumbered(image: Image) -> Image:
    """The same tree as another mount would number it."""

    def other(inode: int) -> int:
        return inode if inode == 1 else 1000 - inode

    return Image(
        {other(inode): content for inode, content in image.files.items()},
        {
            other(inode): {name: other(child) for name, child in entries.items()}
            for inode, entries in image.directories.items()
        },
        {other(inode): mode for inode, mode in image.modes.items()},
        {other(inode): target for inode, target in image.links.items()},
    )


def perturbed(image: Image, rng: random.Random) -> Image:
    """The image with one thing about it changed."""
    files, directories = dict(image.files), dict(image.directories)
    modes = dict(image.modes)
    inode = rng.choice(sorted(files)) if files else 1
    content = files.get(inode, b"")
    match rng.randrange(6):
        case 0:
            files[inode] = content[: len(content) // 2]
        case 1:
            files[inode] = content + b"\0" * rng.choice((1, 90, 512))
        case 2 if content:
            start = rng.randrange(len(content))
            files[inode] = content[:start] + bytes(min(512, len(content) - start)) + content[start + 512 :]
        case 3:
            directories[1] = dict(sorted(directories[1].items())[1:])
        case 4 if inode in modes:
            modes[inode] ^= 0o22
        case _ if files:
            directories[1] = dict(sorted({**directories[1], "z": inode}.items()))
    return Image(files, directories, modes, dict(image.links))


@every_decision
@given(actions=histories, numbers=st.lists(st.integers(0, 2**32), min_size=4, max_size=4))
@few_examples
def test_the_decision_agrees_with_the_list(profile: Profile, actions: Actions, numbers: list[int]) -> None:
    bench = play(actions)
    listed = profile.legal_images(bench.base, bench.log, 1500, random.Random(0))
    states = list(listed)
    assume(listed.exhaustive)
    legal = {canonical(state.image) for state in states}
    for state in states[:: max(1, len(states) // 60)]:
        assert is_allowed(profile, bench.base, bench.log, renumbered(state.image)) is Answer.ALLOWED
    for number in numbers:
        rng = random.Random(number)
        other = perturbed(rng.choice(states).image, rng)
        expected = Answer.ALLOWED if canonical(other) in legal else Answer.NOT_ALLOWED
        assert is_allowed(profile, bench.base, bench.log, renumbered(other)) is expected


@every_decision
@given(actions=histories)
@few_examples
def test_images_of_a_harsher_profile_are_told_apart(profile: Profile, actions: Actions) -> None:
    bench = play(actions)
    listed = profile.legal_images(bench.base, bench.log, 800, random.Random(0))
    legal = {canonical(state.image) for state in listed}
    assume(listed.exhaustive)
    harsher = registry.get("posix-weak")
    for number in range(20):
        drawn = harsher.draw(bench.base, bench.log, random.Random(number)).image
        expected = Answer.ALLOWED if canonical(drawn) in legal else Answer.NOT_ALLOWED
        assert is_allowed(profile, bench.base, bench.log, drawn) is expected


def test_a_log_too_long_to_list_is_decided() -> None:
    profile = registry.get("ext4-ordered")
    bench = Bench()
    bench.write("/a", b"o" * 8192)
    bench.settle()
    for number in range(40):
        bench.write("/a", bytes([65 + number % 26]) * 1500, 97 * number)
        if number % 4 == 3:
            bench.sync_file("/a")
    drawn = [profile.draw(bench.base, bench.log, random.Random(number)).image for number in range(20)]
    assert all(is_allowed(profile, bench.base, bench.log, image) is Answer.ALLOWED for image in drawn)
    assert is_allowed(profile, bench.base, bench.log, bench.base) is Answer.NOT_ALLOWED


def test_other_profiles_are_decided_by_listing_and_say_when_they_cannot() -> None:
    profile = registry.get("posix-weak")
    bench = play([("append", "/a", 10), ("rename", "/a", "/b")])
    for state in every_state(profile, bench.base, bench.log):
        assert is_allowed(profile, bench.base, bench.log, renumbered(state.image)) is Answer.ALLOWED
    assert is_allowed(profile, bench.base, bench.log, Image({1: b""}, {1: {"x": 9}})) is Answer.NOT_ALLOWED
    many = play([("append", "/a", 700), ("append", "/b", 10), ("rewrite", "/d/c", 40)] * 12)
    assert is_allowed(profile, many.base, many.log, Image({}, {1: {"x": 9}})) is Answer.UNDECIDED


def test_names_of_one_file_are_told_from_two_files_alike() -> None:
    profile = registry.get("ext4-ordered")
    bench = play([("link", "/a", "/b")])
    linked = bench.now()
    number = linked.inode_of("/a")
    assert number is not None
    apart = Image(
        {**linked.files, 77: linked.files[number]},
        {**linked.directories, 1: {**linked.directories[1], "b": 77}},
        {**linked.modes, 77: linked.modes[number]},
    )
    assert is_allowed(profile, bench.base, bench.log, linked) is Answer.ALLOWED
    assert is_allowed(profile, bench.base, bench.log, apart) is Answer.NOT_ALLOWED


@pytest.mark.parametrize("name", ["ext4-ordered", "btrfs", "xfs"])
def test_what_takes_too_long_to_decide_is_undecided_and_never_allowed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = registry.get(name)
    bench = play([("append", "/a", 700), ("append", "/a", 700)])
    legal = [state.image for state in every_state(profile, bench.base, bench.log)]
    alien = Image({}, {1: {"x": 9}})
    assert {is_allowed(profile, bench.base, bench.log, image) for image in legal} == {Answer.ALLOWED}
    monkeypatch.setattr(membership_files, "STATES_MAX", 0)
    assert Answer.UNDECIDED in {is_allowed(profile, bench.base, bench.log, image) for image in legal}
    assert is_allowed(profile, bench.base, bench.log, alien) is Answer.NOT_ALLOWED, "names alone say so"


@pytest.mark.parametrize("name", ["btrfs"])
def test_too_many_names_are_undecided_and_never_allowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = registry.get(name)
    assert isinstance(profile, UnorderedProfile) and membership_unordered.takes(profile)
    bench = play([("append", "/a", 700), ("rename", "/a", "/b")])
    legal = [state.image for state in every_state(profile, bench.base, bench.log)]
    monkeypatch.setattr(membership_unordered, "STATES_MAX", 0)
    assert {is_allowed(profile, bench.base, bench.log, image) for image in legal} == {Answer.UNDECIDED}
    monkeypatch.undo()
    monkeypatch.setattr(membership_files, "STATES_MAX", 0)
    found = {is_allowed(profile, bench.base, bench.log, image) for image in legal}
    assert Answer.UNDECIDED in found and Answer.NOT_ALLOWED not in found

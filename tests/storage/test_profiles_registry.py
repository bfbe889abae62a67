"""The list of profiles: found by name, each described, none excused from more than it has to be."""

import inspect

import pytest

from harness.core.errors import UsageError
from harness.storage.profiles import registry

INVARIANTS = range(1, 32)


def test_every_profile_is_found_by_its_name() -> None:
    assert {"posix-weak", "alice-default", "ext4-ordered", "ext4-noauto_da_alloc", "fat"} <= set(registry.names())
    assert all(registry.get(name).name == name for name in registry.names())


def test_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no storage profile named 'ext4-orderd'; did you mean 'ext4-ordered'\?"):
        registry.get("ext4-orderd")


@pytest.mark.parametrize("name", registry.names())
def test_every_profile_says_what_it_models_and_where_that_comes_from(name: str) -> None:
    profile = registry.get(name)
    module = inspect.getmodule(type(profile))
    assert module is not None and module.__doc__ is not None
    assert all(heading in module.__doc__ for heading in ("May lose:", "Does not lose:", "Source:"))
    assert profile.summary


@pytest.mark.parametrize("name", registry.names())
def test_survivability_names_invariants_and_gives_reasons(name: str) -> None:
    for invariant, reason in registry.get(name).survivability.items():
        assert invariant in INVARIANTS and len(reason) > 40


def test_file_systems_with_a_correct_program_excuse_nothing() -> None:
    flash = ("f2fs", "f2fs-strict", "ubifs", "jffs2", "yaffs2")
    kernels = ("ext4-ordered", "ext4-dioread_lock", "ext4-noauto_da_alloc", "xfs", "btrfs")
    for name in ("posix-weak", "alice-default", *kernels, *flash):
        assert not registry.get(name).survivability
    assert set(registry.get("fat").survivability) == {15}


def test_media_that_betray_software_excuse_what_they_destroy_and_no_more() -> None:
    for name in ("littlefs", "littlefs-nuttx", "littlefs-unordered", "raw-slots", "battery-ram", "emmc-reliable-write"):
        assert not registry.get(name).survivability
    assert set(registry.get("emmc").survivability) == {1, 2, 3, 4, 5, 6, 17, 19, 20, 23, 25, 30, 31}
    assert set(registry.get("sd").survivability) == {1, 2, 3, 4, 5, 6, 15, 17, 19, 20, 23, 25, 30, 31}
    assert set(registry.get("lying-flush").survivability) == {1, 2, 3, 4, 5, 6, 7, 17, 19, 20, 23, 25, 30, 31}
